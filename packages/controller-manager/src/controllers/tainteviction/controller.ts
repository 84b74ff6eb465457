import { keyOf, nodes, pods } from '@pilothouse/apimachinery';
import { defineController, done, requeueAfter, semanticallyEqual } from '@pilothouse/controller-runtime';
import { podsByNode } from '../nodelifecycle/controller.ts';
import { evictByTaint } from './evict.ts';
import { noExecuteTaintsOf, stayMs } from './plan.ts';

interface Scheduled {
  uid: string;
  /** When the toleration began to run. */
  sinceMs: number;
  fireAtMs: number;
}

/** Deletes pods that do not tolerate a NoExecute taint of their node, or no longer. @see https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/ */
export const taintEvictionController = defineController<Map<string, Scheduled>>({
  name: 'taint-eviction-controller',
  serviceAccount: 'node-controller',
  eventSource: 'taint-eviction-controller',
  workers: 8,
  watches: [
    { type: pods, indexes: podsByNode, keys: (pod, { old }) => (old && old.spec?.nodeName === pod.spec?.nodeName && semanticallyEqual(old.spec?.tolerations, pod.spec?.tolerations) ? [] : [keyOf(pod)]) },
    {
      type: nodes,
      keys(node, { old }, context) {
        if (semanticallyEqual(noExecuteTaintsOf(old), noExecuteTaintsOf(node))) return [];
        return context.lister(pods).byIndex('nodeName', node.metadata.name!).map(keyOf);
      },
    },
  ],
  start: () => new Map(),
  async reconcile(key, context, scheduled) {
    const { clock, lister, recorder } = context;
    const pod = lister(pods).get(key);
    const about = { apiVersion: 'v1', kind: 'Pod', namespace: key.split('/')[0], name: key.split('/')[1] };
    const cancel = () => {
      if (scheduled.delete(key)) recorder.event(about, 'Normal', 'TaintManagerEviction', `Cancelling deletion of Pod ${key}`);
    };
    const taints = noExecuteTaintsOf(pod?.spec?.nodeName ? lister(nodes).get(pod.spec.nodeName) : undefined);
    const stay = pod && taints.length ? stayMs(pod, taints) : undefined;
    if (!pod || stay === undefined) {
      cancel();
      return done;
    }
    const now = clock.now();
    let plan = scheduled.get(key);
    if (plan && plan.uid !== pod.metadata.uid) plan = undefined;
    if (stay === 0) plan = { uid: pod.metadata.uid!, sinceMs: now, fireAtMs: now };
    else if (!plan) plan = { uid: pod.metadata.uid!, sinceMs: now, fireAtMs: now + stay };
    else if (plan.sinceMs + stay < plan.fireAtMs) plan = { ...plan, fireAtMs: plan.sinceMs + stay };
    scheduled.set(key, plan);
    if (plan.fireAtMs > now) return requeueAfter(plan.fireAtMs - now);
    recorder.event(about, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${key}`);
    await evictByTaint(pod, { reason: 'DeletionByTaintManager', message: 'Taint manager: deleting due to NoExecute taint' }, context);
    scheduled.delete(key);
    return done;
  },
});
