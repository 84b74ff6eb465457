import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { seededRandom } from '@pilothouse/base/random';
import { describe, expect, test } from 'vitest';
import { loadConfiguration } from '../config/load.ts';
import { PodInfo } from '../pod/pod-info.ts';
import { defaultPlugins } from '../plugins/index.ts';
import { createProfile } from '../profile.ts';
import { node, pluginBench, pod } from '../testing/bench.ts';
import { nodeName } from '../plugins/node-name/node-name.ts';
import { Algorithm } from './schedule.ts';

const zone = 'topology.kubernetes.io/zone';
const selector = { matchLabels: { app: 'a' } };

/** Pods of a few kinds, as a cluster has many of each. */
const kinds: ((name: string) => Pod)[] = [
  (name) => pod(name, { requests: { cpu: '100m' } }),
  (name) => pod(name, { requests: { cpu: '1', memory: '1Gi' }, labels: { app: 'a' } }),
  (name) => pod(name, { labels: { app: 'a' }, spec: { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: zone, whenUnsatisfiable: 'DoNotSchedule', labelSelector: selector }] } }),
  (name) => pod(name, { labels: { app: 'a' }, spec: { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname', labelSelector: selector }] } } } }),
  (name) => pod(name, { labels: { app: 'b' }, spec: { affinity: { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 5, podAffinityTerm: { topologyKey: zone, labelSelector: selector } }] } } } }),
  (name) => pod(name, { spec: { nodeSelector: { tier: 'gold' }, tolerations: [{ operator: 'Exists' }] } }),
  (name) => pod(name, { spec: { containers: [{ name: 'c', image: 'big', ports: [{ containerPort: 80, hostPort: 80 }] }] } }),
];

const someNode = (i: number, random: { below(n: number): number }) =>
  node(`n${i}`, {
    labels: { [zone]: `z${random.below(3)}`, ...(random.below(2) && { tier: 'gold' }) },
    spec: { unschedulable: random.below(8) === 0, taints: random.below(4) === 0 ? [{ key: 'k', effect: ['NoSchedule', 'PreferNoSchedule'][random.below(2)] }] : [] },
    status: { images: random.below(2) ? [{ names: ['big:latest'], sizeBytes: 500 * 1024 * 1024 }] : [] },
  });

describe('answers kept for equal pods', () => {
  test.each([1, 2, 3, 4, 5])('equal those worked out anew, whatever happens in between (seed %i)', (seed) => {
    const random = seededRandom(seed);
    const { snapshot, handle } = pluginBench(nodeName, { nodes: Array.from({ length: 12 }, (_, i) => someNode(i, random)) });
    const configured = loadConfiguration({}).profiles[0];
    const options = { snapshot, nominator: handle.nominator, random, percentageOfNodesToScore: 100, firstByName: true };
    const kept = new Algorithm({ ...options, profile: createProfile(configured, defaultPlugins, handle) });
    const placed: PodInfo[] = [];
    for (let step = 0; step < 150; step++) {
      const info = new PodInfo(kinds[random.below(kinds.length)](`p${step}`));
      const anew = new Algorithm({ ...options, profile: createProfile(configured, defaultPlugins, handle) });
      anew.nextStart = kept.nextStart;
      const [a, b] = [kept.findFeasible(info), anew.findFeasible(info, {})];
      expect([...a.nodes]).toEqual([...b.nodes]);
      expect(a.diagnosis.message(12)).toBe(b.diagnosis.message(12));
      expect([...a.diagnosis.unschedulablePlugins].sort()).toEqual([...b.diagnosis.unschedulablePlugins].sort());
      if (a.nodes.length > 1) expect([...kept.score(info, a)]).toEqual([...anew.score(info, b, {})]);
      if (a.nodes.length) {
        const chosen = kept.choose(a.nodes, a.nodes.length > 1 ? kept.score(info, a) : new Float64Array(1));
        snapshot.addPod(info, snapshot.names[chosen]);
        placed.push(info);
      }
      const what = random.below(10);
      if (what === 0 && placed.length) {
        const [gone] = placed.splice(random.below(placed.length), 1);
        snapshot.removePod(gone.uid, gone.namespace);
      } else if (what === 1) snapshot.setNode(someNode(random.below(12), random));
      else if (what === 2) snapshot.removeNode(`n${random.below(12)}`);
    }
  });
});
