import { duplicate, type FieldError, invalid, required, tooMany } from '@pilothouse/apimachinery';
import type { CustomResourceDefinitionVersion as Version, JSONSchemaProps as Schema } from '@pilothouse/api-schemas/types/apiextensions/v1';

const most = 8;

type Found = { path: string; root: string; schema: Schema | undefined } | { error: string };

/** Follows a path of names through a schema. */
function follow(text: string, root: Schema): Found {
  const tokens = text.match(/[.[\]]|[^.[\]]+/g) ?? [];
  let schema: Schema | undefined = root;
  let path = '';
  let first = '';
  for (let i = 0; i < tokens.length; i += 2) {
    if (tokens[i] === '[') return { error: 'array notation is not allowed' };
    if (tokens[i] !== '.') return { error: `expected [ or . but got: ${tokens[i]}` };
    const name = tokens[i + 1];
    if (name === undefined) return { error: 'unexpected end of JSON path' };
    const fields: Record<string, Schema> = schema?.properties ?? {};
    if (Object.keys(fields).length) {
      if (!Object.hasOwn(fields, name)) return { error: 'does not refer to a valid field' };
      schema = fields[name];
      path += path ? `.${name}` : name;
    } else if (schema?.additionalProperties !== undefined && schema.additionalProperties !== null) {
      schema = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
      path += `[${name}]`;
    } else return { error: 'does not refer to a valid field' };
    first ||= name;
  }
  return { path, root: first, schema };
}

/** Fields by which lists can be filtered: `schema` is where upstream looks for it, which is not always where it is. */
export function validateSelectableFields(errors: FieldError[], fields: Version['selectableFields'], schema: Schema | undefined, path: string, without: string): void {
  if (!fields?.length) return;
  if (!schema) return void errors.push(invalid(path, '', without));
  const seen = new Set<string>();
  fields.forEach(({ jsonPath }, i) => {
    const at = `${path}[${i}].jsonPath`;
    if (!jsonPath) return void errors.push(required(at));
    const found = follow(jsonPath, schema);
    if ('error' in found) return void errors.push(invalid(at, jsonPath, `is an invalid path: ${found.error}`));
    if (found.root === 'metadata') errors.push(invalid(at, jsonPath, 'must not point to fields in metadata'));
    if (!['string', 'boolean', 'integer'].includes(found.schema?.type ?? '')) errors.push(invalid(at, jsonPath, 'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.'));
    if (seen.has(found.path)) errors.push(duplicate(at, jsonPath));
    seen.add(found.path);
  });
  if (seen.size > most) errors.push(tooMany(path, seen.size, most));
}
