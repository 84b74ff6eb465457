import type { PersistentVolumeClaim, Pod, Volume } from '@pilothouse/api-schemas/types/core/v1';
import { plugin, type PluginFactory } from '../../contract.ts';
import { Action } from '../../events/cluster-event.ts';
import type { PodInfo } from '../../pod/pod-info.ts';
import { skip, unresolvable, unschedulable } from '../../verdict.ts';
import { missing } from '../../volumes/storage.ts';
import { usesClaim } from '../volume-binding/volume-binding.ts';

const diskConflict = unschedulable('node(s) had no available disk');
const claimConflict = unschedulable('node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod');

interface State {
  /** Names of the pod's claims that only one pod may use. */
  readonly exclusive: ReadonlySet<string>;
  /** How often those are used already. */
  inUse: number;
}

const isShared = (volume: Volume) => Boolean(volume.gcePersistentDisk || volume.awsElasticBlockStore || volume.rbd || volume.iscsi);

/** Whether both volumes are one disk that cannot be attached twice. */
function conflict(a: Volume, b: Volume): boolean {
  if (a.gcePersistentDisk && b.gcePersistentDisk && a.gcePersistentDisk.pdName === b.gcePersistentDisk.pdName && !(a.gcePersistentDisk.readOnly && b.gcePersistentDisk.readOnly)) return true;
  if (a.awsElasticBlockStore && b.awsElasticBlockStore && a.awsElasticBlockStore.volumeID === b.awsElasticBlockStore.volumeID) return true;
  if (a.iscsi && b.iscsi && a.iscsi.iqn === b.iscsi.iqn && !(a.iscsi.readOnly && b.iscsi.readOnly)) return true;
  if (a.rbd && b.rbd) {
    const monitors = b.rbd.monitors;
    const same = a.rbd.monitors.some((m) => monitors.includes(m)) && (a.rbd.pool ?? 'rbd') === (b.rbd.pool ?? 'rbd') && a.rbd.image === b.rbd.image;
    if (same && !(a.rbd.readOnly && b.rbd.readOnly)) return true;
  }
  return false;
}

const conflicts = (pod: Pod, other: Pod) => (pod.spec?.volumes ?? []).some((v) => isShared(v) && (other.spec?.volumes ?? []).some((w) => conflict(v, w)));

function usesOf(state: State, other: PodInfo): number {
  let uses = 0;
  for (const volume of other.spec.volumes ?? []) if (volume.persistentVolumeClaim && state.exclusive.has(volume.persistentVolumeClaim.claimName)) uses++;
  return uses;
}

/** Keeps disks that attach once, and ReadWriteOncePod claims, to one pod. */
export const volumeRestrictions: PluginFactory = {
  name: 'VolumeRestrictions',
  create: (_args, { snapshot, objects }) =>
    plugin<State>({
      name: 'VolumeRestrictions',
      preFilter: (info) => {
        const volumes = info.spec.volumes;
        if (!volumes?.length) return skip;
        const exclusive = new Set<string>();
        for (const volume of volumes) {
          if (!volume.persistentVolumeClaim) continue;
          const name = volume.persistentVolumeClaim.claimName;
          const claim = objects.persistentVolumeClaims.get(`${info.namespace}/${name}`);
          if (!claim) return unresolvable(missing('persistentvolumeclaim', name));
          if (claim.spec?.accessModes?.includes('ReadWriteOncePod')) exclusive.add(name);
        }
        let inUse = 0;
        for (const name of exclusive) if (snapshot.claimInUse(`${info.namespace}/${name}`)) inUse++;
        return !inUse && !volumes.some(isShared) ? skip : { state: { exclusive, inUse } };
      },
      cloneState: (state) => ({ ...state }),
      addPod: (state, _info, other) => void (state.inUse += usesOf(state, other)),
      removePod: (state, _info, other) => void (state.inUse -= usesOf(state, other)),
      filterScope: 'cluster',
      filter: (state, info, node) => {
        if (info.spec.volumes?.some(isShared) && snapshot.pods[node].some((p) => conflicts(info.pod, p.pod))) return diskConflict;
        return state.inUse > 0 ? claimConflict : undefined;
      },
      events: [
        {
          resource: 'Pod',
          action: Action.Delete,
          hint: (pod, old?: Pod) => {
            if (old!.metadata.namespace !== pod.namespace) return false;
            if (conflicts(pod.pod, old!)) return true;
            const claims = new Set(pod.spec.volumes?.map((v) => v.persistentVolumeClaim?.claimName).filter((n) => n !== undefined));
            return (old!.spec?.volumes ?? []).some((v) => v.persistentVolumeClaim && claims.has(v.persistentVolumeClaim.claimName));
          },
        },
        { resource: 'Node', action: Action.Add },
        { resource: 'PersistentVolumeClaim', action: Action.Add, hint: (pod, _old, now?: PersistentVolumeClaim) => usesClaim(pod, now!, false) },
      ],
    }),
};
