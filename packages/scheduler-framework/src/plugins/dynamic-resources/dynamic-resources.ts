import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { AllocationResult, ResourceClaim } from '@pilothouse/api-schemas/types/resource/v1';
import { messageOf } from '@pilothouse/base/errors';
import { plugin, type PluginFactory, type PluginHandle } from '../../contract.ts';
import { sameValue } from '../../events/changes.ts';
import { Action } from '../../events/cluster-event.ts';
import { objectKey } from '../../objects.ts';
import { type NodePredicate, nodeSelectorPredicate } from '../../pod/node-affinity.ts';
import type { PodInfo } from '../../pod/pod-info.ts';
import { failure, skip, unresolvable, unschedulable, type Verdict } from '../../verdict.ts';
import { AssumedObjects } from '../../volumes/assumed.ts';
import { scaleByMax } from '../normalize.ts';
import { allocate } from './allocator.ts';
import { canBeReserved, claimsOfPod, isReservedFor, takenDevices } from './claims.ts';

export interface DynamicResourcesArgs {
  filterTimeout?: string;
  bindingTimeout?: string;
}

interface State {
  readonly claims: readonly ResourceClaim[];
  readonly toAllocate: readonly ResourceClaim[];
  /** Where the allocated claims' devices are. */
  readonly reachable: ReadonlyMap<ResourceClaim, NodePredicate>;
  readonly taken: ReadonlySet<string>;
  /** Allocations found, by node. */
  readonly byNode: Map<string, readonly AllocationResult[]>;
  /** Claims that some node could not reach. */
  readonly unavailable: Set<ResourceClaim>;
  /** What Reserve chose, by claim. */
  chosen?: ReadonlyMap<string, AllocationResult>;
}

const notOnNode = unresolvable('resourceclaim not available on the node');
const cannotAllocate = unresolvable('cannot allocate all claims');
const finalizer = 'resource.kubernetes.io/delete-protection';
/** Most alternatives a request may have; the first scores that much. */
const mostAlternatives = 8;

