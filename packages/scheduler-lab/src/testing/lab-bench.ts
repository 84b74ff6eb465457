/** A scheduler's queue, cache and cycle with a lab at it, without an API server: for tests. Bindings succeed at once. */
import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { type FakeClock, fakeClock, formatTime } from '@pilothouse/base/clock';
import { seededRandom } from '@pilothouse/base/random';
import { Algorithm, ClusterSnapshot, createProfile, defaultFeatures, defaultPlugins, loadConfiguration, messageOf, Nominator, objectTables, PodInfo, type PluginHandle, type Profile, type QueueEntry, type Recorder, runPostFilters, type SchedulerWorld } from '@pilothouse/scheduler-framework';
import { createLab, type Lab, type LabOptions } from '../lab.ts';

export interface LabBench {
  readonly lab: Lab;
  readonly clock: FakeClock;
  readonly snapshot: ClusterSnapshot;
  readonly profile: Profile;
  /** Tries the pod once; the node, or the message. A node is assumed and bound. `recorder`: default the lab's. */
  attempt(pod: Pod, number?: number, recorder?: Recorder): string;
  /** As the queue holds it. */
  entry(pod: Pod): QueueEntry;
  readonly wakes: () => number;
}

export function labBench({ nodes, placed = {}, objects = [], seed = 1, ...options }: { nodes: Node[]; placed?: Record<string, Pod[]>; objects?: Parameters<typeof objectTables>[0]; seed?: number } & LabOptions): LabBench {
  const clock = fakeClock();
  const snapshot = new ClusterSnapshot();
  const nominator = new Nominator();
  const tables = objectTables(objects);
  const random = seededRandom(seed);
  const config = loadConfiguration({});
  const refuse = () => Promise.reject(new Error('nothing is bound in this test'));
  const handle: PluginHandle = { snapshot, nominator, objects: tables, features: defaultFeatures, random, now: clock.now, formatTime, currentPod: (info) => info.pod, actions: { bind: refuse, updateVolume: refuse, updateClaim: refuse, updateClaimStatus: refuse, updateResourceClaim: refuse, waitUntil: refuse }, isPreempting: () => false };
  const profile = createProfile(config.profiles[0], defaultPlugins, handle);
  const algorithm = new Algorithm({ profile, snapshot, nominator, random, percentageOfNodesToScore: config.percentageOfNodesToScore });
  let woken = 0;
  const world: SchedulerWorld = { snapshot, nominator, objects: tables, config, features: defaultFeatures, plugins: defaultPlugins, firstByName: false, extenders: [], onObjectChange: () => () => undefined, wake: () => void woken++ };
  for (const node of nodes) snapshot.setNode(node);
  for (const [name, pods] of Object.entries(placed)) for (const pod of pods) snapshot.addPod(new PodInfo({ ...pod, spec: { ...pod.spec!, nodeName: name } }), name);
  const lab = createLab(world, clock, options);
  const entry = (pod: Pod): QueueEntry => {
    const info = new PodInfo(pod);
    return { uid: info.uid, info, timestampMs: clock.now(), attempts: 1, backoffUntilMs: undefined, initialAttemptMs: clock.now(), unschedulablePlugins: new Set(), pendingPlugins: new Set(), gatedBy: '' };
  };
  return {
    lab, clock, snapshot, profile, entry, wakes: () => woken,
    attempt(pod, number = 1, recorder = lab.traces) {
      const info = new PodInfo(pod);
      recorder.begin?.(info, number, algorithm.nextStart);
      const decision = algorithm.schedule(info, recorder);
      if (decision.kind === 'node') {
        snapshot.addPod(info, decision.node);
        recorder.binding?.(info, decision.node);
        recorder.bind?.(info, 'DefaultBinder', decision.node, undefined);
        recorder.end?.(info, { node: decision.node });
        return decision.node;
      }
      let message: string;
      if (decision.kind === 'unfit') {
        decision.found.diagnosis.postFilterMessage = messageOf(runPostFilters(profile, info, decision.found, recorder).verdict);
        message = decision.found.diagnosis.message(snapshot.size);
      } else message = decision.message;
      recorder.end?.(info, { message, ...(decision.kind === 'error' && { error: true }) });
      return message;
    },
  };
}
