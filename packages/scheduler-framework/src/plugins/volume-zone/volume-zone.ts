import type { PersistentVolume, PersistentVolumeClaim } from '@pilothouse/api-schemas/types/core/v1';
import { plugin, type PluginFactory } from '../../contract.ts';
import { sameValue } from '../../events/changes.ts';
import { Action } from '../../events/cluster-event.ts';
import type { ClusterObjects } from '../../objects.ts';
import type { PodInfo } from '../../pod/pod-info.ts';
import { type Verdict, skip, unresolvable } from '../../verdict.ts';
import { classOfClaim, missing } from '../../volumes/storage.ts';
import type { StorageClass } from '../../volumes/types.ts';
import { usesClaim } from '../volume-binding/volume-binding.ts';

interface Topology {
  readonly volume: string;
  readonly key: string;
  readonly values: readonly string[];
}

const wrongZone = unresolvable('node(s) had no available volume zone');

/** Labels of zones and regions, the old names first. */
const stableName: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region': 'topology.kubernetes.io/region',
};
const topologyLabels = Object.keys(stableName);

/** A label may name several zones: `a__b`. A label with an empty zone is left out. */
function topologiesOf(volume: PersistentVolume): Topology[] {
  const found: Topology[] = [];
  for (const key of topologyLabels) {
    const values = volume.metadata.labels?.[key]?.split('__').map((v) => v.trim());
    if (values?.every((v) => v)) found.push({ volume: volume.metadata.name!, key, values });
  }
  return found;
}

function topologiesFor(info: PodInfo, objects: ClusterObjects): Topology[] | Verdict {
  const found: Topology[] = [];
  for (const volume of info.spec.volumes ?? []) {
    if (!volume.persistentVolumeClaim) continue;
    const name = volume.persistentVolumeClaim.claimName;
    if (!name) return unresolvable('PersistentVolumeClaim had no name');
    const claim = objects.persistentVolumeClaims.get(`${info.namespace}/${name}`);
    if (!claim) return unresolvable(missing('persistentvolumeclaim', name));
    const volumeName = claim.spec?.volumeName;
    if (!volumeName) {
      const refusal = unbound(claim, objects);
      if (refusal) return refusal;
      continue;
    }
    const bound = objects.persistentVolumes.get(volumeName);
    if (!bound) return unresolvable(missing('persistentvolume', volumeName));
    found.push(...topologiesOf(bound));
  }
  return found;
}

function unbound(claim: PersistentVolumeClaim, objects: ClusterObjects): Verdict | undefined {
  const name = classOfClaim(claim);
  if (!name) return unresolvable('PersistentVolumeClaim had no pv name and storageClass name');
  const storageClass = objects.storageClasses.get(name);
  if (!storageClass) return unresolvable(missing('storageclass.storage.k8s.io', name));
  if (!storageClass.volumeBindingMode) return unresolvable(`VolumeBindingMode not set for StorageClass ${JSON.stringify(name)}`);
  return storageClass.volumeBindingMode === 'WaitForFirstConsumer' ? undefined : unresolvable('PersistentVolume had no name');
}

/** Rejects nodes outside the zones and regions that the pod's bound volumes are labelled with. */
export const volumeZone: PluginFactory = {
  name: 'VolumeZone',
  create: (_args, { snapshot, objects }) =>
    plugin<readonly Topology[]>({
      name: 'VolumeZone',
      preFilter: (info) => {
        const topologies = topologiesFor(info, objects);
        if ('code' in topologies) return topologies;
        return topologies.length ? { state: topologies } : skip;
      },
      filterScope: 'cluster',
      filter: (topologies, _info, node) => {
        const labels = snapshot.labels[node];
        if (!topologyLabels.some((key) => labels[key] !== undefined)) return undefined;
        for (const { key, values } of topologies) {
          const value = labels[key] ?? labels[stableName[key]];
          if (value === undefined || !values.includes(value)) return wrongZone;
        }
        return undefined;
      },
      events: [
        { resource: 'storage.k8s.io/StorageClass', action: Action.Add, hint: (_pod, _old, now?: StorageClass) => now!.volumeBindingMode === 'WaitForFirstConsumer' },
        { resource: 'Node', action: Action.Add | Action.UpdateNodeLabel },
        { resource: 'PersistentVolumeClaim', action: Action.Add | Action.Update, hint: (pod, _old, now?: PersistentVolumeClaim) => usesClaim(pod, now!, false) },
        { resource: 'PersistentVolume', action: Action.Add | Action.Update, hint: (_pod, old?: PersistentVolume, now?: PersistentVolume) => !old || !sameValue(topologiesOf(old), topologiesOf(now!)) },
      ],
    }),
};
