/**
 * Values against a schema, with the findings that Kubernetes reports. Compiled once per schema; an update is forgiven
 * what is wrong with values it leaves as they were (ratcheting). Facts: kube-openapi validate, apiextensions validation.
 */
import { equalJson } from '../patch/json-patch.ts';
import { goRegExp } from '../go-regexp.ts';
import { checkNumber } from './validate-number.ts';
import { findings as words, type Finding } from './findings.ts';
import { formatOf } from './formats.ts';
import { isSchema, type JSONSchemaProps } from './schema.ts';

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value that an update replaces, where it can be told which that is. */
export interface Old {
  value: unknown;
}

export interface Result {
  errors: Finding[];
  /** How many checks went well: of several alternatives that fail, the one with the most is explained. */
  matches: number;
}

/** `path` is as messages show it: `spec.list[0]`; '' at the root. */
export type Validate = (value: unknown, old: Old | undefined, path: string) => Result;

/** Checks of one value, in the order in which findings come. Undefined: nothing to say, and no check done. */
type Check = (value: unknown, old: Old | undefined, path: string) => Result | undefined;

const nothing: Result = Object.freeze({ errors: [] as Finding[], matches: 0 });
const passed: Result = Object.freeze({ errors: [] as Finding[], matches: 1 });
const failed = (...errors: Finding[]): Result => ({ errors, matches: 0 });

export const jsonTypeOf = (value: unknown): string => (value === null || value === undefined ? 'null' : Array.isArray(value) ? 'array' : typeof value === 'number' ? (Number.isInteger(value) ? 'integer' : 'number') : typeof value === 'bigint' ? 'integer' : typeof value);

/** Of a schema and everything below it; `ratchets`: a value that is as it was is forgiven. */
export function compileValidator(schema: JSONSchemaProps, ratchets = true): Validate {
  const checks = [typeCheck(schema), junctorCheck(schema), stringCheck(schema), formatCheck(schema), numberCheck(schema), listCheck(schema), enumCheck(schema), objectCheck(schema)];
  const [type] = checks;
  const enumeration = checks[6];
  return (value, old, path) => {
    const result: Result = { errors: [], matches: 0 };
    const isNull = value === null || value === undefined;
    for (const check of isNull ? [type, enumeration] : checks) {
      const found = check?.(value, old, path);
      if (found === undefined) continue;
      result.matches += found.matches + (isNull ? 0 : 1);
      if (found.errors.length) result.errors.push(...found.errors);
    }
    if (!isNull) result.matches++;
    if (result.errors.length && ratchets && old && equalJson(old.value, value)) result.errors = [];
    return result;
  };
}

function typeCheck(schema: JSONSchemaProps): Check | undefined {
  const types = schema['x-kubernetes-int-or-string'] ? ['integer', 'string'] : schema.type ? [schema.type] : [];
  const format = effectiveFormat(schema);
  if (!types.length && !format) return undefined;
  const nullable = schema.nullable === true || !types.length;
  const numeric = types.includes('number') || types.includes('integer');
  return (value, _, path) => {
    const found = jsonTypeOf(value);
    if (found === 'null') return nullable ? passed : failed(words.type(path, types.join(','), found));
    if (types.includes(found) || (found === 'integer' && types.includes('number'))) return passed;
    // Where there is a format, it stands in for the type.
    if (format && found !== 'string' && found !== 'array') return failed(words.type(path, format, found === 'integer' ? 'int64' : found === 'number' ? 'float64' : ''));
    if (format && !numeric) return passed;
    return failed(words.type(path, types.join(','), found));
  };
}

/** The format, where it is known and values of the schema's type can have it. */
export function effectiveFormat(schema: JSONSchemaProps): string | undefined {
  const { format, type = '' } = schema;
  if (!format || schema['x-kubernetes-int-or-string']) return undefined;
  if (type === 'integer') return format === 'int32' || format === 'int64' ? format : undefined;
  if (type === 'number') return format === 'float' || format === 'double' ? format : undefined;
  return (type === '' || type === 'string') && formatOf(format) ? format : undefined;
}

