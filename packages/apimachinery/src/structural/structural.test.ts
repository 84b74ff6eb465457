import { describe, expect, test } from 'vitest';
import { compileValidator, fieldErrors, type JSONSchemaProps, prune, setDefaults, structuralOf, validateListTypes } from './index.ts';

const check = (schema: JSONSchemaProps, value: unknown, old?: unknown): string[] => fieldErrors(compileValidator(schema)(value, old === undefined ? undefined : { value: old }, '').errors).map(({ field, message }) => `${field}: ${message}`);
const spec = (properties: Record<string, JSONSchemaProps>): JSONSchemaProps => ({ type: 'object', properties: { spec: { type: 'object', properties } } });

describe('validation by a schema', () => {
  const schema = spec({
    s: { type: 'string', maxLength: 3 }, i: { type: 'integer' }, i32: { type: 'integer', format: 'int32' }, mul: { type: 'number', multipleOf: 0.5 }, either: { 'x-kubernetes-int-or-string': true }, d: { type: 'string', format: 'date' },
    e: { type: 'string', enum: ['red', 'green'] }, req: { type: 'object', required: ['a', 'b'] }, list: { type: 'array', maxItems: 1, items: { type: 'integer', maximum: 9 } }, any: { type: 'integer', anyOf: [{ minimum: 5 }, { maximum: 1 }] }, one: { type: 'integer', oneOf: [{ minimum: 5 }, { minimum: 3 }] }, none: { type: 'string', nullable: true },
  });
  test.each<[object, string[]]>([
    [{ s: 1 }, ['spec.s: Invalid value: "integer": spec.s in body must be of type string: "integer"']],
    [{ s: 'abcd' }, ['spec.s: Too long: may not be more than 3 bytes']],
    [{ i: 1.5 }, ['spec.i: Invalid value: "number": spec.i in body must be of type integer: "number"', '<nil>: Invalid value: "": Checked value must be of type integer (default format) in spec.i']],
    [{ i32: 2147483648 }, ['<nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec.i32']],
    [{ mul: 1.3 }, ['spec.mul: Invalid value: 1.3: spec.mul in body should be a multiple of 0.5']],
    [{ either: true }, ['spec.either: Invalid value: "boolean": spec.either in body must be of type integer,string: "boolean"']],
    [{ either: '5%', mul: 1.5, none: null, any: 6, one: 4, d: '2024-02-29' }, []],
    [{ d: '2023-02-29' }, ['spec.d: Invalid value: "2023-02-29": spec.d in body must be of type date: "2023-02-29"']],
    [{ e: 'blue' }, ['spec.e: Unsupported value: "blue": supported values: "red", "green"']],
    [{ req: {} }, ['spec.req.a: Required value', 'spec.req.b: Required value']],
    [{ list: [10, 'x'] }, ['spec.list[0]: Invalid value: 10: spec.list[0] in body should be less than or equal to 9', 'spec.list[1]: Invalid value: "string": spec.list[1] in body must be of type integer: "string"', 'spec.list: Too many: 2: must have at most 1 item']],
    [{ any: 3 }, ['<nil>: Invalid value: "": "spec.any" must validate at least one schema (anyOf)', 'spec.any: Invalid value: 3: spec.any in body should be greater than or equal to 5']],
    [{ one: 7 }, ['<nil>: Invalid value: "": "spec.one" must validate one and only one schema (oneOf). Found 2 valid alternatives']],
    [{ s: null }, ['spec.s: Invalid value: "null": spec.s in body must be of type string: "null"']],
  ])('%j', (value, messages) => {
    expect(check(schema, { spec: value })).toEqual(messages);
  });
});

describe('ratcheting', () => {
  const item = { type: 'object', properties: { k: { type: 'string' }, v: { type: 'string', maxLength: 1 } } };
  const schema = spec({ a: { type: 'string', maxLength: 1 }, b: { type: 'string' }, at: { type: 'array', items: { type: 'string', maxLength: 1 } }, map: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'], items: item } });
  const old = { spec: { a: 'long', at: ['long'], map: [{ k: '1', v: 'long' }] } };
  test('what an update leaves as it was is forgiven', () => {
    expect(check(schema, { spec: { ...old.spec, b: 'new' } }, old)).toEqual([]);
  });
  test('what it changes is not', () => {
    expect(check(schema, { spec: { ...old.spec, a: 'other' } }, old)).toEqual(['spec.a: Too long: may not be more than 1 byte']);
  });
  test('items are told apart by their keys, and not at all without', () => {
    expect(check(schema, { spec: { ...old.spec, map: [{ k: '2', v: 'x' }, { k: '1', v: 'long' }] } }, old)).toEqual([]);
    expect(check(schema, { spec: { ...old.spec, at: ['long', 'x'] } }, old)).toEqual(['spec.at[0]: Too long: may not be more than 1 byte']);
  });
});

describe('reading', () => {
  const schema = structuralOf(spec({ known: { type: 'string', default: 'K' }, keep: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { inner: { type: 'object', properties: { k: { type: 'string' } } } } }, list: { type: 'array', items: { type: 'object', properties: { a: { type: 'string' } } } }, embedded: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true } }));
  test('unknown fields go and are told', () => {
    const { object, unknown } = prune({ kind: 'W', metadata: { name: 'n', bogus: 1 }, spec: { unknown: 1, keep: { free: { x: 1 }, inner: { k: 'v', gone: 1 } }, list: [{ a: 'x', b: 'y' }], known: null }, extra: 1 }, schema);
    expect(object).toEqual({ kind: 'W', metadata: { name: 'n' }, spec: { keep: { free: { x: 1 }, inner: { k: 'v' } }, list: [{ a: 'x' }] } });
    expect(unknown).toEqual(['metadata.bogus', 'extra', 'spec.keep.inner.gone', 'spec.list[0].b', 'spec.unknown']);
  });
  test('metadata of embedded resources is read as metadata', () => {
    expect(prune({ spec: { embedded: { kind: 'X', metadata: { name: 'n', bogus: 1 } } } }, schema).unknown).toEqual(['spec.embedded.metadata.bogus']);
    expect(() => prune({ spec: { embedded: { kind: 1 } } }, schema)).toThrow('spec.embedded.kind: Invalid value: 1: must be a string');
  });
  test('defaults come where a field is missing', () => {
    const object = { spec: {} };
    expect(setDefaults(object, schema)).toBe(true);
    expect(object).toEqual({ spec: { known: 'K' } });
    expect(setDefaults(object, schema)).toBe(false);
  });
  test('keys that objects inherit are keys like others', () => {
    expect(prune(JSON.parse('{"spec":{"__proto__":1,"constructor":2,"toString":3}}'), schema).object).toEqual({ spec: {} });
  });
});

test('repeated items of sets and of lists by key are told once', () => {
  const schema = structuralOf({ type: 'object', properties: { set: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } }, map: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'], items: { type: 'object', properties: { k: { type: 'string' } } } } } });
  expect(validateListTypes({ set: ['a', 'b', 'a', 'a'], map: [{ k: 'x' }, { k: 'x' }] }, schema).map(({ field, message }) => `${field}: ${message}`)).toEqual(['set[2]: Duplicate value: "a"', 'map[1]: Duplicate value: {"k":"x"}']);
});
