/** What plugins may look up beside nodes and pods. Informers' listers fit; so does `objectTable`. */
import type { ReplicaSet, StatefulSet } from '@pilothouse/api-schemas/types/apps/v1';
import type { Namespace, PersistentVolume, PersistentVolumeClaim, ReplicationController, Service } from '@pilothouse/api-schemas/types/core/v1';
import type { ObjectMeta } from '@pilothouse/api-schemas/types/meta/v1';
import type { PodDisruptionBudget } from '@pilothouse/api-schemas/types/policy/v1';
import type { DeviceClass, ResourceClaim, ResourceSlice } from '@pilothouse/api-schemas/types/resource/v1';
import type { CSIDriver, CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment } from '@pilothouse/api-schemas/types/storage/v1';
import type { Labels } from './selector.ts';

export interface ObjectLister<T> {
  /** `namespace/name`, or `name`. */
  get(key: string): T | undefined;
  list(): readonly T[];
  inNamespace(namespace: string): readonly T[];
}

export interface ClusterObjects {
  readonly namespaces: ObjectLister<Namespace>;
  readonly services: ObjectLister<Service>;
  readonly replicationControllers: ObjectLister<ReplicationController>;
  readonly replicaSets: ObjectLister<ReplicaSet>;
  readonly statefulSets: ObjectLister<StatefulSet>;
  readonly podDisruptionBudgets: ObjectLister<PodDisruptionBudget>;
  readonly persistentVolumeClaims: ObjectLister<PersistentVolumeClaim>;
  readonly persistentVolumes: ObjectLister<PersistentVolume>;
  readonly storageClasses: ObjectLister<StorageClass>;
  readonly csiNodes: ObjectLister<CSINode>;
  readonly csiDrivers: ObjectLister<CSIDriver>;
  readonly csiStorageCapacities: ObjectLister<CSIStorageCapacity>;
  readonly volumeAttachments: ObjectLister<VolumeAttachment>;
  readonly deviceClasses: ObjectLister<DeviceClass>;
  readonly resourceSlices: ObjectLister<ResourceSlice>;
  readonly resourceClaims: ObjectLister<ResourceClaim>;
  /** Changes whenever a namespace does. */
  readonly namespacesVersion: number;
}

type Named = { metadata: ObjectMeta };
export const objectKey = (object: Named): string => (object.metadata.namespace ? `${object.metadata.namespace}/${object.metadata.name}` : object.metadata.name!);

/** A lister over objects at hand, which may be added to and taken from. */
export class ObjectTable<T extends Named> implements ObjectLister<T> {
  readonly #objects = new Map<string, T>();

  constructor(objects: Iterable<T> = []) {
    for (const object of objects) this.put(object);
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): readonly T[] {
    return [...this.#objects.values()];
  }

  inNamespace(namespace: string): readonly T[] {
    return this.list().filter((o) => o.metadata.namespace === namespace);
  }

  put(object: T): void {
    this.#objects.set(objectKey(object), object);
  }

  delete(key: string): void {
    this.#objects.delete(key);
  }
}

/** Which lister a kind belongs to. */
const tableOfKind = {
  Namespace: 'namespaces', Service: 'services', ReplicationController: 'replicationControllers', ReplicaSet: 'replicaSets', StatefulSet: 'statefulSets', PodDisruptionBudget: 'podDisruptionBudgets',
  PersistentVolumeClaim: 'persistentVolumeClaims', PersistentVolume: 'persistentVolumes', StorageClass: 'storageClasses', CSINode: 'csiNodes', CSIDriver: 'csiDrivers',
  CSIStorageCapacity: 'csiStorageCapacities', VolumeAttachment: 'volumeAttachments', DeviceClass: 'deviceClasses', ResourceSlice: 'resourceSlices', ResourceClaim: 'resourceClaims',
} as const satisfies Record<string, keyof ClusterObjects>;

export type ObjectTables = { [K in (typeof tableOfKind)[keyof typeof tableOfKind]]: ObjectTable<any> } & { namespacesVersion: number };

/** Listers over a list of objects of any kinds; kinds that no plugin looks up are left out. */
export function objectTables(objects: Iterable<{ kind?: string; metadata: ObjectMeta }>): ObjectTables {
  const tables = Object.fromEntries(Object.values(tableOfKind).map((name) => [name, new ObjectTable()])) as unknown as ObjectTables;
  tables.namespacesVersion = 0;
  for (const object of objects) {
    const table = tableOfKind[object.kind as keyof typeof tableOfKind];
    if (table) tables[table].put(object);
  }
  return tables;
}

/** Labels of a namespace; undefined where it is not known. */
export const namespaceLabels = (objects: ClusterObjects, name: string): Labels | undefined => {
  const namespace = objects.namespaces.get(name);
  return namespace && (namespace.metadata.labels ?? {});
};
