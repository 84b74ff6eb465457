/** What custom resources ask of validation rules (`x-kubernetes-validations`). */
import type { FieldError } from '@pilothouse/apimachinery';

/** A rule as a schema carries it. */
export interface ValidationRule {
  rule: string;
  message?: string;
  messageExpression?: string;
  /** `FieldValueInvalid` (where absent), `FieldValueForbidden`, `FieldValueRequired`, `FieldValueDuplicate`. */
  reason?: string;
  fieldPath?: string;
  optionalOldSelf?: boolean;
}

/** What rules read of an OpenAPI v3 schema, spelled as in a CustomResourceDefinition's `openAPIV3Schema`. */
export interface RuleSchema {
  type?: string;
  format?: string;
  items?: RuleSchema | RuleSchema[];
  properties?: Record<string, RuleSchema>;
  additionalProperties?: RuleSchema | boolean;
  required?: readonly string[];
  enum?: readonly unknown[];
  default?: unknown;
  maxLength?: number;
  maxItems?: number;
  maxProperties?: number;
  allOf?: readonly RuleSchema[];
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-embedded-resource'?: boolean;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-list-map-keys'?: readonly string[];
  'x-kubernetes-map-type'?: string;
  'x-kubernetes-validations'?: readonly ValidationRule[];
}

/** What a run over one object found. */
export interface RuleVerdict {
  /** In upstream's order; the root's field is `<nil>`. */
  errors: FieldError[];
  /** Failures of values that an update left as they were: to be told, not refused (ratcheting). */
  warnings: string[];
}

/** The rules of one version of a custom resource, compiled once. */
export interface RuleSet {
  /**
   * Asks every rule. `object` is whole, defaulted, and valid by its schema; `oldObject` is the stored one on update
   * (transition rules are skipped without it). Both are only read.
   */
  validate(object: object, oldObject?: object): RuleVerdict;
}

/** Undefined where the schema has no rules. Never throws: a rule that does not compile fails each object instead. */
export type CompileRules = (schema: RuleSchema) => RuleSet | undefined;
