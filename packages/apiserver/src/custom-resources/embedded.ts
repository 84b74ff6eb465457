import { dns1035Label, type FieldError, invalid, nameIsPathSegment, required, validateObjectMeta } from '@pilothouse/apimachinery';
import type { ObjectMeta } from '@pilothouse/api-schemas/types/meta/v1';
import type { Structural } from '@pilothouse/apimachinery/structural/index';

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is wrong with the objects inside an object: their kinds and metadata follow the rules of every object. */
export function validateEmbedded(value: unknown, schema: Structural, path = ''): FieldError[] {
  if (Array.isArray(value)) return schema.items ? value.flatMap((item, i) => validateEmbedded(item, schema.items!, `${path}[${i}]`)) : [];
  if (!isObject(value)) return [];
  const errors = schema.embedded && path ? validateResource(value, path) : [];
  for (const key of Object.keys(value)) {
    const property = schema.properties.get(key);
    if (property) errors.push(...validateEmbedded(value[key], property, path ? `${path}.${key}` : key));
    else if (schema.additional && schema.additional !== 'any') errors.push(...validateEmbedded(value[key], schema.additional, `${path}[${key}]`));
  }
  return errors;
}

function validateResource(value: Json, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const name of ['apiVersion', 'kind']) if (!Object.hasOwn(value, name)) errors.push(required(`${path}.${name}`));
  const { apiVersion, kind, metadata } = value;
  if (apiVersion === '') errors.push(invalid(`${path}.apiVersion`, '', 'must not be empty'));
  else if (typeof apiVersion === 'string' && apiVersion.split('/').length > 2) errors.push(invalid(`${path}.apiVersion`, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  if (kind === '') errors.push(invalid(`${path}.kind`, '', 'must not be empty'));
  else if (typeof kind === 'string') {
    const wrong = dns1035Label(kind.toLowerCase());
    if (wrong.length) errors.push(invalid(`${path}.kind`, kind, `may have mixed case, but should otherwise match: ${wrong.join(',')}`));
  }
  if (isObject(metadata)) {
    const meta = { ...metadata, name: metadata.name || 'unnamed' } as ObjectMeta;
    errors.push(...validateObjectMeta(meta, { name: nameIsPathSegment, namespaced: !!meta.namespace }).map((error) => ({ ...error, field: `${path}.${error.field}` })));
  }
  return errors;
}
