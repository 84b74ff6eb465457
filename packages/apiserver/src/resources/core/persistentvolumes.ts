import { posix } from 'node:path';
import { dns1123Subdomain, type FieldError, forbidden, immutableText, invalid, nameIsDnsSubdomain, notSupported, persistentVolumes as type, quantityValue, required, signOfQuantity } from '@pilothouse/apimachinery';
import type { PersistentVolume as Published, PersistentVolumeSpec, VolumeNodeAffinity } from '@pilothouse/api-schemas/types/core/v1';
import type { Strategy } from '../../contract.ts';
import { roundAmounts } from '../defaults/pod-spec.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { timestamp } from '../time.ts';
import { validateAccessModes, volumeModes } from '../validation/claim-spec.ts';
import { same } from '../validation/equality.ts';
import { checkName } from '../validation/check-name.ts';
import { internalForm, sortedMap } from '../validation/internal-form.ts';
import { immutable, validateObjectMeta, validateObjectMetaUpdate } from '../validation/object-meta.ts';
import { nodeTermWarnings } from '../validation/pod-warnings.ts';
import { validateNodeSelector } from '../validation/selectors.ts';
import { unifiedDiff } from '../validation/spec-diff.ts';
import { sharedSources } from '../validation/volume-sources.ts';

type PersistentVolume = Filled<Published>;

/** In upstream's order; the second name is the one under which a second source, or the source itself, is reported. */
const sources: readonly [key: keyof PersistentVolumeSpec, reported?: string, second?: string][] = [
  ['hostPath'], ['gcePersistentDisk', 'persistentDisk'], ['awsElasticBlockStore'], ['glusterfs'], ['flocker'], ['nfs'], ['rbd'], ['quobyte'], ['cephfs', 'cephfs', 'cephFS'], ['iscsi'], ['cinder'], ['fc'], ['flexVolume'],
  ['azureFile'], ['vsphereVolume'], ['photonPersistentDisk'], ['portworxVolume'], ['azureDisk'], ['scaleIO'], ['local'], ['storageos'], ['csi'],
];
const reclaimPolicies = ['Delete', 'Recycle', 'Retain'];

function validateCapacity(errors: FieldError[], spec: PersistentVolumeSpec): void {
  const names = Object.keys(spec.capacity ?? {});
  if (!names.length) errors.push(required('spec.capacity'));
  if (spec.capacity?.storage === undefined || names.length > 1) errors.push(notSupported('spec.capacity', sortedMap(spec.capacity), ['storage']));
  for (const name of names) {
    const amount = spec.capacity![name];
    if (quantityValue(amount) < 0) errors.push(invalid(`spec.capacity[${name}]`, quantityValue(amount), 'must be a valid resource quantity'));
    if (signOfQuantity(amount) <= 0) errors.push(invalid(`spec.capacity[${name}]`, amount, 'must be greater than zero'));
  }
}

function validateSpec(errors: FieldError[], { spec, metadata }: PersistentVolume): void {
  validateAccessModes(errors, spec.accessModes, 'spec.accessModes');
  validateCapacity(errors, spec);
  const policy = spec.persistentVolumeReclaimPolicy;
  if (policy && !reclaimPolicies.includes(policy)) errors.push(notSupported('spec.persistentVolumeReclaimPolicy', policy, reclaimPolicies));
  if (spec.nodeAffinity) {
    if (spec.nodeAffinity.required) validateNodeSelector(errors, spec.nodeAffinity.required, 'spec.nodeAffinity.required');
    else errors.push(required('spec.nodeAffinity.required', 'must specify required node constraints'));
  }
  validateSources(errors, spec, metadata.name ?? '');
  if (spec.hostPath && posix.resolve('/', spec.hostPath.path) === '/' && spec.hostPath.path.startsWith('/') && policy === 'Recycle') errors.push(forbidden('spec.persistentVolumeReclaimPolicy', "may not be 'recycle' for a hostPath mount of '/'"));
  if (spec.storageClassName) checkName(errors, 'spec.storageClassName', spec.storageClassName, dns1123Subdomain);
  if (spec.volumeMode !== undefined && !volumeModes.includes(spec.volumeMode)) errors.push(notSupported('spec.volumeMode', spec.volumeMode, volumeModes));
  const attributes = spec.volumeAttributesClassName;
  if (attributes === undefined) return;
  if (attributes === '') errors.push(required('spec.volumeAttributesClassName', 'an empty string is disallowed'));
  else checkName(errors, 'spec.volumeAttributesClassName', attributes, dns1123Subdomain);
  if (!spec.csi) errors.push(required('spec.csi', 'has to be specified when using volumeAttributesClassName'));
}

