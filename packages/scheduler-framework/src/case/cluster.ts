import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { realRandom } from '@pilothouse/base/random';
import { formatTime, parseTime } from '@pilothouse/base/clock';
import { loadConfiguration } from '../config/load.ts';
import type { PluginHandle } from '../contract.ts';
import { featuresWith } from '../features.ts';
import { Nominator } from '../nominator.ts';
import { type ObjectTables, objectTables } from '../objects.ts';
import { PodInfo } from '../pod/pod-info.ts';
import { defaultPlugins } from '../plugins/index.ts';
import { createProfile, type Profile } from '../profile.ts';
import { ClusterSnapshot } from '../snapshot/cluster-snapshot.ts';
import type { SchedulerCase } from './types.ts';

/** A case's cluster in memory. Nothing is bound for real: what binding would write is refused. */
export interface CaseCluster {
  readonly snapshot: ClusterSnapshot;
  readonly objects: ObjectTables;
  readonly nominator: Nominator;
  /** Pending pods by `namespace/name`, as they are now. */
  readonly pending: Map<string, Pod>;
  readonly profiles: ReadonlyMap<string, Profile>;
  nowMs: number;
}

const refuse = () => Promise.reject(new Error('a case is not bound'));

export function buildCluster(source: SchedulerCase): CaseCluster {
  const features = featuresWith(source.featureGates);
  const snapshot = new ClusterSnapshot();
  const nominator = new Nominator();
  const objects = objectTables(source.objects);
  let latest = 0;
  for (const object of source.objects) if (object.kind === 'Node') snapshot.setNode(object as Node);
  for (const object of source.objects) {
    if (object.kind !== 'Pod') continue;
    const pod = object as Pod;
    if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed' || !pod.spec?.nodeName) continue;
    snapshot.addPod(new PodInfo(pod), pod.spec.nodeName);
    if (pod.status?.startTime) latest = Math.max(latest, parseTime(pod.status.startTime));
  }
  const pending = new Map(source.pods.map((pod) => [`${pod.metadata.namespace}/${pod.metadata.name}`, pod]));
  for (const pod of source.pods) if (pod.status?.nominatedNodeName) nominator.add(new PodInfo(pod), pod.status.nominatedNodeName);
  const cluster: CaseCluster = { snapshot, objects, nominator, pending, profiles: new Map(), nowMs: latest + 1000 };
  const handle: PluginHandle = {
    snapshot,
    objects,
    nominator,
    features,
    random: realRandom,
    now: () => cluster.nowMs,
    formatTime,
    currentPod: (info) => pending.get(info.key),
    actions: { bind: refuse, updateVolume: refuse, updateClaim: refuse, updateClaimStatus: refuse, updateResourceClaim: refuse, waitUntil: refuse },
    isPreempting: () => false,
  };
  const configuration = loadConfiguration(source.config ?? {}, features);
  const profiles = cluster.profiles as Map<string, Profile>;
  for (const profile of configuration.profiles) profiles.set(profile.schedulerName, createProfile(profile, defaultPlugins, handle));
  return cluster;
}
