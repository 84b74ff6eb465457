import { messageOf } from '@pilothouse/base';
import { isConflict, isNotFound, type KubeObject, type LabelMatcher, pods, type ResourceType } from '@pilothouse/apimachinery';
import type { ReplicaSetStatus } from '@pilothouse/api-schemas/types/apps/v1';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { claimChildren, type ControllerContext, type ControllerDefinition, createPodControl, defineController, done, type Expectations, expectationsTimeoutMs, isNamespaceTerminating, isPodActive, isPodTerminating, itself, orphansByNamespace, ownedBy, ownedOrOrphaned, podFromTemplate, requeueAfter, slowStartBatch, trackChildren, type Watch } from '@pilothouse/controller-runtime';
import { nextCheckMs, planReplicas, type ReplicaOwner, replicaStatus, sameReplicaStatus } from './plan.ts';

/** How a kind that keeps a number of equal pods differs from the other. */
export interface ReplicaKind<O extends KubeObject> {
  type: ResourceType<O>;
  name: string;
  aliases?: readonly string[];
  serviceAccount: string;
  eventSource?: string;
  read(owner: O): ReplicaOwner;
  selector(owner: O): LabelMatcher;
  /** Pods of owners with the same owner, for spreading deletions; default the owner's own. */
  relatedPods?(owner: O, context: ControllerContext): readonly Pod[];
  reportsTerminating: boolean;
  workers?: number;
}

/** A controller that keeps as many pods as its objects ask for. */
export function replicaController<O extends KubeObject>(kind: ReplicaKind<O>): ControllerDefinition<Expectations> {
  const { type } = kind;
  return defineController<Expectations>({
    name: kind.name,
    aliases: kind.aliases,
    serviceAccount: kind.serviceAccount,
    eventSource: kind.eventSource,
    workers: kind.workers ?? 5,
    seesOwnWrites: true,
    watches: [itself(type), ownedBy(type, pods, { selector: kind.selector, indexes: orphansByNamespace }) as Watch],
    start: (context) => trackChildren(context, type, pods),
    async reconcile(key, context, expectations) {
      const { client, clock, signal } = context;
      const object = context.lister(type).get(key);
      if (!object) return done;
      const uid = object.metadata.uid!;
      const owner = kind.read(object);
      const selector = kind.selector(object);
      const settled = expectations.satisfied(uid);
      const candidates = ownedOrOrphaned(context.lister(pods), object);
      const active = await claimChildren(candidates.filter(isPodActive), { client, ownerType: type, owner: object, childType: pods, matches: (pod) => selector.matches(pod.metadata.labels), signal });
      const terminating = kind.reportsTerminating ? context.lister(pods).ownedBy(uid).filter((pod) => isPodTerminating(pod) && selector.matches(pod.metadata.labels)).length : undefined;

      const nowMs = clock.now();
      // What was found is written while pods are made or deleted; only a failure of that needs another write.
      const before = { ...replicaStatus(owner, { active, terminating, nowMs }), conditions: owner.status.conditions };
      const writing = sameReplicaStatus(owner.status, before) ? Promise.resolve(object) : writeStatus(type, object, before, context);
      // Looked at below, once the pods are done with.
      writing.catch(() => undefined);
      const failure = settled && !object.metadata.deletionTimestamp ? await manage(kind, object, owner, active, context, expectations) : undefined;
      const written = await writing;
      const status = replicaStatus(owner, { active, terminating, error: failure === undefined ? undefined : messageOf(failure), nowMs });
      if (!sameReplicaStatus(before, status)) await writeStatus(type, written, status, context);
      if (failure !== undefined) throw failure;
      const recheckMs = nextCheckMs(owner, status, active, nowMs) ?? (settled ? undefined : expectationsTimeoutMs);
      return recheckMs === undefined ? done : requeueAfter(recheckMs);
    },
  });
}

/** Creates or deletes pods; returns the first failure. */
async function manage<O extends KubeObject>(kind: ReplicaKind<O>, object: O, owner: ReplicaOwner, active: readonly Pod[], context: ControllerContext, expectations: Expectations): Promise<unknown> {
  const { client, recorder, clock, signal } = context;
  const uid = object.metadata.uid!;
  const plan = planReplicas(owner.replicas, active, { nowMs: clock.now(), relatedPods: () => kind.relatedPods?.(object, context) ?? active });
  const control = createPodControl({ client, recorder, ownerType: kind.type, owner: object, signal });
  if (plan.create > 0) {
    expectations.expectCreations(uid, plan.create);
    const { succeeded, error } = await slowStartBatch(plan.create, async () => {
      try {
        await control.create(podFromTemplate(owner.template, kind.type, object));
      } catch (failed) {
        if (!isNamespaceTerminating(failed)) throw failed;
      }
    });
    // What was not created will not be seen either.
    if (succeeded < plan.create) expectations.creationObserved(uid, plan.create - succeeded);
    return error;
  }
  if (plan.delete.length === 0) return undefined;
  expectations.expectDeletions(uid, plan.delete.map((pod) => pod.metadata.uid!));
  const results = await Promise.allSettled(
    plan.delete.map(async (pod) => {
      try {
        await control.delete(pod);
      } catch (failed) {
        expectations.deletionObserved(uid, pod.metadata.uid!);
        if (!isNotFound(failed)) throw failed;
      }
    }),
  );
  return results.find((result) => result.status === 'rejected')?.reason;
}

/** Writes a status; where the object was changed meanwhile, once more over its newest version. Resolves with the object as it is then. */
async function writeStatus<O extends KubeObject>(type: ResourceType<O>, object: O, status: ReplicaSetStatus, { client, signal }: ControllerContext): Promise<O> {
  try {
    return await client.updateStatus(type, { ...object, status }, { signal });
  } catch (error) {
    if (!isConflict(error)) throw error;
    const fresh = await client.get(type, object.metadata.name!, { namespace: object.metadata.namespace, signal });
    return fresh.metadata.uid === object.metadata.uid ? client.updateStatus(type, { ...fresh, status }, { signal }) : fresh;
  }
}