function validateSources(errors: FieldError[], spec: PersistentVolumeSpec, volumeName: string): void {
  let count = 0;
  for (const [key, reported = key, second = key] of sources) {
    if (!spec[key]) continue;
    if (count > 0 && key !== 'flexVolume') errors.push(forbidden(`spec.${second}`, 'may not specify more than 1 volume type'));
    else {
      sharedSources[key](errors, spec[key], `spec.${reported}`, { persistent: true, volumeName });
      if (key === 'local' && !spec.nodeAffinity) errors.push(required('spec.nodeAffinity', 'Local volume requires node affinity'));
    }
    count++;
  }
  if (count === 0) errors.push(required('spec', 'must specify a volume type'));
}

const sourceOf = (spec: PersistentVolumeSpec): Record<string, unknown> => Object.fromEntries(sources.flatMap(([key]) => (spec[key] ? [[key, spec[key]]] : [])));

const besideSource = new Set(['Capacity', 'AccessModes', 'ClaimRef', 'PersistentVolumeReclaimPolicy', 'StorageClassName', 'MountOptions', 'VolumeMode', 'NodeAffinity', 'VolumeAttributesClassName']);
/** All sources, the absent ones as null. */
const shownSource = (source: Record<string, unknown>) => Object.fromEntries(Object.entries(internalForm('core/v1.PersistentVolumeSpec', source) as object).filter(([name]) => !besideSource.has(name)));

function validateChanges(errors: FieldError[], { spec }: PersistentVolume, old: PersistentVolume): void {
  const now = sourceOf(spec);
  if (old.spec.csi && !old.spec.csi.controllerExpandSecretRef && spec.csi?.controllerExpandSecretRef) now.csi = { ...spec.csi, controllerExpandSecretRef: undefined };
  const before = sourceOf(old.spec);
  if (!same(now, before)) errors.push(forbidden('spec.persistentvolumesource', `spec.persistentvolumesource is immutable after creation\n${unifiedDiff(shownSource(before), shownSource(now))}`));
  immutable(errors, spec.volumeMode ?? null, old.spec.volumeMode ?? null, 'volumeMode');
  if (old.spec.nodeAffinity && !sameButForGaLabels(spec.nodeAffinity, old.spec.nodeAffinity)) errors.push(invalid('nodeAffinity', internalForm('core/v1.VolumeNodeAffinity', spec.nodeAffinity), `${immutableText}, except for updating from beta label to GA`));
  if (old.spec.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined) errors.push(forbidden('spec.volumeAttributesClassName', 'update from non-nil value to nil is forbidden'));
}

/** Node labels that had other names in beta. */
const labelsSinceGa: Record<string, string> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
  'beta.kubernetes.io/instance-type': 'node.kubernetes.io/instance-type',
};

/** Whether both want the same nodes, where the newer may use a label's GA name in place of its beta name. */
function sameButForGaLabels(now: VolumeNodeAffinity | undefined, old: VolumeNodeAffinity): boolean {
  if (same(now, old)) return true;
  const terms = now?.required?.nodeSelectorTerms;
  const before = old.required?.nodeSelectorTerms;
  if (!terms || !before || terms.length !== before.length) return false;
  return before.every((term, i) => {
    const expressions = term.matchExpressions ?? [];
    const after = terms[i].matchExpressions ?? [];
    if (expressions.length > after.length || !same(term.matchFields ?? [], terms[i].matchFields ?? [])) return false;
    const renamed = expressions.map((expression, j) => (after[j].key === labelsSinceGa[expression.key] ? { ...expression, key: after[j].key } : expression));
    return same(renamed, after);
  });
}

