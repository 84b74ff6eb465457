/** Asks the rules of a custom resource, on create and update. */
import type { FieldError } from '@pilothouse/apimachinery';
import type { Activation } from '../eval/frame.ts';
import { none, Optional } from '../eval/values.ts';
import { maxMessageBytes, perCallLimit, runTimeBudget } from '../kubernetes.ts';
import { type DeclaredType, declareType } from '../schema/declared-type.ts';
import { escapeName } from '../schema/escaping.ts';
import { type Adapter, adapterOf } from '../schema/values.ts';
import { type CompiledRule, compileSchemaRules, declareSelf } from './compile.ts';
import type { CompileRules, RuleSchema, RuleVerdict, ValidationRule } from './contract.ts';
import { sameJson } from './same-json.ts';

type Json = unknown;
type JsonObject = Record<string, Json>;

/** What an update may leave as it was: the value with its old self, or the nearest one above that has one. */
interface Correlation {
  current?: { now: Json; old: Json };
  parent?: { now: Json; old: Json };
}

interface Node {
  schema: RuleSchema;
  rules: CompiledRule[];
  /** Why no rule could be compiled. */
  problem?: string;
  adapt: Adapter;
  properties: Map<string, Node>;
  items?: Node;
  additional?: Node;
}

const hasRules = (schema: RuleSchema | undefined): boolean => {
  if (!schema) return false;
  if (schema['x-kubernetes-validations']?.length) return true;
  if (schema.items && !Array.isArray(schema.items) && hasRules(schema.items as RuleSchema)) return true;
  if (typeof schema.additionalProperties === 'object' && hasRules(schema.additionalProperties)) return true;
  return Object.values(schema.properties ?? {}).some(hasRules);
};

function buildNode(schema: RuleSchema, declared: DeclaredType | undefined, root: boolean): Node {
  const whole = root || Boolean(schema['x-kubernetes-embedded-resource']);
  const own = schema['x-kubernetes-validations']?.length;
  const node: Node = { schema, rules: own && declared ? compileSchemaRules(schema, declared) : [], adapt: adapterOf(schema, whole), properties: new Map() };
  if (own && !declared) node.problem = 'failed to convert to declType for CEL validation rules';
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    if (!hasRules(inner)) continue;
    const escaped = escapeName(name);
    const known = escaped === undefined ? declareType(inner, { root: inner['x-kubernetes-embedded-resource'], name }) : declared?.fields?.get(escaped)?.declared;
    if (known || !declared) node.properties.set(name, buildNode(inner, known, false));
  }
  const items = schema.items && !Array.isArray(schema.items) ? (schema.items as RuleSchema) : undefined;
  if (items && hasRules(items)) node.items = buildNode(items, declared?.element, false);
  if (typeof schema.additionalProperties === 'object' && hasRules(schema.additionalProperties)) node.additional = buildNode(schema.additionalProperties, declared?.element, false);
  return node;
}

const isObject = (json: Json): json is JsonObject => typeof json === 'object' && json !== null && !Array.isArray(json);
const textOf = ({ rule, message }: ValidationRule): string => (message || rule).trim();
const composed = new Set(['object', 'array']);

class Run {
  readonly errors: FieldError[] = [];
  readonly warnings: string[] = [];
  #budget = runTimeBudget;

