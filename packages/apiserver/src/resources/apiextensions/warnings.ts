import type { CustomResourceDefinitionVersion } from '@pilothouse/api-schemas/types/apiextensions/v1';
import { effectiveFormat, isSchema, type JSONSchemaProps as Schema } from '@pilothouse/apimachinery/structural/index';

/** What a definition is warned of: formats that nobody checks. What it was warned of before is not told again. */
export function definitionWarnings(versions: readonly CustomResourceDefinitionVersion[], old: readonly CustomResourceDefinitionVersion[] | undefined): string[] {
  const known = new Set(old?.flatMap((version) => unknownFormats(version.schema?.openAPIV3Schema)));
  const found = versions.flatMap((version) => unknownFormats(version.schema?.openAPIV3Schema));
  return found.filter((format) => !known.has(format)).map((format) => `unrecognized format ${JSON.stringify(format)}`);
}

function unknownFormats(schema: unknown): string[] {
  if (!isSchema(schema)) return [];
  const own = schema.format && effectiveFormat(schema) === undefined ? [schema.format] : [];
  const below: unknown[] = [schema.items, schema.additionalProperties, schema.not, ...(schema.allOf ?? []), ...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...Object.values<Schema>(schema.properties ?? {})];
  return [...own, ...below.flatMap(unknownFormats)];
}
