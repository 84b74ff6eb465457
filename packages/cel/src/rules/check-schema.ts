/** What is wrong with the rules that a CustomResourceDefinition carries: texts, types, costs. */
import { type FieldError, forbidden, invalid } from '@pilothouse/apimachinery';
import { maxUint64 } from '../cost/ranges.ts';
import type { DeclaredType } from '../schema/declared-type.ts';
import { escapeName } from '../schema/escaping.ts';
import { type CompiledRule, compileSchemaRules, declareSelf } from './compile.ts';
import type { RuleSchema, ValidationRule } from './contract.ts';

const perRuleLimit = 10_000_000n;
const perSchemaLimit = 100_000_000n;
const maxRequestSize = 3n * 1024n * 1024n;

/** A rule as upstream's internal form prints. */
const printed = ({ rule = '', message = '', messageExpression = '', reason, fieldPath = '', optionalOldSelf }: ValidationRule) => ({ Rule: rule, Message: message, MessageExpression: messageExpression, Reason: reason ?? null, FieldPath: fieldPath, OptionalOldSelf: optionalOldSelf ?? null });
/** Go's JSON escapes what HTML could trip over. */
const escapedJson = (text: string): string => text.replace(/[<>&]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
const invalidRule = (field: string, rule: ValidationRule, detail: string): FieldError => ({ reason: 'FieldValueInvalid', field, message: `Invalid value: ${escapedJson(JSON.stringify(printed(rule)))}: ${detail}` });

function tooExpensive(what: string, cost: bigint, limit: bigint): string {
  const excess = Number(cost) / Number(limit);
  const factor = excess > 100 ? 'more than 100x' : excess < 1.5 ? `${excess.toFixed(6)}x` : `${excess.toFixed(1)}x`;
  return `${what} exceeds budget by factor of ${factor} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}

const times = (a: bigint, b: bigint): bigint => (a * b > maxUint64 ? maxUint64 : a * b);

/** Where a walk stands. */
interface Place {
  schema: RuleSchema;
  path: string;
  /** The type, once something above has rules. Null: it could not be told. */
  declared: DeclaredType | null | undefined;
  /** How often the value may be there; undefined: nobody knows. */
  cardinality: bigint | undefined;
  /** The list or map above that old values cannot be told apart in. */
  uncorrelatable: string | undefined;
}

/** How many of what is inside one value there may be. */
function multiplicity(schema: RuleSchema): bigint | undefined {
  const bound = (count: number | undefined) => (count === undefined ? undefined : BigInt(Math.max(0, count)));
  if (schema.type === 'object') return schema.additionalProperties ? bound(schema.maxProperties) : 1n;
  return schema.type === 'array' ? bound(schema.maxItems) : 1n;
}

class SchemaCheck {
  readonly errors: FieldError[] = [];
  readonly #broken: (path: string) => boolean;
  #total = 0n;
  #expensive: { path: string; cost: bigint }[] = [];

  constructor(broken: (path: string) => boolean) {
    this.#broken = broken;
  }

  run(schema: RuleSchema, path: string): FieldError[] {
    this.#visit({ schema, path, declared: undefined, cardinality: 1n, uncorrelatable: undefined }, true);
    if (this.#total <= perSchemaLimit) return this.errors;
    for (const { path: at } of this.#expensive) this.errors.push(forbidden(at, 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema'));
    this.errors.push(forbidden(path, tooExpensive('x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema', this.#total, perSchemaLimit)));
    return this.errors;
  }

  #observe(path: string, cost: bigint): void {
    this.#total = this.#total + cost > maxUint64 ? maxUint64 : this.#total + cost;
    if (cost < perSchemaLimit / 100n) return;
    this.#expensive.push({ path, cost });
    this.#expensive.sort((a, b) => (a.cost > b.cost ? -1 : a.cost < b.cost ? 1 : 0));
    this.#expensive.length = Math.min(this.#expensive.length, 4);
  }

  /** Inner schemas come first, as upstream tells of them. */
  #visit(place: Place, root: boolean): void {
    const { schema, path } = place;
    const rules = schema['x-kubernetes-validations'] ?? [];
    if (rules.length && place.declared === undefined) place.declared = declareSelf(schema, root) ?? null;
    const many = multiplicity(schema);
    const cardinality = place.cardinality === undefined || many === undefined ? undefined : times(place.cardinality, many);
    const inside = (inner: RuleSchema, at: string, declared: DeclaredType | undefined, uncorrelatable = place.uncorrelatable): void =>
      this.#visit({ schema: inner, path: at, declared: place.declared === undefined ? undefined : (declared ?? declareSelf(inner, false) ?? null), cardinality, uncorrelatable }, false);
    if (typeof schema.additionalProperties === 'object') inside(schema.additionalProperties, `${path}.additionalProperties`, place.declared?.element);
    for (const [name, inner] of Object.entries(schema.properties ?? {})) {
      const escaped = escapeName(name);
      const known = escaped === undefined ? undefined : place.declared?.fields?.get(escaped)?.declared;
      const mapType = schema['x-kubernetes-map-type'];
      inside(inner, `${path}.properties[${name}]`, known, mapType !== undefined && mapType !== 'granular' && mapType !== 'atomic' ? (place.uncorrelatable ?? path) : place.uncorrelatable);
    }
    if (schema.items && !Array.isArray(schema.items)) inside(schema.items as RuleSchema, `${path}.items`, place.declared?.element, schema['x-kubernetes-list-type'] === 'map' ? place.uncorrelatable : (place.uncorrelatable ?? path));
    if (rules.length && !this.#broken(path)) this.#checkRules(place);
  }

  #checkRules({ schema, path, declared, cardinality, uncorrelatable }: Place): void {
    if (!declared) {
      const why = 'internal error: failed to construct type information for x-kubernetes-validations rules: unable to convert structural schema to CEL declarations';
      this.errors.push({ reason: 'InternalError', field: `${path}.x-kubernetes-validations`, message: `Internal error: ${why}` });
      return;
    }
    const often = cardinality ?? maxRequestSize / BigInt(declared.minSize + 1);
    compileSchemaRules(schema, declared).forEach((compiled, i) => this.#checkRule(compiled, `${path}.x-kubernetes-validations[${i}]`, often, uncorrelatable));
  }

  #checkRule(compiled: CompiledRule, path: string, often: bigint, uncorrelatable: string | undefined): void {
    const { rule, error, message, messageError, messageMaxCost, usesOldSelf } = compiled;
    const cost = times(compiled.maxCost, often);
    if (cost > perRuleLimit) this.errors.push(forbidden(`${path}.rule`, tooExpensive('estimated rule cost', cost, perRuleLimit)));
    this.#observe(`${path}.rule`, cost);
    if (error) this.errors.push(invalidRule(`${path}.rule`, rule, error));
    if (messageError) this.errors.push(invalidRule(`${path}.messageExpression`, rule, messageError));
    else if (message) {
      if (messageMaxCost > perRuleLimit) this.errors.push(forbidden(`${path}.messageExpression`, tooExpensive('estimated messageExpression cost', messageMaxCost, perRuleLimit)));
      this.#observe(`${path}.messageExpression`, messageMaxCost);
    }
    if (usesOldSelf) {
      if (uncorrelatable) this.errors.push(invalid(`${path}.rule`, rule.rule, `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelatable}`));
    } else if (rule.optionalOldSelf !== undefined) this.errors.push(invalid(`${path}.optionalOldSelf`, rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule'));
  }
}

/**
 * Errors of all rules in a schema. `path` is the schema's own; `broken` tells whether anything else is wrong in a schema
 * or below it: its rules are left alone then.
 */
export const checkSchemaRules = (schema: RuleSchema, path: string, broken: (path: string) => boolean): FieldError[] => new SchemaCheck(broken).run(schema, path);
