import type { PersistentVolumeClaim } from '@pilothouse/api-schemas/types/core/v1';
import type { CSIDriver, CSINode } from '@pilothouse/api-schemas/types/storage/v1';
import { quantityValue } from '@pilothouse/apimachinery/quantity';
import { messageOf } from '@pilothouse/base/errors';
import { plugin, type PluginFactory } from '../../contract.ts';
import { sameValue } from '../../events/changes.ts';
import { Action } from '../../events/cluster-event.ts';
import { objectKey } from '../../objects.ts';
import type { PodInfo } from '../../pod/pod-info.ts';
import { failure, skip, unresolvable, type Verdict } from '../../verdict.ts';
import { AssumedObjects } from '../../volumes/assumed.ts';
import { capacityBytes, requestedBytes } from '../../volumes/matching.ts';
import { bindToClaim, claimName, fullyBound, missing, notOwned, selectedNodeAnnotation } from '../../volumes/storage.ts';
import type { CSIStorageCapacity, StorageClass } from '../../volumes/types.ts';
import { roundHalfAway, type ShapePoint, utilizationScore } from '../node-resources/scoring.ts';
import { bindVolumes } from './bind-volumes.ts';
import { claimsOf, findVolumes, type PodClaims, type PodVolumes, type VolumeSources, volumeLimit } from './find-volumes.ts';

export interface VolumeBindingArgs {
  bindTimeoutSeconds: number;
  /** With the gate StorageCapacityScoring. */
  shape?: ShapePoint[];
}

interface State {
  readonly claims: PodClaims;
  readonly byNode: Map<string, PodVolumes>;
  hasStaticBindings: boolean;
  /** Nothing is left to bind; known after Reserve. */
  allBound: boolean;
}

/** Binds claims to volumes with the pod's node in mind. kep.k8s.io/490, kep.k8s.io/1472 */
export const volumeBinding: PluginFactory<VolumeBindingArgs> = {
  name: 'VolumeBinding',
  create: (args, handle) => {
    const { snapshot, objects, features } = handle;
    const sources: VolumeSources = { objects, claims: new AssumedObjects(objects.persistentVolumeClaims), volumes: new AssumedObjects(objects.persistentVolumes) };
    const utilization = features.StorageCapacityScoring ? utilizationScore(args.shape ?? []) : undefined;

    const allBound = (info: PodInfo) =>
      (info.spec.volumes ?? []).every((volume) => {
        const named = claimName(info.pod, volume);
        if (!named) return true;
        const claim = sources.claims.get(`${info.namespace}/${named.name}`);
        return claim !== undefined && fullyBound(claim);
      });

    return plugin<State, State>({
      name: 'VolumeBinding',
      preFilter: (info) => {
        const checked = checkClaims(info, sources);
        if (checked === 'none') return skip;
        if (checked) return unresolvable(checked);
        try {
          const claims = claimsOf(info.pod, sources);
          if (claims.immediate.length) return unresolvable('pod has unbound immediate PersistentVolumeClaims');
          return { state: { claims, byNode: new Map(), hasStaticBindings: false, allBound: false } };
        } catch (error) {
          return failure(messageOf(error), error);
        }
      },
      filterScope: 'cluster',
      filter: (state, _info, node) => {
        let found: PodVolumes | Verdict;
        try {
          found = findVolumes(state.claims, snapshot.labels[node], snapshot.names[node], sources);
        } catch (error) {
          return failure(messageOf(error), error);
        }
        if ('code' in found) return found;
        state.byNode.set(snapshot.names[node], found);
        state.hasStaticBindings ||= found.bindings.length > 0;
        return undefined;
      },
      preScore: (_info, _feasible, state) => (utilization && state ? { state } : skip),
      scoreScope: 'cluster',
      score: (state, _info, node) => {
        const volumes = state.byNode.get(snapshot.names[node]);
        return volumes && utilization ? scoreVolumes(volumes, utilization) : 0;
      },
      reserve: (state, info, node) => {
        const volumes = state?.byNode.get(node);
        if (!state || !volumes) return undefined;
        state.allBound = allBound(info);
        if (state.allBound) return undefined;
        for (const binding of volumes.bindings) {
          const volume = bindToClaim(binding.volume, binding.claim);
          if (volume !== binding.volume) sources.volumes.assume(volume);
          binding.volume = volume;
        }
        for (const provision of volumes.provisions) {
          const { claim } = provision;
          provision.claim = { ...claim, metadata: { ...claim.metadata, annotations: { ...claim.metadata.annotations, [selectedNodeAnnotation]: node } } };
          sources.claims.assume(provision.claim);
        }
        return undefined;
      },
      unreserve: (state, _info, node) => {
        const volumes = state?.byNode.get(node);
        for (const { volume } of volumes?.bindings ?? []) sources.volumes.forget(objectKey(volume));
        for (const { claim } of volumes?.provisions ?? []) sources.claims.forget(objectKey(claim));
      },
      needsPreBind: (state, _info, node) => state !== undefined && !state.allBound && state.byNode.has(node),
      preBind: async (state, info, node) => {
        const volumes = state?.byNode.get(node);
        if (!state || !volumes || state.allBound) return undefined;
        try {
          await bindVolumes(info.pod, node, volumes, handle, args.bindTimeoutSeconds * 1000);
          return undefined;
        } catch (error) {
          return failure(messageOf(error), error);
        }
      },
      events: [
        { resource: 'storage.k8s.io/StorageClass', action: Action.Add | Action.Update, hint: (_pod, old?: StorageClass, now?: StorageClass) => !old || !sameValue(old.allowedTopologies, now!.allowedTopologies) },
        { resource: 'PersistentVolumeClaim', action: Action.Add | Action.Update, hint: (pod, _old, now?: PersistentVolumeClaim) => usesClaim(pod, now!, true) },
        { resource: 'PersistentVolume', action: Action.Add | Action.Update },
        { resource: 'Node', action: Action.Add | Action.UpdateNodeLabel },
        { resource: 'storage.k8s.io/CSINode', action: Action.Add | Action.Update, hint: (_pod, old?: CSINode, now?: CSINode) => !old || migrated(old) !== migrated(now!) },
        { resource: 'storage.k8s.io/CSIDriver', action: Action.Update, hint: (pod, old?: CSIDriver, now?: CSIDriver) => (pod.spec.volumes ?? []).some((v) => v.csi?.driver === now!.metadata.name) && Boolean(old!.spec.storageCapacity) && !now!.spec.storageCapacity },
        {
          resource: 'storage.k8s.io/CSIStorageCapacity',
          action: Action.Add | Action.Update,
          hint: (_pod, old?: CSIStorageCapacity, now?: CSIStorageCapacity) => {
            if (!old) return true;
            const [before, after] = [volumeLimit(old), volumeLimit(now!)];
            return after !== undefined && (before === undefined || after > before);
          },
        },
      ],
    });
  },
};

