import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { ResourceClaim, ResourceSlice } from '@pilothouse/api-schemas/types/resource/v1';
import { keyOf, pods, resourceClaims, resourceSlices } from '@pilothouse/apimachinery';
import { defineController, done, requeueAfter } from '@pilothouse/controller-runtime';
import { evictByTaint } from '../tainteviction/evict.ts';
import { claimsOf, podEvictionMs, poolKey } from './plan.ts';

const podsByClaim = { resourceClaim: (pod: Pod): string[] => claimsOf(pod).map(({ name }) => `${pod.metadata.namespace}/${name}`) };
const claimsByPool = { pool: (claim: ResourceClaim): string[] => [...new Set((claim.status?.allocation?.devices?.results ?? []).map(({ driver, pool }) => poolKey(driver, pool)))] };
const slicesByPool = { pool: ({ spec }: ResourceSlice): string[] => [poolKey(spec.driver, spec.pool.name)] };

/** Deletes pods whose devices were tainted, when their claims' tolerations are over. @see https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/#device-taints-and-tolerations */
export const deviceTaintEvictionController = defineController<Map<string, string>>({
  name: 'device-taint-eviction-controller',
  serviceAccount: 'device-taint-eviction-controller',
  eventSource: 'device-taint-eviction-controller',
  workers: 10,
  watches: [
    { type: pods, indexes: podsByClaim, keys: (pod) => (pod.spec?.resourceClaims?.length ? [keyOf(pod)] : []) },
    { type: resourceClaims, indexes: claimsByPool, keys: (claim, _change, context) => context.lister(pods).byIndex('resourceClaim', keyOf(claim)).map(keyOf) },
    {
      type: resourceSlices,
      indexes: slicesByPool,
      *keys(slice, { old }, context) {
        const pools = new Set([slice, ...(old ? [old] : [])].flatMap(slicesByPool.pool));
        for (const pool of pools) for (const claim of context.lister(resourceClaims).byIndex('pool', pool)) yield* context.lister(pods).byIndex('resourceClaim', keyOf(claim)).map(keyOf);
      },
    },
  ],
  /** Pods that were put down for deletion: key → uid. */
  start: () => new Map(),
  async reconcile(key, context, scheduled) {
    const { clock, lister, recorder } = context;
    const pod = lister(pods).get(key);
    if (pod?.metadata.deletionTimestamp) {
      scheduled.delete(key);
      return done;
    }
    const [namespace, name] = key.split('/');
    const when = pod && podEvictionMs(pod, (claim) => lister(resourceClaims).get(`${namespace}/${claim}`), (pool) => lister(resourceSlices).byIndex('pool', pool));
    const uid = scheduled.get(key);
    if (when === undefined || !pod) {
      scheduled.delete(key);
      if (uid) recorder.event({ apiVersion: 'v1', kind: 'Pod', namespace, name, uid }, 'Normal', 'DeviceTaintManagerEviction', 'Cancelling deletion');
      return done;
    }
    scheduled.set(key, pod.metadata.uid!);
    if (when > clock.now()) return requeueAfter(when - clock.now());
    recorder.event({ apiVersion: 'v1', kind: 'Pod', namespace, name, uid: pod.metadata.uid }, 'Normal', 'DeviceTaintManagerEviction', 'Marking for deletion');
    await evictByTaint(pod, { reason: 'DeletionByDeviceTaintManager', message: 'Device Taint manager: deleting due to NoExecute taint' }, context);
    scheduled.delete(key);
    return done;
  },
});
