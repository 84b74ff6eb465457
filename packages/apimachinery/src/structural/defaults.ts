import { type Structural, stepInto } from './schema.ts';

type Json = Record<string, unknown>;

/** Sets what the object, its lists and its maps leave out and the schema has a default for. True where that changed anything. */
export function setDefaults(value: unknown, schema: Structural): boolean {
  let changed = false;
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items) return false;
    for (let i = 0; i < value.length; i++) {
      if (value[i] === null && !items.nullable && items.default !== undefined) {
        value[i] = structuredClone(items.default);
        changed = true;
      }
      if (setDefaults(value[i], items)) changed = true;
    }
    return changed;
  }
  if (typeof value !== 'object' || value === null) return false;
  const object = value as Json;
  for (const [key, property] of schema.properties) {
    if (property.default === undefined) continue;
    if (!Object.hasOwn(object, key) || object[key] === undefined || (object[key] === null && !property.nullable)) {
      object[key] = structuredClone(property.default);
      changed = true;
    }
  }
  for (const key in object) {
    const below = stepInto(schema, key);
    if (!below) continue;
    if (object[key] === null && !below.nullable && below.default !== undefined) {
      object[key] = structuredClone(below.default);
      changed = true;
    }
    if (setDefaults(object[key], below)) changed = true;
  }
  return changed;
}
