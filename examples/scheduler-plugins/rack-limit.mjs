/**
 * At most so many pods of one app in a rack (label `example.com/rack` of nodes), and racks with fewer of them first.
 *
 *   pilothouse scheduler --kubeconfig scheduler.conf --plugin examples/scheduler-plugins/rack-limit.mjs
 *
 * Arguments (pluginConfig of a KubeSchedulerConfiguration): `mostPerRack`, default 2.
 */
const rackLabel = 'example.com/rack';

export default {
  name: 'RackLimit',

  create(args, { snapshot }) {
    const mostPerRack = args.mostPerRack ?? 2;
    const rackOf = (node) => snapshot.labels[node][rackLabel];
    const appOf = (info) => info.pod.metadata.labels?.app;

    return {
      /** Once per pod: how many pods of its app each rack has. */
      preFilter(info) {
        const app = appOf(info);
        if (!app) return { code: 'Skip', reasons: [] };
        const perRack = new Map();
        for (const { info: other, node } of snapshot.podsByNamespace.get(info.namespace)?.values() ?? []) {
          if (appOf(other) === app) perRack.set(rackOf(node), (perRack.get(rackOf(node)) ?? 0) + 1);
        }
        return { state: perRack };
      },

      /** Per node (an index into the snapshot): nothing if it fits, else why not. */
      filter(perRack, info, node) {
        const rack = rackOf(node);
        if (rack === undefined) return { code: 'UnschedulableAndUnresolvable', reasons: [`node(s) had no label ${rackLabel}`] };
        if ((perRack.get(rack) ?? 0) >= mostPerRack) return { code: 'Unschedulable', reasons: [`node(s) in racks with ${mostPerRack} pods of the app`] };
      },

      /** Hands what PreFilter found on to Score. */
      prepareScore: (info, perRack) => perRack ?? new Map(),
      score: (perRack, info, node) => perRack.get(rackOf(node)) ?? 0,
      /** Into 0…100, fewest pods highest. */
      normalize(perRack, scores) {
        const most = Math.max(...scores);
        scores.forEach((score, i) => {
          scores[i] = most ? 100 - Math.round((100 * score) / most) : 100;
        });
      },

      /** What may help a pod that this plugin rejected. */
      events: [
        { resource: 'AssignedPod', action: ['Delete'], hint: (info, old) => old.metadata.labels?.app === appOf(info) },
        { resource: 'Node', action: ['Add', 'UpdateNodeLabel'] },
      ],
    };
  },
};