const compileAll = (schemas: readonly JSONSchemaProps[] | undefined): Validate[] => (schemas ?? []).map((schema) => compileValidator(schema, false));

function junctorCheck(schema: JSONSchemaProps): Check {
  const any = compileAll(schema.anyOf);
  const one = compileAll(schema.oneOf);
  const all = compileAll(schema.allOf);
  const not = schema.not && compileValidator(schema.not, false);
  if (!any.length && !one.length && !all.length && !not) return () => ({ errors: [], matches: 1 });
  return (value, old, path) => {
    const result: Result = { errors: [], matches: 1 };
    const take = (found: Result): void => {
      result.errors.push(...found.errors);
      result.matches += found.matches;
    };
    if (any.length) {
      let best: Result | undefined;
      let valid: Result | undefined;
      for (const validate of any) {
        const found = validate(value, old, path);
        if (!found.errors.length) {
          valid = found;
          break;
        }
        if (!best || found.matches > best.matches) best = found;
      }
      if (!valid) result.errors.push(words.plain(`${JSON.stringify(path)} must validate at least one schema (anyOf)`));
      take(valid ?? best!);
    }
    if (one.length) {
      const found = one.map((validate) => validate(value, old, path));
      const valid = found.filter(({ errors }) => !errors.length);
      if (valid.length === 1) take(valid[0]);
      else {
        result.errors.push(words.plain(`${JSON.stringify(path)} must validate one and only one schema (oneOf). ${valid.length ? `Found ${valid.length} valid alternatives` : 'Found none valid'}`));
        if (!valid.length) take(found.reduce((best, next) => (next.matches > best.matches ? next : best)));
      }
    }
    if (all.length) {
      let valid = 0;
      for (const validate of all) {
        const found = validate(value, old, path);
        if (!found.errors.length) valid++;
        take(found);
      }
      if (valid !== all.length) result.errors.push(words.plain(`${JSON.stringify(path)} must validate all the schemas (allOf)${valid ? '' : '. None validated'}`));
    }
    if (not && !not(value, old, path).errors.length) result.errors.push(words.plain(`${JSON.stringify(path)} must not validate the schema (not)`));
    return result;
  };
}

function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

function stringCheck({ minLength, maxLength, pattern }: JSONSchemaProps): Check {
  return (value, _, path) => {
    if (typeof value !== 'string') return undefined;
    if (maxLength !== undefined && value.length > maxLength && lengthOf(value) > maxLength) return failed(words.tooLong(path, maxLength, value));
    if (minLength !== undefined && (value.length < minLength || lengthOf(value) < minLength)) return failed(words.tooShort(path, minLength, value));
    if (pattern && !matchesPattern(pattern, value)) return failed(words.pattern(path, pattern, value));
    return nothing;
  };
}

/** An expression that cannot be read, which definitions are refused for, matches nothing. */
function matchesPattern(pattern: string, text: string): boolean {
  try {
    return goRegExp(pattern).test(text);
  } catch {
    return false;
  }
}

function formatCheck(schema: JSONSchemaProps): Check | undefined {
  const format = effectiveFormat(schema);
  const isValid = format && formatOf(format);
  if (!isValid) return undefined;
  return (value, _, path) => (typeof value !== 'string' ? undefined : isValid(value) ? nothing : failed(words.type(path, format, value)));
}

function numberCheck(schema: JSONSchemaProps): Check {
  const format = effectiveFormat(schema) ?? '';
  return (value, _, path) => {
    if (typeof value !== 'number' && typeof value !== 'bigint') return undefined;
    const errors = checkNumber(value, schema, format, path);
    return { errors, matches: 1 };
  };
}