const migrated = (node: CSINode) => node.metadata.annotations?.['storage.alpha.kubernetes.io/migrated-plugins'] ?? '';

/** Whether some volume of the pod is this claim; `ephemeral`: generic ephemeral volumes count too. */
export function usesClaim(pod: PodInfo, claim: PersistentVolumeClaim, ephemeral: boolean): boolean {
  if (pod.namespace !== claim.metadata.namespace) return false;
  return (pod.spec.volumes ?? []).some((volume) => {
    const named = claimName(pod.pod, volume);
    return named !== undefined && (ephemeral || !named.ephemeral) && named.name === claim.metadata.name;
  });
}

/** What is wrong with the pod's claims, `none` where it has none. */
function checkClaims(info: PodInfo, { objects }: VolumeSources): string | undefined {
  let any = false;
  for (const volume of info.spec.volumes ?? []) {
    const named = claimName(info.pod, volume);
    if (!named) continue;
    any = true;
    const claim = objects.persistentVolumeClaims.get(`${info.namespace}/${named.name}`);
    if (!claim) return named.ephemeral ? `waiting for ephemeral volume controller to create the persistentvolumeclaim ${JSON.stringify(named.name)}` : missing('persistentvolumeclaim', named.name);
    if (claim.status?.phase === 'Lost') return `persistentvolumeclaim ${JSON.stringify(claim.metadata.name)} bound to non-existent persistentvolume ${JSON.stringify(claim.spec?.volumeName ?? '')}`;
    if (claim.metadata.deletionTimestamp) return `persistentvolumeclaim ${JSON.stringify(claim.metadata.name)} is being deleted`;
    const foreign = named.ephemeral ? notOwned(info.pod, claim) : undefined;
    if (foreign) return foreign;
  }
  return any ? undefined : 'none';
}

/** Mean over the classes of how much of the capacity would be used. */
function scoreVolumes(volumes: PodVolumes, utilization: (requested: number, capacity: number) => number): number {
  const byClass = new Map<string, { requested: number; capacity: number }>();
  const of = (name: string) => {
    let sums = byClass.get(name);
    if (!sums) byClass.set(name, (sums = { requested: 0, capacity: 0 }));
    return sums;
  };
  if (volumes.bindings.length) {
    for (const { volume, claim } of volumes.bindings) {
      const sums = of(volume.spec?.storageClassName ?? '');
      sums.requested += requestedBytes(claim);
      sums.capacity += capacityBytes(volume);
    }
  } else {
    for (const { claim, capacity } of volumes.provisions) {
      if (!capacity) continue;
      const sums = of(claim.spec?.storageClassName ?? '');
      sums.capacity = quantityValue(capacity.capacity ?? '0');
      sums.requested += requestedBytes(claim);
    }
  }
  if (!byClass.size) return 0;
  let score = 0;
  for (const { requested, capacity } of byClass.values()) score += utilization(requested, capacity);
  return roundHalfAway(score / byClass.size);
}
