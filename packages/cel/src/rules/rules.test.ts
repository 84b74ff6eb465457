import { describe, expect, it } from 'vitest';
import { checkSchemaRules } from './check-schema.ts';
import type { RuleSchema, ValidationRule } from './contract.ts';
import { compileRules } from './validate.ts';

const withRules = (schema: RuleSchema, ...rules: (string | ValidationRule)[]): RuleSchema => ({ ...schema, 'x-kubernetes-validations': rules.map((rule) => (typeof rule === 'string' ? { rule } : rule)) });
const root = (spec: RuleSchema): RuleSchema => ({ type: 'object', properties: { spec } });
const text = ({ field, message }: { field: string; message: string }) => `${field}: ${message}`;
const run = (schema: RuleSchema, object: object, old?: object) => {
  const { errors, warnings } = compileRules(schema)!.validate(object, old);
  return { errors: errors.map(text), warnings };
};
const check = (schema: RuleSchema): string[] => checkSchemaRules(schema, 'schema', () => false).map(text);
const int = { type: 'integer' };
const object = (properties: Record<string, RuleSchema>): RuleSchema => ({ type: 'object', properties });

describe('rules of custom resources', () => {
  it('are told of with reason, path and message', () => {
    const schema = root(withRules(object({ a: int, b: int, m: { type: 'object', additionalProperties: { type: 'string' } } }), { rule: 'self.a == 0', fieldPath: '.a' }, { rule: 'self.b == 0', reason: 'FieldValueRequired', fieldPath: '.b' }, { rule: "!('k' in self.m)", fieldPath: ".m['k']", message: 'no k' }));
    expect(run(schema, { spec: { a: 1, b: 1, m: { k: 'v' } } }).errors).toEqual(['spec.a: Invalid value: failed rule: self.a == 0', 'spec.b: Required value: failed rule: self.b == 0', 'spec.m[k]: Invalid value: no k']);
  });
  it('see names that are no identifiers, and words, escaped', () => {
    const schema = root(withRules(object({ 'a-b': int, namespace: { type: 'string' } }), "self.a__dash__b > 0 && self.__namespace__ != 'no'"));
    expect(run(schema, { spec: { 'a-b': 1, namespace: 'yes' } }).errors).toEqual([]);
    expect(run(schema, { spec: { 'a-b': 0, namespace: 'yes' } }).errors).toHaveLength(1);
  });
  it('compare with the old value on update only, items of map lists by their keys', () => {
    const items = object({ k: { type: 'string' }, v: withRules(int, { rule: 'self >= oldSelf', message: 'v only grows' }) });
    const schema = root(object({ l: { type: 'array', items, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'] } }));
    const of = (...values: [string, number][]) => ({ spec: { l: values.map(([k, v]) => ({ k, v })) } });
    expect(run(schema, of(['a', 1])).errors).toEqual([]);
    expect(run(schema, of(['b', 9], ['a', 0]), of(['a', 1], ['b', 3])).errors).toEqual(['spec.l[1].v: Invalid value: 0: v only grows']);
  });
  it('only warn of values that an update leaves as they were', () => {
    const schema = root(object({ a: withRules(int, 'self > 5'), b: int }));
    expect(run(schema, { spec: { a: 1, b: 2 } }, { spec: { a: 1, b: 1 } })).toEqual({ errors: [], warnings: ['spec.a: Invalid value: 1: failed rule: self > 5'] });
  });
  it('give an optional old value where they ask for one', () => {
    const schema = root(object({ s: withRules({ type: 'string' }, { rule: "oldSelf.hasValue() || self == 'start'", optionalOldSelf: true }) }));
    expect(run(schema, { spec: { s: 'x' } }).errors).toHaveLength(1);
    expect(run(schema, { spec: { s: 'x' } }, { spec: { s: 'start' } }).errors).toEqual([]);
  });
  it('stop where one costs too much', () => {
    const schema = root(withRules(object({ l: { type: 'array', items: int } }), { rule: 'self.l.all(x, self.l.all(y, x + y > 0))', message: 'quadratic' }));
    expect(run(schema, { spec: { l: Array.from({ length: 1000 }, () => 1) } }).errors).toEqual(["spec: Invalid value: \"object\": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: quadratic"]);
  });
});

describe('rules of a schema', () => {
  it('must compile, to a bool', () => {
    expect(check(withRules(object({ a: int }), 'self.a'))).toEqual(['schema.x-kubernetes-validations[0].rule: Invalid value: {"Rule":"self.a","Message":"","MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}: cel expression must evaluate to a bool']);
    expect(check(withRules(object({ a: int }), "self.a > 0 && self.a == ''"))[0]).toMatch(/^schema.*"self.a \\u003e 0 \\u0026\\u0026 self.a == ''".*compilation failed: ERROR: <input>:1:22: found no matching overload/s);
  });
  it('must not cost too much, as far as bounds tell', () => {
    const list: RuleSchema = { type: 'array', items: { type: 'string' } };
    expect(check(object({ l: withRules(list, 'self.all(x, self.all(y, x != y))') }))).toEqual([
      expect.stringContaining('schema.properties[l].x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x'),
      'schema.properties[l].x-kubernetes-validations[0].rule: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema',
      expect.stringContaining('schema: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget'),
    ]);
    expect(check(object({ l: withRules({ ...list, maxItems: 10, items: { type: 'string', maxLength: 10 } }, 'self.all(x, self.all(y, x != y))') }))).toEqual([]);
  });
  it('may ask for old values only where they can be told apart', () => {
    expect(check(object({ l: { type: 'array', maxItems: 3, items: object({ v: withRules(int, 'self >= oldSelf') }) } }))).toEqual(['schema.properties[l].items.properties[v].x-kubernetes-validations[0].rule: Invalid value: "self >= oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within schema.properties[l]']);
  });
});