/** Gives pods the devices their resource claims ask for. kep.k8s.io/4381 */
export const dynamicResources: PluginFactory<DynamicResourcesArgs> = {
  name: 'DynamicResources',
  create: (_args, handle) => {
    const { objects, snapshot } = handle;
    /** Claims as last written, until the informer has caught up. */
    const current = new AssumedObjects(objects.resourceClaims);
    /** Claims allocated in memory whose allocation is not written yet, by uid. */
    const pending = new Map<string, ResourceClaim>();

    function prepare(info: PodInfo, claims: readonly ResourceClaim[]): State | Verdict {
      const reachable = new Map<ResourceClaim, NodePredicate>();
      const toAllocate: ResourceClaim[] = [];
      for (const claim of claims) {
        const { allocation } = claim.status ?? {};
        if (allocation) {
          if (!canBeReserved(claim) && !isReservedFor(claim, info.pod)) return unresolvable('resourceclaim in use');
          if (allocation.nodeSelector) reachable.set(claim, nodeSelectorPredicate(allocation.nodeSelector));
          continue;
        }
        if (pending.has(claim.metadata.uid!)) return unresolvable(`resource claim ${objectKey(claim)} is in the process of being allocated`);
        const wrong = unknownClass(claim, handle);
        if (wrong) return wrong;
        toAllocate.push(claim);
      }
      const taken = toAllocate.length ? takenDevices([...current.list(), ...pending.values()]) : new Set<string>();
      return { claims, toAllocate, reachable, taken, byNode: new Map(), unavailable: new Set() };
    }

    return plugin<State, State | undefined>({
      name: 'DynamicResources',
      preEnqueue: (info) => {
        try {
          if (info.spec.resourceClaims?.length) claimsOfPod(info.pod, objects.resourceClaims);
          return undefined;
        } catch (error) {
          return unresolvable(messageOf(error));
        }
      },
      preFilter: (info) => {
        if (!info.spec.resourceClaims?.length) return skip;
        try {
          const claims = claimsOfPod(info.pod, current);
          if (!claims.length) return skip;
          const state = prepare(info, claims);
          return 'code' in state ? state : { state };
        } catch (error) {
          return unresolvable(messageOf(error));
        }
      },
      filterScope: 'cluster',
      filter: (state, _info, index) => {
        const node = snapshot.nodes[index]!;
        const away = state.claims.filter((c) => state.reachable.get(c)?.(node.metadata.labels ?? {}, node.metadata.name!) === false);
        let found: AllocationResult[] | undefined = [];
        if (state.toAllocate.length) {
          try {
            found = allocate(state.toAllocate, node, { slices: objects.resourceSlices.list(), classOf: (name) => objects.deviceClasses.get(name), taken: state.taken });
          } catch (error) {
            return failure(messageOf(error), error);
          }
          if (!found) return cannotAllocate;
        }
        if (away.length) {
          for (const claim of away) state.unavailable.add(claim);
          return notOnNode;
        }
        state.byNode.set(node.metadata.name!, found);
        return undefined;
      },
      postFilter: (info, context) => {
        if (!context.asked.has('DynamicResources')) return { verdict: failure('not found') };
        const state = context.stateOf<State>('DynamicResources');
        if (!state) return { verdict: unschedulable('no new claims to deallocate') };
        for (const claim of state.unavailable) {
          const reserved = claim.status?.reservedFor ?? [];
          if (reserved.length > 1 || (reserved.length === 1 && reserved[0].uid !== info.uid)) continue;
          const freed = { ...claim, status: { ...claim.status, reservedFor: undefined, allocation: undefined, devices: undefined } };
          handle.actions.updateClaimStatus(freed).catch(() => {});
          return { verdict: unschedulable('deallocation of ResourceClaim completed') };
        }
        return { verdict: unschedulable('still not schedulable') };
      },
      prepareScore: (_info, state) => state,
      scoreScope: 'cluster',
      score: (state, _info, node) => (state ? scoreAlternatives(state, state.byNode.get(snapshot.names[node])) : 0),
      uniformScore: (state) => (state ? undefined : 0),
      normalize: (_state, scores) => scaleByMax(scores, false),
      reserve: (state, _info, node) => {
        if (!state?.toAllocate.length) return undefined;
        const allocations = state.byNode.get(node);
        if (!allocations) return failure('claim allocation not found for node');
        const chosen = new Map<string, AllocationResult>();
        state.toAllocate.forEach((claim, i) => {
          chosen.set(claim.metadata.uid!, allocations[i]);
          pending.set(claim.metadata.uid!, { ...claim, status: { ...claim.status, allocation: allocations[i] } });
        });
        state.chosen = chosen;
        return undefined;
      },
      unreserve: (state) => {
        for (const claim of state?.toAllocate ?? []) if (state!.chosen?.has(claim.metadata.uid!)) pending.delete(claim.metadata.uid!);
      },
      needsPreBind: (state) => state !== undefined,
      preBind: async (state, info) => {
        for (const claim of state?.claims ?? []) {
          if (isReservedFor(claim, info.pod)) continue;
          try {
            current.assume(await bindClaim(current.get(objectKey(claim)) ?? claim, state!.chosen?.get(claim.metadata.uid!), info.pod, handle));
          } catch (error) {
            return failure(messageOf(error), error);
          } finally {
            pending.delete(claim.metadata.uid!);
          }
        }
        return undefined;
      },
      events: [
        { resource: 'Node', action: Action.Add | Action.UpdateNodeLabel | Action.UpdateNodeAllocatable },
        { resource: 'resource.k8s.io/ResourceClaim', action: Action.Add | Action.Update, hint: (pod, old?: ResourceClaim, now?: ResourceClaim) => afterClaim(pod, old, now!, handle) },
        {
          resource: 'Pod',
          action: Action.UpdatePodGeneratedResourceClaim,
          hint: (pod, _old, now?: Pod) => pod.uid === now!.metadata.uid && usable(now!, handle),
        },
        { resource: 'resource.k8s.io/DeviceClass', action: Action.Add | Action.Update },
        { resource: 'resource.k8s.io/ResourceSlice', action: Action.Add | Action.Update },
      ],
    });
  },
};

