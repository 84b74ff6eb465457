import { nodes } from '@pilothouse/apimachinery';
import { defineController, done, itself } from '@pilothouse/controller-runtime';

const annotation = 'node.alpha.kubernetes.io/ttl';

/** Sizes overlap, so that a cluster on a boundary does not change its mind with every node. */
const boundaries: readonly { least: number; most: number; seconds: number }[] = [
  { least: 0, most: 100, seconds: 0 },
  { least: 90, most: 500, seconds: 15 },
  { least: 450, most: 1000, seconds: 30 },
  { least: 900, most: 2000, seconds: 60 },
  { least: 1800, most: Number.POSITIVE_INFINITY, seconds: 300 },
];

/** The step for a number of nodes, from the step so far. */
export function boundaryStep(nodeCount: number, step: number): number {
  while (nodeCount > boundaries[step].most) step++;
  while (nodeCount < boundaries[step].least) step--;
  return step;
}

/** Tells kubelets how long they may keep secrets and config maps without asking: the longer, the larger the cluster. */
export const ttlController = defineController<{ step: number }>({
  name: 'ttl-controller',
  aliases: ['ttl'],
  serviceAccount: 'ttl-controller',
  watches: [itself(nodes)],
  start: () => ({ step: 0 }),
  async reconcile(name, { client, lister, signal }, state) {
    const node = lister(nodes).get(name);
    if (!node) return done;
    state.step = boundaryStep(lister(nodes).size, state.step);
    const wanted = String(boundaries[state.step].seconds);
    if (node.metadata.annotations?.[annotation] !== wanted) await client.patch(nodes, name, { metadata: { annotations: { [annotation]: wanted } } }, { type: 'strategic', signal });
    return done;
  },
});
