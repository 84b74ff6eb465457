import { forbidden, invalid, renderValue, required, tooLong, type FieldError, type KubeObject } from '@pilothouse/apimachinery';
import type { ObjectMeta, OwnerReference } from '@pilothouse/api-schemas/types/meta/v1';
import { same } from './equality.ts';
import { checkName, isDns1123Label, isDns1123Subdomain, isLabelValue, isPathSegment, isQualifiedName, type NameCheck } from './names.ts';

export const immutableMessage = 'field is immutable';
const maxAnnotationBytes = 256 * 1024;
const standardFinalizers = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

/** Labels, or any map that must look like labels. */
export function validateLabels(errors: FieldError[], labels: Record<string, string> | undefined, path: string): void {
  for (const key in labels) {
    checkName(errors, path, key, isQualifiedName);
    checkName(errors, path, labels[key], isLabelValue);
  }
}

export function validateAnnotations(errors: FieldError[], annotations: Record<string, string> | undefined, path: string): void {
  let bytes = 0;
  for (const key in annotations) {
    for (const message of isQualifiedName(key.toLowerCase())) errors.push(invalid(path, key, message));
    bytes += Buffer.byteLength(key) + Buffer.byteLength(annotations[key]);
  }
  if (bytes > maxAnnotationBytes) errors.push(tooLong(path, maxAnnotationBytes));
}

/** A finalizer of an object or of a namespace's spec: qualified, or one of the three standard ones. */
export function validateKubeFinalizer(errors: FieldError[], name: string, path: string): void {
  if (!name.includes('/') && !standardFinalizers.has(name)) errors.push(invalid(path, name, 'name is neither a standard finalizer name nor is it fully qualified'));
}

function validateOwners(errors: FieldError[], owners: readonly OwnerReference[] | undefined, path: string): void {
  let controller = '';
  owners?.forEach((owner, i) => {
    const at = `${path}[${i}]`;
    if (!owner.apiVersion) errors.push(required(`${at}.apiVersion`, 'must not be empty'));
    else if (!/^[^/]+(\/[^/]+)?$/.test(owner.apiVersion)) errors.push(invalid(`${at}.apiVersion`, owner.apiVersion, 'must be <group>/<version> or <version>'));
    for (const key of ['kind', 'name', 'uid'] as const) if (!owner[key]) errors.push(required(`${at}.${key}`, 'must not be empty'));
    if (owner.apiVersion === 'v1' && owner.kind === 'Event') errors.push(invalid(at, owner, '/v1, Kind=Event is disallowed from being an owner'));
    if (!owner.controller) return;
    const name = `${owner.kind}/${owner.name}`;
    if (controller) errors.push(invalid(path, owners, `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`));
    else controller = name;
  });
}

function validateFinalizers(errors: FieldError[], finalizers: readonly string[] | undefined, path: string): void {
  if (!finalizers) return;
  for (const name of finalizers) checkName(errors, path, name, isQualifiedName);
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) errors.push(invalid(path, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'));
}

function validateManagedFields(errors: FieldError[], meta: ObjectMeta, path: string): void {
  meta.managedFields?.forEach((entry, i) => {
    const at = `${path}[${i}]`;
    if (entry.operation !== 'Apply' && entry.operation !== 'Update') errors.push(invalid(`${at}.operation`, entry.operation ?? '', 'must be `Apply` or `Update`'));
    if (entry.fieldsType && entry.fieldsType !== 'FieldsV1') errors.push(invalid(`${at}.fieldsType`, entry.fieldsType, 'must be `FieldsV1`'));
    if ((entry.manager?.length ?? 0) > 128) errors.push(tooLong(`${at}.manager`, 128));
    if ((entry.subresource?.length ?? 0) > 256) errors.push(tooLong(`${at}.subresource`, 256));
  });
}

/** A trailing dash of a prefix is fine where a letter would be. */
const maskTrailingDash = (prefix: string): string => (prefix.length > 1 && prefix.endsWith('-') ? `${prefix.slice(0, -2)}a` : prefix);

/** Names that are DNS subdomains: most kinds. */
export const dnsSubdomainName = isDns1123Subdomain;
export const pathSegmentName = isPathSegment;

export interface MetaRules {
  name: NameCheck;
  namespaced: boolean;
  /** Whether finalizers must be qualified or standard: the kinds of the core group and most others. Default true. */
  kubeFinalizers?: boolean;
}

/** The rules for metadata that hold for every kind, on create. */
export function validateObjectMeta(errors: FieldError[], meta: ObjectMeta, rules: MetaRules, path = 'metadata'): void {
  if (meta.generateName) for (const message of rules.name(maskTrailingDash(meta.generateName))) errors.push(invalid(`${path}.generateName`, meta.generateName, message));
  if (!meta.name) errors.push(required(`${path}.name`, 'name or generateName is required'));
  else checkName(errors, `${path}.name`, meta.name, rules.name);
  if (rules.namespaced) {
    if (!meta.namespace) errors.push(required(`${path}.namespace`));
    else checkName(errors, `${path}.namespace`, meta.namespace, isDns1123Label);
  } else if (meta.namespace) errors.push(forbidden(`${path}.namespace`, 'not allowed on this type'));
  if ((meta.generation ?? 0) < 0) errors.push(invalid(`${path}.generation`, meta.generation, 'must be greater than or equal to 0'));
  validateLabels(errors, meta.labels, `${path}.labels`);
  validateAnnotations(errors, meta.annotations, `${path}.annotations`);
  validateOwners(errors, meta.ownerReferences, `${path}.ownerReferences`);
  validateFinalizers(errors, meta.finalizers, `${path}.finalizers`);
  validateManagedFields(errors, meta, `${path}.managedFields`);
  if (rules.kubeFinalizers !== false) meta.finalizers?.forEach((name, i) => validateKubeFinalizer(errors, name, `${path}.finalizers[${i}]`));
}

const immutableMeta = ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const;

/** The rules for metadata on update. `resourceVersion` is the framework's. */
export function validateObjectMetaUpdate(errors: FieldError[], meta: ObjectMeta, old: ObjectMeta, path = 'metadata', kubeFinalizers = true): void {
  if (old.deletionTimestamp) {
    const added = (meta.finalizers ?? []).filter((name) => !old.finalizers?.includes(name)).sort();
    if (added.length) errors.push(forbidden(`${path}.finalizers`, `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map(renderValue).join(', ')}}`));
  }
  if ((meta.generation ?? 0) < (old.generation ?? 0)) errors.push(invalid(`${path}.generation`, meta.generation ?? 0, 'must not be decremented'));
  for (const key of immutableMeta) if (!same(meta[key], old[key])) errors.push(invalid(`${path}.${key}`, meta[key], immutableMessage));
  validateLabels(errors, meta.labels, `${path}.labels`);
  validateAnnotations(errors, meta.annotations, `${path}.annotations`);
  validateOwners(errors, meta.ownerReferences, `${path}.ownerReferences`);
  validateManagedFields(errors, meta, `${path}.managedFields`);
  if (kubeFinalizers) meta.finalizers?.forEach((name, i) => validateKubeFinalizer(errors, name, `${path}.finalizers[${i}]`));
}

/** Where a value must not change: the finding upstream gives, with the new value. */
export function immutable(errors: FieldError[], value: unknown, old: unknown, path: string, message = immutableMessage): void {
  if (!same(value, old)) errors.push(invalid(path, value, message));
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
      validateObjectMetaUpdate(errors, object.metadata, old.metadata, 'metadata', rules.kubeFinalizers !== false);
      spec(errors, object, old);
      return errors;
    },
  };
}
