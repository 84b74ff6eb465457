/** Lists whose items are told apart: by their whole value, or by keys. Facts: apiextensions validation. */
import { type FieldError, forbidden, invalid, notSupported, required } from '@pilothouse/apimachinery';
import type { JSONSchemaProps as Schema } from '@pilothouse/api-schemas/types/apiextensions/v1';
import { internalItems } from './internal-schema.ts';

const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value);
const propertyOf = (schema: Schema, name: string): Schema | undefined => (Object.hasOwn(schema.properties ?? {}, name) ? schema.properties![name] : undefined);

function validateKeys(errors: FieldError[], keys: readonly string[], items: Schema, path: string): void {
  const keysPath = `${path}.x-kubernetes-list-map-keys`;
  keys.forEach((key, i) => {
    const property = propertyOf(items, key);
    if (!property) errors.push(invalid(keysPath, keys, 'entries must all be names of item properties'));
    else if (property.type === 'array' || property.type === 'object') errors.push(invalid(`${path}.items.properties[${key}].type`, items.type, "must be a scalar type if parent array's x-kubernetes-list-type is map"));
    if (keys.indexOf(key) < i) errors.push(invalid(keysPath, keys, 'must not contain duplicate entries'));
  });
}

function validateMap(errors: FieldError[], schema: Schema, keys: readonly string[], path: string): void {
  const { items } = schema;
  if (!keys.length) errors.push(required(`${path}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map'));
  if (items === undefined || items === null) errors.push(required(`${path}.items`, 'must have a schema if x-kubernetes-list-type is map'));
  else if (!isSchema(items)) errors.push(invalid(`${path}.items`, internalItems(items), 'must only have a single schema if x-kubernetes-list-type is map'));
  else if (items.type !== 'object') errors.push(invalid(`${path}.items.type`, items.type ?? '', "must be object if parent array's x-kubernetes-list-type is map"));
  else validateKeys(errors, keys, items, path);
}

/** What tells items apart is there in each of them. */
function validateIdentity(errors: FieldError[], items: Schema, listType: string, keys: readonly string[], path: string): void {
  if (items.nullable) errors.push(forbidden(`${path}.items.nullable`, `cannot be nullable when x-kubernetes-list-type is ${listType}`));
  for (const key of listType === 'map' ? keys : []) {
    const property = propertyOf(items, key);
    if (!property) continue;
    const at = `${path}.items.properties[${key}]`;
    if (!items.required?.includes(key) && (property.default === undefined || property.default === null)) errors.push(required(`${at}.default`, 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property'));
    if (property.nullable) errors.push(forbidden(`${at}.nullable`, 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable'));
  }
}

export function validateListType(errors: FieldError[], schema: Schema, path: string): void {
  const { type = '', items, 'x-kubernetes-list-type': listType, 'x-kubernetes-list-map-keys': keys = [] } = schema;
  const at = `${path}.x-kubernetes-list-type`;
  if (listType !== undefined && type !== 'array') {
    const detail = 'must be array if x-kubernetes-list-type is specified';
    errors.push(type ? invalid(`${path}.type`, type, detail) : required(`${path}.type`, detail));
  } else if (listType === 'set' && isSchema(items)) {
    const detail = 'must be atomic as item of a list with x-kubernetes-list-type=set';
    const inner = items['x-kubernetes-list-type'];
    if (items.type === 'array' && inner !== undefined && inner !== 'atomic') errors.push(invalid(`${path}.items.x-kubernetes-list-type`, inner, detail));
    // Upstream shows the type of the list here too.
    if (items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic') errors.push(invalid(`${path}.items.x-kubernetes-map-type`, inner ?? null, detail));
  }
  if (listType !== undefined && !['atomic', 'set', 'map'].includes(listType)) errors.push(notSupported(at, listType, ['atomic', 'set', 'map']));
  if (keys.length && listType !== 'map') {
    const detail = 'must be map if x-kubernetes-list-map-keys is non-empty';
    errors.push(listType === undefined ? required(at, detail) : invalid(at, listType, detail));
  }
  if (listType === 'map') validateMap(errors, schema, keys, path);
  if (isSchema(items) && (listType === 'map' || listType === 'set')) validateIdentity(errors, items, listType, keys, path);
}
