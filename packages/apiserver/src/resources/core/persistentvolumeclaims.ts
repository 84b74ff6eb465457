import { compareQuantities, type FieldError, forbidden, invalid, nameIsDnsSubdomain, notSupported, persistentVolumeClaims as type, qualifiedName, quantityValue, required } from '@pilothouse/apimachinery';
import type { PersistentVolumeClaim as Published, PersistentVolumeClaimSpec } from '@pilothouse/api-schemas/types/core/v1';
import type { Strategy } from '../../contract.ts';
import { defaultClaim } from '../defaults/claims.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { validateClaimSpec } from '../validation/claim-spec.ts';
import { same } from '../validation/equality.ts';
import { internalForm } from '../validation/internal-form.ts';
import { immutable, validateObjectMeta, validateObjectMetaUpdate } from '../validation/object-meta.ts';
import { claimWarnings } from '../validation/pod-warnings.ts';
import { isNativeResource, validateAmount } from '../validation/resources.ts';
import { unifiedDiff } from '../validation/spec-diff.ts';

type Claim = Filled<Published>;

const classAnnotation = 'volume.beta.kubernetes.io/storage-class';

/** The old way of naming a data source knows claims and snapshots only: anything else is dropped, unless it was stored. */
function dropUnknownSource(spec: PersistentVolumeClaimSpec, old?: PersistentVolumeClaimSpec): void {
  if (old?.dataSource || spec.dataSourceRef || !spec.dataSource) return;
  const { kind } = spec.dataSource;
  // Written as null where it is absent.
  const apiGroup = spec.dataSource.apiGroup ?? '';
  if (!(kind === 'PersistentVolumeClaim' && apiGroup === '') && !(kind === 'VolumeSnapshot' && apiGroup === 'snapshot.storage.k8s.io')) delete spec.dataSource;
}

/** The old and the new way of naming a data source say the same. */
function normalizeDataSources(spec: PersistentVolumeClaimSpec): void {
  const { dataSource, dataSourceRef } = spec;
  const pick = ({ apiGroup, kind, name }: NonNullable<typeof dataSource>) => ({ ...(apiGroup !== undefined && { apiGroup }), kind, name });
  if (dataSource && !dataSourceRef) spec.dataSourceRef = pick(dataSource);
  else if (dataSourceRef && !dataSource && !dataSourceRef.namespace) spec.dataSource = pick(dataSourceRef);
}

