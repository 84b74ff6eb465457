/** The three steps about storage: the default class, protection of what is in use, and growing of claims. */
import type { PersistentVolumeClaim } from '@pilothouse/api-schemas/types/core/v1';
import { compareQuantities, type KubeObject, storageClasses } from '@pilothouse/apimachinery';
import { andThen } from '@pilothouse/base';
import type { AdmissionAttributes, AdmissionPlugin } from '../contract.ts';
import { isAbout, refuse } from './refuse.ts';

/** Of several that are marked the newest, then the first by name. */
export function chooseDefault<T extends KubeObject>(marked: readonly T[]): T | undefined {
  return [...marked].sort((x, y) => (y.metadata.creationTimestamp ?? '').localeCompare(x.metadata.creationTimestamp ?? '', 'en') || (x.metadata.name! < y.metadata.name! ? -1 : 1))[0];
}

const isDefaultClass = (annotations: Record<string, string> | undefined) => annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true' || annotations?.['storageclass.beta.kubernetes.io/is-default-class'] === 'true';
const betaClass = 'volume.beta.kubernetes.io/storage-class';

export const defaultStorageClass: AdmissionPlugin = {
  name: 'DefaultStorageClass',
  operations: ['CREATE'],
  mutate(a) {
    if (!isAbout(a, 'persistentvolumeclaims') || a.subresource) return;
    const claim = a.object as PersistentVolumeClaim;
    if (claim.spec?.storageClassName !== undefined && claim.spec.storageClassName !== null) return;
    if (claim.metadata.annotations?.[betaClass] !== undefined) return;
    return andThen(a.read.list(storageClasses), (classes) => {
      const chosen = chooseDefault(classes.filter((c) => isDefaultClass(c.metadata.annotations)));
      if (chosen) claim.spec = { ...claim.spec, storageClassName: chosen.metadata.name };
    });
  },
};

const finalizers: Readonly<Record<string, string>> = {
  persistentvolumeclaims: 'kubernetes.io/pvc-protection',
  persistentvolumes: 'kubernetes.io/pv-protection',
  'storage.k8s.io/volumeattributesclasses': 'kubernetes.io/vac-protection',
};

/** Storage that is in use is deleted only once it is not. */
export const storageObjectInUseProtection: AdmissionPlugin = {
  name: 'StorageObjectInUseProtection',
  operations: ['CREATE'],
  mutate(a) {
    const resource = Object.keys(finalizers).find((r) => isAbout(a, r));
    if (!resource || a.subresource) return;
    const { metadata } = a.object as KubeObject;
    const held = metadata.finalizers ?? [];
    if (!held.includes(finalizers[resource])) metadata.finalizers = [...held, finalizers[resource]];
  },
};

const sizeOf = (claim: PersistentVolumeClaim) => (claim.spec?.resources?.requests?.storage as string | undefined) ?? '0';

const classOf = (claim: PersistentVolumeClaim): string => claim.metadata.annotations?.[betaClass] ?? claim.spec?.storageClassName ?? '';

async function mayGrow(a: AdmissionAttributes, claim: PersistentVolumeClaim, old: PersistentVolumeClaim): Promise<boolean> {
  const name = classOf(claim);
  return !!name && name === classOf(old) && !!(await a.read.get(storageClasses, name))?.allowVolumeExpansion;
}

export const persistentVolumeClaimResize: AdmissionPlugin = {
  name: 'PersistentVolumeClaimResize',
  operations: ['UPDATE'],
  async validate(a) {
    if (!isAbout(a, 'persistentvolumeclaims') || a.subresource) return;
    const old = a.old as PersistentVolumeClaim;
    if (compareQuantities(sizeOf(a.object), sizeOf(old)) <= 0) return;
    if (old.status?.phase !== 'Bound') throw refuse(a, 'Only bound persistent volume claims can be expanded');
    if (!(await mayGrow(a, a.object, old))) throw refuse(a, 'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize');
  },
};