/** Volume types whose mounts take options. */
const mountable = new Set<string>(['gcePersistentDisk', 'awsElasticBlockStore', 'glusterfs', 'nfs', 'rbd', 'quobyte', 'iscsi', 'cinder', 'cephfs', 'azureFile', 'vsphereVolume', 'azureDisk', 'photonPersistentDisk']);
const mountOptionsAnnotation = 'volume.beta.kubernetes.io/mount-options';

function validateMountOptions(errors: FieldError[], { metadata, spec }: PersistentVolume): void {
  if (metadata.annotations?.[mountOptionsAnnotation] === undefined || Object.keys(sourceOf(spec)).some((key) => mountable.has(key))) return;
  errors.push(forbidden(`metadata.annotations.${mountOptionsAnnotation}`, 'may not specify mount options for this volume type'));
}

const deprecatedSources: Partial<Record<keyof PersistentVolumeSpec, string>> = {
  cephfs: 'cephfs: deprecated in v1.28, non-functional in v1.31+',
  photonPersistentDisk: 'photonPersistentDisk: deprecated in v1.11, non-functional in v1.16+',
  scaleIO: 'scaleIO: deprecated in v1.16, non-functional in v1.22+',
  storageos: 'storageOS: deprecated in v1.22, non-functional in v1.25+',
  glusterfs: 'glusterfs: deprecated in v1.25, non-functional in v1.26+',
  rbd: 'rbd: deprecated in v1.28, non-functional in v1.31+',
};
const classAnnotation = 'volume.beta.kubernetes.io/storage-class';

const strategy: Strategy<PersistentVolume> = {
  defaults({ spec, status }) {
    status.phase ||= 'Pending';
    spec.persistentVolumeReclaimPolicy ||= 'Retain';
    spec.volumeMode ??= 'Filesystem';
    if (spec.hostPath) spec.hostPath.type ??= '';
    roundAmounts(spec.capacity);
  },
  prepareForCreate(object, context) {
    object.status = { phase: 'Pending', lastPhaseTransitionTime: timestamp(context) };
  },
  prepareForUpdate(object, old, context) {
    if (context.subresource !== 'status') return;
    const before = old.status.lastPhaseTransitionTime;
    const now = object.status.lastPhaseTransitionTime;
    if (object.status.phase === old.status.phase) {
      if (now === undefined && before !== undefined) object.status.lastPhaseTransitionTime = before;
    } else if (now === undefined || now === before) object.status.lastPhaseTransitionTime = timestamp(context);
  },
  validate(object) {
    const errors: FieldError[] = [];
    validateObjectMeta(errors, object.metadata, { name: nameIsDnsSubdomain, namespaced: false });
    validateSpec(errors, object);
    validateMountOptions(errors, object);
    return errors;
  },
  validateUpdate(object, old) {
    const errors: FieldError[] = [];
    validateObjectMeta(errors, object.metadata, { name: nameIsDnsSubdomain, namespaced: false });
    validateSpec(errors, object);
    // Found once by the rules for volumes and once more by those for their updates.
    const again = [...errors];
    validateMountOptions(errors, object);
    errors.push(...again);
    validateChanges(errors, object, old);
    return errors;
  },
  validateStatusUpdate(object, old) {
    const errors: FieldError[] = [];
    validateObjectMetaUpdate(errors, object.metadata, old.metadata);
    return errors;
  },
  warnings({ metadata, spec }) {
    const out: string[] = [];
    if (metadata.annotations?.[classAnnotation] !== undefined) out.push(`metadata.annotations[${classAnnotation}]: deprecated since v1.8; use "storageClassName" attribute instead`);
    if (metadata.annotations?.[mountOptionsAnnotation] !== undefined) out.push('metadata.annotations[volume.beta.kubernetes.io/mount-options]: deprecated since v1.31; use "mountOptions" attribute instead');
    if (spec.persistentVolumeReclaimPolicy === 'Recycle') out.push('spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.');
    spec.nodeAffinity?.required?.nodeSelectorTerms?.forEach((term, i) => out.push(...nodeTermWarnings(term, `spec.nodeAffinity.required.nodeSelectorTerms[${i}]`)));
    for (const key in deprecatedSources) if (spec[key as keyof PersistentVolumeSpec]) out.push(`spec.${deprecatedSources[key as keyof PersistentVolumeSpec]}`);
    return out;
  },
};

export const persistentVolumes = defineResource<any>(type, { strategy });
