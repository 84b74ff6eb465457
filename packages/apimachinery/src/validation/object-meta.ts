/** Rules of `metadata` that every resource shares. Facts: k8s.io/apimachinery/pkg/api/validation and pkg/apis/meta/v1/validation. */
import { goQuote } from '../go-format.ts';
import type { Condition, LabelSelector, ManagedFieldsEntry, ObjectMeta, OwnerReference } from '@pilothouse/api-schemas/types/meta/v1';
import { duplicate, type FieldError, forbidden, invalid, notSupported, required, tooLong } from '../field-error.ts';
import { parseApiVersion } from '../meta.ts';
import { byteLength, conditionReason, dns1123Subdomain, labelValue, type NameCheck, nameIsDnsLabel, qualifiedName } from './names.ts';

/** Keys and values of all annotations together, in bytes. */
export const annotationsLimitBytes = 256 * 1024;
export const immutableText = 'field is immutable';
export const negativeText = 'must be greater than or equal to 0';

const each = (texts: string[], field: string, value: unknown): FieldError[] => texts.map((text) => invalid(field, value, text));

export const validateNonnegative = (value: number | undefined, field: string): FieldError[] => (value !== undefined && value < 0 ? [invalid(field, value, negativeText)] : []);
/** `same` decides equality where the values are not primitive. */
export function validateImmutable(value: unknown, old: unknown, field: string, same: (a: unknown, b: unknown) => boolean = Object.is): FieldError[] {
  return same(value, old) ? [] : [invalid(field, value, immutableText)];
}
export const validateLabelName = (name: string, field: string): FieldError[] => each(qualifiedName(name), field, name);

/** Labels; every finding is reported at `field` itself, without the key. */
export function validateLabels(labels: Record<string, string> | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const key in labels) {
    errors.push(...validateLabelName(key, field));
    const value = labels[key] ?? '';
    errors.push(...each(labelValue(value), field, value));
  }
  return errors;
}

export function validateAnnotations(annotations: Record<string, string> | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const key in annotations) {
    errors.push(...each(qualifiedName(key.toLowerCase()), field, key));
    bytes += byteLength(key) + byteLength(annotations[key] ?? '');
  }
  if (bytes > annotationsLimitBytes) errors.push(tooLong(field, annotationsLimitBytes));
  return errors;
}

function validateOwnerReference(ref: OwnerReference, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const apiVersion = ref.apiVersion ?? '';
  const malformed = apiVersion.split('/').length > 2;
  const { group, version } = malformed ? { group: '', version: '' } : parseApiVersion(apiVersion);
  if (!apiVersion) errors.push(required(`${field}.apiVersion`, 'must not be empty'));
  else if (!version) errors.push(invalid(`${field}.apiVersion`, apiVersion, 'must be <group>/<version> or <version>'));
  for (const name of ['kind', 'name', 'uid'] as const) if (!ref[name]) errors.push(required(`${field}.${name}`, 'must not be empty'));
  if (group === '' && version === 'v1' && ref.kind === 'Event') errors.push(invalid(field, ref, '/v1, Kind=Event is disallowed from being an owner'));
  return errors;
}

export function validateOwnerReferences(refs: OwnerReference[] | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  let controller = '';
  refs?.forEach((ref, i) => {
    errors.push(...validateOwnerReference(ref, `${field}[${i}]`));
    if (!ref.controller) return;
    const name = `${ref.kind}/${ref.name}`;
    if (controller) errors.push(invalid(field, refs, `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`));
    else controller = name;
  });
  return errors;
}

export const validateFinalizerName = (name: string, field: string): FieldError[] => each(qualifiedName(name), field, name);