  /** False: nothing further may be asked. */
  visit(node: Node, path: string, value: Json, old: Json, correlation: Correlation): boolean {
    if (value === null || value === undefined) return true;
    if (!this.#ask(node, path, value, old, correlation)) return false;
    if (Array.isArray(value)) return this.#visitItems(node, path, value, Array.isArray(old) ? old : [], correlation);
    return isObject(value) ? this.#visitObject(node, path, value, isObject(old) ? old : {}, correlation) : true;
  }

  #visitItems({ items, schema }: Node, path: string, values: Json[], olds: Json[], correlation: Correlation): boolean {
    if (!items) return true;
    const keys = schema['x-kubernetes-list-type'] === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? []) : undefined;
    const oldOf = (value: Json): Json => (keys && isObject(value) ? olds.find((old) => isObject(old) && keys.every((key) => sameJson(old[key], value[key]))) : undefined);
    return values.every((value, i) => {
      const old = oldOf(value);
      return this.visit(items, `${path}[${i}]`, value, old, below(correlation, value, old));
    });
  }

  #visitObject({ additional, properties, schema }: Node, path: string, value: JsonObject, old: JsonObject, correlation: Correlation): boolean {
    const mapType = schema['x-kubernetes-map-type'];
    const correlatable = mapType === undefined || mapType === 'granular' || mapType === 'atomic';
    for (const [key, inner] of Object.entries(value)) {
      const node = properties.get(key) ?? (properties.size ? undefined : additional);
      if (!node) continue;
      const before = correlatable && Object.hasOwn(old, key) ? old[key] : undefined;
      const at = node === additional ? `${path}[${key}]` : path ? `${path}.${key}` : key;
      if (!this.visit(node, at, inner, before, below(correlation, inner, before))) return false;
    }
    return true;
  }

  #fail(path: string, type: string | undefined, detail: string): void {
    this.errors.push({ reason: 'FieldValueInvalid', field: path || '<nil>', message: `Invalid value: ${JSON.stringify(type ?? '')}: ${detail}` });
  }

  #ask({ schema, rules, problem, adapt }: Node, path: string, value: Json, old: Json, correlation: Correlation): boolean {
    if (problem) {
      this.#fail(path, schema.type, `rule compiler initialization error: ${problem}`);
      return true;
    }
    if (!rules.length) return true;
    if (this.#budget <= 0) {
      this.#fail(path, schema.type, 'validation failed due to running out of cost budget, no further validation rules will be run');
      return false;
    }
    const usesOld = rules.some(({ usesOldSelf }) => usesOldSelf);
    const self = adapt(value);
    const oldSelf = usesOld && old !== undefined && old !== null ? adapt(old) : undefined;
    const variables: Activation = { self, oldSelf };
    const optional: Activation = usesOld ? { self, oldSelf: oldSelf === undefined ? none : new Optional(oldSelf) } : variables;
    return rules.every((compiled) => this.#askRule(compiled, schema, path, value, old, variables, compiled.rule.optionalOldSelf ? optional : variables, correlation));
  }

  #askRule(compiled: CompiledRule, { type }: RuleSchema, path: string, value: Json, old: Json, plain: Activation, variables: Activation, correlation: Correlation): boolean {
    const { rule, program, error, usesOldSelf } = compiled;
    if (error) {
      this.#fail(path, type, `rule compile error: ${error}`);
      return true;
    }
    if (!program || (usesOldSelf && (old === undefined || old === null) && !rule.optionalOldSelf)) return true;
    const outcome = program.run(variables, perCallLimit);
    if (outcome.cost > this.#budget) {
      this.#fail(path, type, 'validation failed due to running out of cost budget, no further validation rules will be run');
      return false;
    }
    this.#budget -= outcome.cost;
    if (outcome.error !== undefined) {
      if (outcome.error.startsWith('no such overload')) this.#fail(path, type, `'${outcome.error}': call arguments did not match a supported operator, function or macro signature for rule: ${textOf(rule)}`);
      else if (outcome.exceeded) this.#fail(path, type, `'${outcome.error}': no further validation rules will be run due to call cost exceeds limit for rule: ${textOf(rule)}`);
      else this.#fail(path, type, `${outcome.error} evaluating rule: ${textOf(rule)}`);
      return !outcome.exceeded;
    }
    if (outcome.value === true) return true;
    const at = compiled.fieldPath ? (path && !compiled.fieldPath.startsWith('[') ? `${path}.${compiled.fieldPath}` : path + compiled.fieldPath) : path;
    const add = (found: FieldError): void => {
      const unchanged = correlation.current ?? correlation.parent;
      if (!usesOldSelf && unchanged && sameJson(unchanged.now, unchanged.old)) this.warnings.push(`${found.field}: ${found.message}`);
      else this.errors.push(found);
    };
    const told = this.#message(compiled, plain);
    if (told.exhausted) {
      add({ reason: 'FieldValueInvalid', field: at || '<nil>', message: `Invalid value: ${JSON.stringify(type ?? '')}: ${told.exhausted}` });
      return false;
    }
    const detail = told.text ?? (rule.message ? rule.message.trim() : `failed rule: ${textOf(rule)}`);
    add(failure(at || '<nil>', composed.has(type ?? '') ? undefined : value, detail, rule.reason));
    return true;
  }

  /** What the rule's own expression says; neither where it says nothing of use. */
  #message({ message, rule }: CompiledRule, variables: Activation): { text?: string; exhausted?: string } {
    if (!message) return {};
    const outcome = message.run(variables, perCallLimit);
    if (outcome.cost > this.#budget) return { exhausted: 'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run' };
    this.#budget -= outcome.cost;
    if (outcome.error !== undefined) return outcome.exceeded ? { exhausted: `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${JSON.stringify(rule.messageExpression)}` } : {};
    const text = typeof outcome.value === 'string' ? outcome.value.trim() : '';
    return !text || text.includes('\n') || new TextEncoder().encode(text).length > maxMessageBytes ? {} : { text };
  }
}

function failure(field: string, value: Json, detail: string, reason: ValidationRule['reason']): FieldError {
  const shown = value === undefined ? '' : ` ${JSON.stringify(value)}`;
  switch (reason) {
    case 'FieldValueForbidden':
      return { reason, field, message: `Forbidden: ${detail}` };
    case 'FieldValueRequired':
      return { reason, field, message: `Required value: ${detail}` };
    case 'FieldValueDuplicate':
      return { reason, field, message: shown ? `Duplicate value:${shown}` : 'Duplicate value' };
    default:
      return { reason: 'FieldValueInvalid', field, message: shown ? `Invalid value:${shown}: ${detail}` : `Invalid value: ${detail}` };
  }
}

function below({ current }: Correlation, now: Json, old: Json): Correlation {
  if (!current) return {};
  return old === undefined ? { parent: current } : { current: { now, old }, parent: current };
}

export const compileRules: CompileRules = (schema) => {
  if (!hasRules(schema)) return undefined;
  let root: Node | undefined;
  return {
    validate(object, oldObject): RuleVerdict {
      root ??= buildNode(schema, declareSelf(schema, true), true);
      const run = new Run();
      run.visit(root, '', object, oldObject, oldObject ? { current: { now: object, old: oldObject } } : {});
      return { errors: run.errors, warnings: run.warnings };
    },
  };
};
