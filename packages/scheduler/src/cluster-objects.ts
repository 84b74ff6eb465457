import { csiDrivers, csiNodes, csiStorageCapacities, deviceClasses, type KubeObject, namespaces, persistentVolumeClaims, persistentVolumes, podDisruptionBudgets, replicaSets, replicationControllers, resourceClaims, resourceSlices, type ResourceType, services, statefulSets, storageClasses, volumeAttachments } from '@pilothouse/apimachinery';
import type { Informer, InformerFactory } from '@pilothouse/client';
import type { ClusterEvent, ClusterObjects, EventResource } from '@pilothouse/scheduler-framework';
import { clusterEvent } from '@pilothouse/scheduler-framework';

/** Everything plugins look up, with the name events about it go by (none where no plugin registers for any). */
const sources = {
  namespaces: [namespaces, undefined],
  services: [services, undefined],
  replicationControllers: [replicationControllers, undefined],
  replicaSets: [replicaSets, undefined],
  statefulSets: [statefulSets, undefined],
  podDisruptionBudgets: [podDisruptionBudgets, undefined],
  persistentVolumeClaims: [persistentVolumeClaims, 'PersistentVolumeClaim'],
  persistentVolumes: [persistentVolumes, 'PersistentVolume'],
  storageClasses: [storageClasses, 'storage.k8s.io/StorageClass'],
  csiNodes: [csiNodes, 'storage.k8s.io/CSINode'],
  csiDrivers: [csiDrivers, 'storage.k8s.io/CSIDriver'],
  csiStorageCapacities: [csiStorageCapacities, 'storage.k8s.io/CSIStorageCapacity'],
  volumeAttachments: [volumeAttachments, 'storage.k8s.io/VolumeAttachment'],
  deviceClasses: [deviceClasses, 'resource.k8s.io/DeviceClass'],
  resourceSlices: [resourceSlices, 'resource.k8s.io/ResourceSlice'],
  resourceClaims: [resourceClaims, 'resource.k8s.io/ResourceClaim'],
} as const satisfies Record<Exclude<keyof ClusterObjects, 'namespacesVersion'>, readonly [ResourceType<any>, EventResource | undefined]>;

export interface WatchedObjects {
  readonly objects: ClusterObjects;
  /** Starts telling of events that may make pods schedulable. Returns its end. */
  listen(onEvent: (event: ClusterEvent, old: unknown, now: unknown) => void): () => void;
  /** Calls back after any change; returns its end. */
  onChange(fn: () => void): () => void;
  /** Calls back after every change with what it was and is; returns its end. */
  observe(fn: (table: keyof typeof sources, old: unknown, now: unknown) => void): () => void;
  whenSynced(signal?: AbortSignal): Promise<void>;
}

/** Informers for all that plugins look up. */
export function watchObjects(factory: InformerFactory): WatchedObjects {
  const informers = Object.fromEntries(Object.entries(sources).map(([name, [type]]) => [name, factory.informer(type as ResourceType<KubeObject>)])) as Record<keyof typeof sources, Informer<any>>;
  let version = 0;
  const bump = () => void version++;
  informers.namespaces.handle({ add: bump, update: bump, delete: bump });
  const objects = Object.defineProperty(Object.fromEntries(Object.entries(informers).map(([name, informer]) => [name, informer.lister])), 'namespacesVersion', { get: () => version }) as unknown as ClusterObjects;
  return {
    objects,
    listen(onEvent) {
      const ends = Object.entries(sources).flatMap(([name, [, resource]]) => {
        if (!resource) return [];
        const [added, updated, deleted] = [clusterEvent(resource, 'Add'), clusterEvent(resource, 'Update'), clusterEvent(resource, 'Delete')];
        return [informers[name as keyof typeof sources].handle({ add: (o) => onEvent(added, undefined, o), update: (o, old) => onEvent(updated, old, o), delete: (o) => onEvent(deleted, o, undefined) })];
      });
      return () => ends.forEach((end) => end());
    },
    onChange(fn) {
      const ends = [informers.persistentVolumes, informers.persistentVolumeClaims, informers.resourceClaims].map((i) => i.handle({ add: fn, update: fn, delete: fn }));
      return () => ends.forEach((end) => end());
    },
    observe(fn) {
      const ends = Object.keys(sources).map((name) => {
        const table = name as keyof typeof sources;
        return informers[table].handle({ add: (o) => fn(table, undefined, o), update: (o, old) => fn(table, old, o), delete: (o) => fn(table, o, undefined) });
      });
      return () => ends.forEach((end) => end());
    },
    whenSynced: async (signal) => void (await Promise.all(Object.values(informers).map((i) => i.whenSynced(signal)))),
  };
}