function enumCheck({ enum: values }: JSONSchemaProps): Check {
  if (!values?.length) return () => nothing;
  return (value, _, path) => (value !== null && values.some((one) => equalJson(one, value)) ? nothing : failed(words.enum(path, value, values)));
}

function listCheck(schema: JSONSchemaProps): Check {
  const { minItems, maxItems, uniqueItems } = schema;
  const item = isSchema(schema.items) ? compileValidator(schema.items) : undefined;
  const keys = schema['x-kubernetes-list-type'] === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? []) : [];
  const defaults = isSchema(schema.items) ? (schema.items.properties ?? {}) : {};
  const keyOf = (entry: unknown): string | undefined => (isObject(entry) ? JSON.stringify(keys.map((key) => entry[key] ?? defaults[key]?.default ?? null)) : undefined);
  return (value, old, path) => {
    if (!Array.isArray(value)) return undefined;
    const result: Result = { errors: [], matches: 1 };
    if (item) {
      const before = keys.length && Array.isArray(old?.value) ? byKey(old.value, keyOf) : undefined;
      for (let i = 0; i < value.length; i++) {
        const found = item(value[i], before && before.get(keyOf(value[i]) ?? ''), `${path}[${i}]`);
        result.matches += found.matches;
        if (found.errors.length) result.errors.push(...found.errors);
      }
    }
    if (minItems !== undefined && value.length < minItems) result.errors.push(words.tooFewItems(path, minItems, value.length));
    if (maxItems !== undefined && value.length > maxItems) result.errors.push(words.tooManyItems(path, maxItems, value.length));
    if (uniqueItems && value.some((one, i) => value.slice(0, i).some((other) => equalJson(one, other)))) result.errors.push(words.duplicates(path));
    return result;
  };
}

function byKey(list: readonly unknown[], keyOf: (entry: unknown) => string | undefined): Map<string, Old> {
  const found = new Map<string, Old>();
  for (const value of list) {
    const key = keyOf(value);
    if (key !== undefined && !found.has(key)) found.set(key, { value });
  }
  return found;
}

function objectCheck(schema: JSONSchemaProps): Check {
  const { minProperties, maxProperties, required = [], additionalProperties: others } = schema;
  const properties = Object.entries(schema.properties ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, property]): [string, Validate] => [name, compileValidator(property)]);
  const names = new Set(properties.map(([name]) => name));
  const other = isSchema(others) ? compileValidator(others) : undefined;
  const forbids = others === false;
  const atomic = schema['x-kubernetes-map-type'] === 'atomic';
  return (value, old, path) => {
    if (!isObject(value)) return undefined;
    const result: Result = { errors: [], matches: 0 };
    const before = !atomic && isObject(old?.value) ? old.value : undefined;
    const oldOf = (key: string): Old | undefined => (before && Object.hasOwn(before, key) && !(path === '' && (key === 'kind' || key === 'apiVersion')) ? { value: before[key] } : undefined);
    const take = (found: Result): void => {
      result.matches += found.matches;
      if (found.errors.length) result.errors.push(...found.errors);
    };
    const count = minProperties !== undefined || maxProperties !== undefined ? Object.keys(value).length : 0;
    if (minProperties !== undefined && count < minProperties) result.errors.push(words.tooFewProperties(path, minProperties, count));
    if (maxProperties !== undefined && count > maxProperties) result.errors.push(words.tooManyProperties(path, maxProperties, count));
    if (other || forbids) {
      for (const key of Object.keys(value).sort()) {
        if (names.has(key)) continue;
        if (other) take(other(value[key], oldOf(key), `${path}.${key}`));
        else result.errors.push(words.notAllowed(path, key));
      }
    }
    for (const [name, validate] of properties) if (Object.hasOwn(value, name) && value[name] !== undefined) take(validate(value[name], oldOf(name), path ? `${path}.${name}` : name));
    for (const name of required) if (!Object.hasOwn(value, name)) result.errors.push(words.required(`${path}.${name}`));
    return result;
  };
}
