/** What the built-in kinds add to the rules for metadata that hold for every resource (`k8s.io/kubernetes/pkg/apis/core/validation`). */
import { immutableText, invalid, validateObjectMeta as validateAnyMeta, validateObjectMetaUpdate as validateAnyMetaUpdate, type FieldError, type KubeObject, type NameCheck } from '@pilothouse/apimachinery';
import type { ObjectMeta } from '@pilothouse/api-schemas/types/meta/v1';
import { same } from './equality.ts';
import { internalForm, type InternalTypeName } from './internal-form.ts';

const standardFinalizers = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

/** A finalizer of an object or of a namespace's spec: qualified, or one of the three standard ones. */
export function validateKubeFinalizer(errors: FieldError[], name: string, path: string): void {
  if (!name.includes('/') && !standardFinalizers.has(name)) errors.push(invalid(path, name, 'name is neither a standard finalizer name nor is it fully qualified'));
}

export interface MetaRules {
  name: NameCheck;
  namespaced: boolean;
  /** Whether finalizers must be qualified or standard: the kinds of the core group and most others. Default true. */
  kubeFinalizers?: boolean;
}

function validateKubeFinalizers(errors: FieldError[], { finalizers }: ObjectMeta): void {
  finalizers?.forEach((name, i) => validateKubeFinalizer(errors, name, `metadata.finalizers[${i}]`));
}

/** The rules for a new object's metadata. */
export function validateObjectMeta(errors: FieldError[], meta: ObjectMeta, { kubeFinalizers = true, ...rules }: MetaRules): void {
  errors.push(...validateAnyMeta(meta, rules));
  if (kubeFinalizers) validateKubeFinalizers(errors, meta);
}

/** The rules for a changed object's metadata. */
export function validateObjectMetaUpdate(errors: FieldError[], meta: ObjectMeta, old: ObjectMeta, { kubeFinalizers = true }: Pick<MetaRules, 'kubeFinalizers'> = {}): void {
  errors.push(...validateAnyMetaUpdate(meta, old));
  if (kubeFinalizers) validateKubeFinalizers(errors, meta);
}

/** Where a value must not change: the finding upstream gives, with the new value. `type` for one that is a struct. */
export function immutable(errors: FieldError[], value: unknown, old: unknown, path: string, type?: InternalTypeName): void {
  if (!same(value, old)) errors.push(invalid(path, type ? internalForm(type, value) : value, immutableText));
}

/** `validate` and `validateUpdate` of a kind whose rules are those of its metadata and what `spec` adds. */
export function withMeta<T extends KubeObject>(rules: MetaRules, spec: (errors: FieldError[], object: T, old: T | undefined) => void = () => {}) {
  return {
    validate(object: T): FieldError[] {
      const errors: FieldError[] = [];
      validateObjectMeta(errors, object.metadata, rules);
      spec(errors, object, undefined);
      return errors;
    },
    validateUpdate(object: T, old: T): FieldError[] {
      const errors: FieldError[] = [];
      validateObjectMetaUpdate(errors, object.metadata, old.metadata, rules);
      spec(errors, object, old);
      return errors;
    },
  };
}

/**
 * As `withMeta`, for kinds whose changed objects upstream judges as new ones first and as changed ones then: what is
 * wrong is found twice. `changes`: what may not change.
 */
export function withMetaTwice<T extends KubeObject>(rules: MetaRules, spec: (errors: FieldError[], object: T, old: T | undefined) => void, changes: (errors: FieldError[], object: T, old: T) => void = () => {}) {
  return {
    validate: withMeta(rules, spec).validate,
    validateUpdate(object: T, old: T): FieldError[] {
      const found: FieldError[] = [];
      spec(found, object, old);
      const errors: FieldError[] = [];
      validateObjectMeta(errors, object.metadata, rules);
      errors.push(...found);
      validateObjectMetaUpdate(errors, object.metadata, old.metadata, rules);
      errors.push(...found);
      changes(errors, object, old);
      return errors;
    },
  };
}

/** What the rules of a kind find in an object by itself, and in a change of it. */
export interface WholeAndChange<T> {
  whole(errors: FieldError[], object: T, old: T | undefined): void;
  /** Of the change alone; says itself whether the metadata's change is judged here as well as for every kind. */
  change(errors: FieldError[], object: T, old: T): void;
  /** Whether the change is judged ahead of the whole. */
  changeFirst?: boolean;
}

/** `validate` and `validateUpdate` of a kind whose changed objects are judged as new ones too: what both find is reported twice. */
export function wholeAndChange<T extends KubeObject>(rules: MetaRules, { whole, change, changeFirst = false }: WholeAndChange<T>) {
  const judge = (errors: FieldError[], object: T, old: T | undefined) => {
    validateObjectMeta(errors, object.metadata, rules);
    whole(errors, object, old);
  };
  return {
    validate(object: T): FieldError[] {
      const errors: FieldError[] = [];
      judge(errors, object, undefined);
      return errors;
    },
    validateUpdate(object: T, old: T): FieldError[] {
      const errors: FieldError[] = [];
      if (changeFirst) change(errors, object, old);
      judge(errors, object, old);
      if (!changeFirst) change(errors, object, old);
      return errors;
    },
  };
}

/** Kinds whose status is written without the rest: labels, annotations, owners and finalizers stay as they were. */
export function keepMetaOnStatus({ metadata }: KubeObject, { metadata: old }: KubeObject): void {
  const kept = { deletionTimestamp: old.deletionTimestamp, generation: old.generation, labels: old.labels, annotations: old.annotations, finalizers: old.finalizers, ownerReferences: old.ownerReferences };
  const to = metadata as Record<string, unknown>;
  for (const [key, value] of Object.entries(kept)) {
    if (value === undefined) delete to[key];
    else to[key] = value;
  }
}