function unknownClass(claim: ResourceClaim, { objects }: PluginHandle): Verdict | undefined {
  for (const request of claim.spec.devices?.requests ?? []) {
    const asks = request.exactly ? [{ name: request.name, className: request.exactly.deviceClassName }] : (request.firstAvailable ?? []).map((s) => ({ name: `${request.name}/${s.name}`, className: s.deviceClassName }));
    if (!asks.length) return unresolvable(`resource claim ${objectKey(claim)}, request ${request.name}: unknown request type`);
    for (const { name, className } of asks) {
      if (!className) return failure(`request ${name}: unsupported request type`);
      if (!objects.deviceClasses.get(className)) return unresolvable(`request ${name}: device class ${className} does not exist`);
    }
  }
  return undefined;
}

/** Earlier alternatives of prioritized requests score higher. */
function scoreAlternatives(state: State, allocations: readonly AllocationResult[] | undefined): number {
  if (!allocations) return 0;
  let score = 0;
  let next = 0;
  for (const claim of state.claims) {
    const allocation = claim.status?.allocation ?? allocations[next++];
    const used = new Set(allocation?.devices?.results?.map((r) => r.request));
    for (const request of claim.spec.devices?.requests ?? []) {
      request.firstAvailable?.forEach((sub, i) => {
        if (!request.exactly && used.has(`${request.name}/${sub.name}`)) score += mostAlternatives - i;
      });
    }
  }
  return score;
}

/** Writes the allocation (where the scheduler made it) and the reservation. @throws Error */
async function bindClaim(claim: ResourceClaim, allocation: AllocationResult | undefined, pod: Pod, { actions, now, formatTime }: PluginHandle): Promise<ResourceClaim> {
  let current = claim;
  if (current.metadata.deletionTimestamp) throw new Error(`claim ${objectKey(claim)} got deleted in the meantime`);
  if (allocation) {
    if (current.status?.allocation) throw new Error(`claim ${objectKey(claim)} got allocated elsewhere in the meantime`);
    if (!current.metadata.finalizers?.includes(finalizer)) current = await actions.updateResourceClaim({ ...current, metadata: { ...current.metadata, finalizers: [...(current.metadata.finalizers ?? []), finalizer] } });
  }
  const settled = allocation ? { ...allocation } : current.status?.allocation && { ...current.status.allocation };
  if (!settled) throw new Error(`claim ${objectKey(claim)} got deallocated elsewhere in the meantime`);
  settled.allocationTimestamp ??= formatTime(now());
  const reservedFor = [...(current.status?.reservedFor ?? []), { resource: 'pods', name: pod.metadata.name!, uid: pod.metadata.uid! }];
  return actions.updateClaimStatus({ ...current, status: { ...current.status, allocation: settled, reservedFor } });
}

const usable = (pod: Pod, { objects }: PluginHandle): boolean => {
  try {
    claimsOfPod(pod, objects.resourceClaims);
    return true;
  } catch {
    return false;
  }
};

function afterClaim(pod: PodInfo, old: ResourceClaim | undefined, now: ResourceClaim, handle: PluginHandle): boolean {
  let uses: boolean;
  try {
    uses = claimsOfPod(pod.pod, handle.objects.resourceClaims).some((c) => c.metadata.uid === now.metadata.uid);
  } catch {
    return false;
  }
  if (old?.status?.allocation && !now.status?.allocation) return true;
  return uses && (!old || !sameValue(old.status, now.status));
}