function validateChanges(errors: FieldError[], claim: Claim, old: Claim): void {
  const now: PersistentVolumeClaimSpec = structuredClone(claim.spec);
  const before: PersistentVolumeClaimSpec = structuredClone(old.spec);
  normalizeDataSources(before);
  if (!before.volumeName) before.volumeName = now.volumeName;
  const annotated = old.metadata.annotations?.[classAnnotation];
  const nowAnnotated = claim.metadata.annotations?.[classAnnotation];
  const fromAnnotation = annotated !== undefined && before.storageClassName === undefined && now.storageClassName === annotated && (nowAnnotated === undefined || nowAnnotated === annotated);
  const fromNothing = now.storageClassName !== undefined && before.storageClassName === undefined && (annotated === undefined || now.storageClassName === annotated);
  if (fromAnnotation || fromNothing) before.storageClassName = now.storageClassName;
  else if (annotated !== nowAnnotated) errors.push(invalid(`metadata.annotations.${classAnnotation}`, nowAnnotated ?? '', 'field is immutable'));
  const oldSize = old.spec.resources?.requests?.storage;
  const newSize = claim.spec.resources?.requests?.storage;
  if (claim.status.phase === 'Bound') {
    if (now.resources?.requests) now.resources.requests = { ...now.resources.requests, ...(oldSize !== undefined && { storage: oldSize }) };
    now.volumeAttributesClassName = before.volumeAttributesClassName;
  }
  if (!same(now, before)) errors.push(forbidden('spec', `spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n${unifiedDiff(internalForm('core/v1.PersistentVolumeClaimSpec', before), internalForm('core/v1.PersistentVolumeClaimSpec', now))}`));
  if (oldSize !== undefined && newSize !== undefined && compareQuantities(newSize, oldSize) < 0 && compareQuantities(newSize, old.status.capacity?.storage ?? '0') <= 0)
    errors.push(forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity'));
  immutable(errors, claim.spec.volumeMode ?? null, old.spec.volumeMode ?? null, 'volumeMode');
  const attributes = claim.spec.volumeAttributesClassName;
  if (attributes === old.spec.volumeAttributesClassName || old.status.currentVolumeAttributesClassName === undefined) return;
  const why = 'is forbidden when status.currentVolumeAttributesClassName is not nil';
  if (attributes === undefined) errors.push(forbidden('spec.volumeAttributesClassName', `update to nil ${why}`));
  else if (attributes === '') errors.push(forbidden('spec.volumeAttributesClassName', `update to empty string ${why}`));
}

const resizeStates = ['ControllerResizeInProgress', 'ControllerResizeInfeasible', 'NodeResizeInProgress', 'NodeResizeInfeasible', 'NodeResizePending'];

function validateResourceKey(errors: FieldError[], name: string, path: string): boolean {
  const messages = qualifiedName(name);
  for (const message of messages) errors.push(invalid(path, name, message));
  if (!messages.length && isNativeResource(name) && name !== 'storage') {
    errors.push(notSupported(path, name, ['storage']));
    return false;
  }
  return messages.length === 0;
}

function validateStatus(errors: FieldError[], { spec, status }: Claim): void {
  if (!spec.accessModes?.length) errors.push(required('Spec.accessModes'));
  const basic = (amount: string, path: string): boolean => {
    const value = quantityValue(amount);
    if (value < 0) errors.push(invalid(path, value, 'must be a valid resource quantity'));
    return value >= 0;
  };
  for (const [name, amount] of Object.entries(status.capacity ?? {})) basic(amount, `status.capacity[${name}]`);
  for (const [name, state] of Object.entries(status.allocatedResourceStatuses ?? {})) {
    validateResourceKey(errors, name, 'status.allocatedResourceStatuses');
    if (!resizeStates.includes(state)) errors.push(notSupported('status.allocatedResourceStatuses', name, resizeStates));
  }
  for (const [name, amount] of Object.entries(status.allocatedResources ?? {})) {
    const path = `status.allocatedResources[${name}]`;
    if (validateResourceKey(errors, name, 'status.allocatedResources') && basic(amount, path)) validateAmount(errors, 'storage', amount, path);
  }
}

const rules = { name: nameIsDnsSubdomain, namespaced: true };

const strategy: Strategy<Claim> = {
  defaults: defaultClaim,
  prepareForCreate(claim) {
    claim.status = { phase: 'Pending' };
    if (claim.spec.dataSourceRef?.namespace) delete claim.spec.dataSourceRef;
    dropUnknownSource(claim.spec);
    normalizeDataSources(claim.spec);
  },
  prepareForUpdate(claim, old, context) {
    if (context.subresource !== '') return;
    dropUnknownSource(claim.spec, old.spec);
    normalizeDataSources(claim.spec);
  },
  validate(claim) {
    const errors: FieldError[] = [];
    validateObjectMeta(errors, claim.metadata, rules);
    validateClaimSpec(errors, claim.spec, 'spec');
    return errors;
  },
  validateUpdate(claim, old) {
    const errors: FieldError[] = [];
    validateObjectMetaUpdate(errors, claim.metadata, old.metadata);
    validateObjectMeta(errors, claim.metadata, rules);
    validateClaimSpec(errors, claim.spec, 'spec', old.spec);
    validateChanges(errors, claim, old);
    return errors;
  },
  validateStatusUpdate(claim, old) {
    const errors: FieldError[] = [];
    validateObjectMetaUpdate(errors, claim.metadata, old.metadata);
    validateStatus(errors, claim);
    return errors;
  },
  warnings({ metadata, spec }) {
    const out = metadata.annotations?.[classAnnotation] === undefined ? [] : [`metadata.annotations[${classAnnotation}]: deprecated since v1.8; use "storageClassName" attribute instead`];
    return [...out, ...claimWarnings(spec.resources, 'spec')];
  },
};

export const persistentVolumeClaims = defineResource<any>(type, { strategy });