export function validateFinalizers(finalizers: string[] | undefined, field: string): FieldError[] {
  if (!finalizers) return [];
  const errors = finalizers.flatMap((name) => validateFinalizerName(name, field));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) errors.push(invalid(field, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'));
  return errors;
}

/** An object under deletion gains no finalizers. */
export function validateNoNewFinalizers(finalizers: string[] | undefined, old: string[] | undefined, field: string): FieldError[] {
  const extra = [...new Set(finalizers)].filter((name) => !old?.includes(name)).sort();
  return extra.length ? [forbidden(field, `no new finalizers can be added if the object is being deleted, found new finalizers []string{${extra.map(goQuote).join(', ')}}`)] : [];
}

const operations = ['Apply', 'Update'];

/** `fieldManager` of a request's options, or of an entry. */
export function validateFieldManager(manager: string, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (byteLength(manager) > 128) errors.push(tooLong(field, 128));
  let position = 0;
  for (const char of manager) {
    if (char !== ' ' && !/[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(char)) errors.push(invalid(field, manager, `invalid character U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')} (at position ${position})`));
    position += byteLength(char);
  }
  return errors;
}

export function validateManagedFields(entries: ManagedFieldsEntry[] | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  entries?.forEach((entry, i) => {
    const at = `${field}[${i}]`;
    if (!entry.operation) errors.push(required(`${at}.operation`, 'must not be empty'));
    else if (!operations.includes(entry.operation)) errors.push(notSupported(`${at}.operation`, entry.operation, operations));
    if (entry.fieldsType && entry.fieldsType !== 'FieldsV1') errors.push(invalid(`${at}.fieldsType`, entry.fieldsType, 'must be `FieldsV1`'));
    errors.push(...validateFieldManager(entry.manager ?? '', `${at}.manager`));
    if (byteLength(entry.subresource ?? '') > 256) errors.push(tooLong(`${at}.subresource`, 256));
  });
  return errors;
}

function validateShared(meta: ObjectMeta, field: string): FieldError[] {
  return [...validateLabels(meta.labels, `${field}.labels`), ...validateAnnotations(meta.annotations, `${field}.annotations`), ...validateOwnerReferences(meta.ownerReferences, `${field}.ownerReferences`)];
}

/** Metadata of a new object, after name generation. Findings stand in upstream's order. */
export function validateObjectMeta(meta: ObjectMeta, { namespaced, name: checkName, field = 'metadata' }: { namespaced: boolean; name: NameCheck; field?: string }): FieldError[] {
  const errors: FieldError[] = [];
  if (meta.generateName) errors.push(...each(checkName(meta.generateName, true), `${field}.generateName`, meta.generateName));
  if (!meta.name) errors.push(required(`${field}.name`, 'name or generateName is required'));
  else errors.push(...each(checkName(meta.name, false), `${field}.name`, meta.name));
  if (namespaced) {
    if (!meta.namespace) errors.push(required(`${field}.namespace`));
    else errors.push(...each(nameIsDnsLabel(meta.namespace), `${field}.namespace`, meta.namespace));
  } else if (meta.namespace) errors.push(forbidden(`${field}.namespace`, 'not allowed on this type'));
  errors.push(...validateNonnegative(meta.generation, `${field}.generation`), ...validateShared(meta, field));
  errors.push(...validateFinalizers(meta.finalizers, `${field}.finalizers`), ...validateManagedFields(meta.managedFields, `${field}.managedFields`));
  return errors;
}

/** Metadata of a changed object against what is stored. */
export function validateObjectMetaUpdate(meta: ObjectMeta, old: ObjectMeta, field = 'metadata'): FieldError[] {
  const errors: FieldError[] = [];
  if (old.deletionTimestamp) errors.push(...validateNoNewFinalizers(meta.finalizers, old.finalizers, `${field}.finalizers`));
  if (!meta.resourceVersion) errors.push(invalid(`${field}.resourceVersion`, meta.resourceVersion ?? '', 'must be specified for an update'));
  errors.push(...validateNonnegative(meta.generation, `${field}.generation`));
  if ((meta.generation ?? 0) < (old.generation ?? 0)) errors.push(invalid(`${field}.generation`, meta.generation ?? 0, 'must not be decremented'));
  for (const name of ['name', 'namespace', 'uid'] as const) errors.push(...validateImmutable(meta[name] ?? '', old[name] ?? '', `${field}.${name}`));
  for (const name of ['creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const) errors.push(...validateImmutable(meta[name] ?? null, old[name] ?? null, `${field}.${name}`));
  errors.push(...validateShared(meta, field), ...validateManagedFields(meta.managedFields, `${field}.managedFields`));
  return errors;
}

/** A label selector inside an object (`spec.selector`, `podAffinity…`). */
export function validateLabelSelector(selector: LabelSelector | undefined | null, field: string, { allowInvalidValues = false, allowUnknownOperator = false } = {}): FieldError[] {
  if (!selector) return [];
  const errors = validateLabels(selector.matchLabels, `${field}.matchLabels`);
  selector.matchExpressions?.forEach((expression, i) => {
    const at = `${field}.matchExpressions[${i}]`;
    const values = expression.values ?? [];
    if (expression.operator === 'In' || expression.operator === 'NotIn') {
      if (!values.length) errors.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    } else if (expression.operator === 'Exists' || expression.operator === 'DoesNotExist') {
      if (values.length) errors.push(forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
    } else if (!allowUnknownOperator) errors.push(invalid(`${at}.operator`, expression.operator ?? '', 'not a valid selector operator'));
    errors.push(...validateLabelName(expression.key ?? '', `${at}.key`));
    if (!allowInvalidValues) values.forEach((value, j) => errors.push(...each(labelValue(value), `${at}.values[${j}]`, value)));
  });
  return errors;
}

const conditionStatuses = ['False', 'True', 'Unknown'];

/** `status.conditions` of the common kind. */
export function validateConditions(conditions: readonly Condition[] | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  conditions?.forEach((condition, i) => {
    const at = `${field}[${i}]`;
    if (seen.has(condition.type)) errors.push(duplicate(at, condition.type));
    seen.add(condition.type);
    errors.push(...validateCondition(condition, at));
  });
  return errors;
}

export function validateCondition(condition: Condition, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!condition.type) errors.push(required(`${field}.type`, 'is required'));
  else errors.push(...validateLabelName(condition.type, `${field}.type`));
  if (!condition.status) errors.push(required(`${field}.status`));
  else if (!conditionStatuses.includes(condition.status)) errors.push(notSupported(`${field}.status`, condition.status, conditionStatuses));
  if ((condition.observedGeneration ?? 0) < 0) errors.push(invalid(`${field}.observedGeneration`, condition.observedGeneration, 'must be greater than or equal to zero'));
  if (!condition.lastTransitionTime) errors.push(required(`${field}.lastTransitionTime`));
  if (!condition.reason) errors.push(required(`${field}.reason`));
  else {
    errors.push(...each(conditionReason(condition.reason), `${field}.reason`, condition.reason));
    if (byteLength(condition.reason) > 1024) errors.push(tooLong(`${field}.reason`, 1024));
  }
  if (byteLength(condition.message ?? '') > 32 * 1024) errors.push(tooLong(`${field}.message`, 32 * 1024));
  return errors;
}

/** A domain of at least three segments: webhooks' names. */
export function validateFullyQualifiedName(name: string, field: string): FieldError[] {
  if (!name) return [required(field)];
  const texts = dns1123Subdomain(name);
  if (texts.length) return [invalid(field, name, texts.join(','))];
  return name.split('.').length < 3 ? [invalid(field, name, 'should be a domain with at least three segments separated by dots')] : [];
}

const httpPathFormat = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const httpPath = new RegExp(`^${httpPathFormat}$`);

/** `acme.io/foo`: controllers' names, topology keys of some kinds. */
export function validateDomainPrefixedPath(value: string, field: string): FieldError[] {
  if (!value) return [required(field)];
  const slash = value.indexOf('/');
  const host = value.slice(0, slash);
  const path = value.slice(slash + 1);
  if (slash < 0 || !host || !path) return [invalid(field, value, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  const errors = each(dns1123Subdomain(host), field, host);
  if (!httpPath.test(path)) errors.push(invalid(field, path, `Invalid path (regex used for validation is '${httpPathFormat}')`));
  return errors;
}
