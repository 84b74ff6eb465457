import { duplicate, type FieldError, invalid } from '../field-error.ts';
import { type Structural, stepInto } from './schema.ts';

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Items of sets, and of lists told apart by keys, that occur more than once: one finding per value. Facts: apiextensions listtype. */
export function validateListTypes(value: unknown, schema: Structural, path = ''): FieldError[] {
  const errors: FieldError[] = [];
  visit(errors, value, schema, path);
  return errors;
}

function visit(errors: FieldError[], value: unknown, schema: Structural, path: string): void {
  if (Array.isArray(value)) {
    if (schema.listType === 'set') for (const i of repeated(value)) errors.push(duplicate(`${path}[${i}]`, value[i]));
    else if (schema.listType === 'map') validateMap(errors, value, schema, path);
    const { items } = schema;
    if (items) value.forEach((item, i) => visit(errors, item, items, `${path}[${i}]`));
    return;
  }
  if (!isObject(value)) return;
  for (const key of Object.keys(value)) {
    const below = stepInto(schema, key);
    if (below) visit(errors, value[key], below, schema.properties.has(key) ? (path ? `${path}.${key}` : key) : `${path}[${key}]`);
  }
}

function validateMap(errors: FieldError[], list: unknown[], { mapKeys }: Structural, path: string): void {
  const wrong = list.findIndex((item) => item !== null && !isObject(item));
  if (wrong >= 0) return void errors.push(invalid(`${path}[${wrong}]`, list[wrong], 'must be an object for an array of list-type map'));
  const keys = list.map((item) => {
    const key: Json = {};
    if (isObject(item)) for (const name of mapKeys) if (Object.hasOwn(item, name)) key[name] = item[name];
    return key;
  });
  for (const i of repeated(keys)) errors.push(duplicate(`${path}[${i}]`, keys[i]));
}

/** Indices of the second occurrence of each value that repeats. */
function repeated(values: readonly unknown[]): number[] {
  if (values.length < 2) return [];
  const times = new Map<string, number>();
  const found: number[] = [];
  values.forEach((value, i) => {
    const id = identity(value);
    const count = (times.get(id) ?? 0) + 1;
    times.set(id, count);
    if (count === 2) found.push(i);
  });
  return found;
}

/** JSON with the keys of objects in order. */
const identity = (value: unknown): string => JSON.stringify(value, (_, item: unknown) => (isObject(item) ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1))) : item));
