import type { ControllerRevision, StatefulSet, StatefulSetStatus } from '@pilothouse/api-schemas/types/apps/v1';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { controllerRevisions, isAlreadyExists, isConflict, isNotFound, persistentVolumeClaims, pods, statefulSets } from '@pilothouse/apimachinery';
import { claimChildren, type ControllerContext, controllerReference, defineController, done, type Expectations, expectationsTimeoutMs, isPodAvailable, isPodReady, isPodTerminal, itself, nextAvailabilityMs, orphansByNamespace, ownedBy, ownedOrOrphaned, readOnly, requeueAfter, selectorOf, slowStartBatch, trackChildren, type Watch } from '@pilothouse/controller-runtime';
import { byRevisionNumber, keepsTemplate, revisionData, revisionHash, revisionName, templateOf } from '../history/revisions.ts';
import { identityFits, inRange, isCreated, isMember, isTerminating, isUnavailable, newPod, ordinalOf, replicasOf, revisionOf, startOrdinal, storageFits } from './identity.ts';
import { statefulPods } from './pods.ts';

/** Keeps pods with lasting names and claims, one after the other. @see https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/ */
export const statefulSetController = defineController<Expectations>({
  name: 'statefulset-controller',
  aliases: ['statefulset'],
  serviceAccount: 'statefulset-controller',
  seesOwnWrites: true,
  watches: [
    itself(statefulSets),
    ownedBy(statefulSets, pods, { selector: (set) => selectorOf(set.spec?.selector), indexes: orphansByNamespace }) as Watch,
    readOnly(persistentVolumeClaims),
    readOnly(controllerRevisions, { indexes: orphansByNamespace }),
  ],
  start: (context) => trackChildren(context, statefulSets, pods),
  async reconcile(key, context, expectations) {
    const { client, clock, lister, signal } = context;
    const set = lister(statefulSets).get(key);
    if (!set) return done;
    // Names are fixed, so that acting on a stale cache cannot make a pod too many, but could take down one too many.
    if (!expectations.satisfied(set.metadata.uid!)) return requeueAfter(expectationsTimeoutMs);
    const selector = selectorOf(set.spec?.selector);
    const revisions = await claimChildren(ownedOrOrphaned(lister(controllerRevisions), set), { client, ownerType: statefulSets, owner: set, childType: controllerRevisions, matches: (revision) => selector.matches(revision.metadata.labels), signal });
    const owned = await claimChildren(ownedOrOrphaned(lister(pods), set), { client, ownerType: statefulSets, owner: set, childType: pods, matches: (pod) => isMember(set, pod) && selector.matches(pod.metadata.labels), signal });
    revisions.sort(byRevisionNumber);
    const { current, update, collisionCount } = await findRevisions(set, revisions, context);
    const nowMs = clock.now();
    const status = countPods(set, owned, { current, update, collisionCount, nowMs });
    let failure: unknown;
    try {
      await move(set, owned, { current, update, status, nowMs }, context, expectations);
    } catch (error) {
      failure = error;
    }
    finishRollout(set, status);
    if (differs(set.status, status)) await writeStatus(set, status, context);
    await dropHistory(set, revisions, [current, update], owned, context);
    if (failure !== undefined) throw failure;
    if ((set.spec?.minReadySeconds ?? 0) > 0 && status.readyReplicas !== status.availableReplicas) return requeueAfter(nextAvailabilityMs(owned, set.spec!.minReadySeconds!, nowMs) ?? set.spec!.minReadySeconds! * 1000);
    return done;
  },
});

interface Revisions {
  current: ControllerRevision;
  update: ControllerRevision;
}

/** The revision the set is at, and the one of its present template, recorded where it is new. */
async function findRevisions(set: StatefulSet, revisions: readonly ControllerRevision[], { client, signal }: ControllerContext): Promise<Revisions & { collisionCount: number }> {
  const template = set.spec!.template;
  const newest = revisions.at(-1);
  const equal = revisions.filter((revision) => keepsTemplate(revision, template)).at(-1);
  let collisionCount = set.status?.collisionCount ?? 0;
  let update: ControllerRevision;
  if (equal && equal === newest) update = equal;
  else if (equal) update = await client.update(controllerRevisions, { ...equal, revision: newest!.revision + 1 }, { signal });
  else {
    const data = revisionData(template);
    for (;;) {
      const hash = revisionHash(data, collisionCount);
      const wanted: ControllerRevision = {
        metadata: { name: revisionName(set.metadata.name!, hash), namespace: set.metadata.namespace, labels: { ...template.metadata?.labels, 'controller.kubernetes.io/hash': hash }, annotations: set.metadata.annotations, ownerReferences: [controllerReference(statefulSets, set)] },
        data, revision: (newest?.revision ?? 0) + 1,
      };
      try {
        update = await client.create(controllerRevisions, wanted, { signal });
        break;
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
        const existing = await client.get(controllerRevisions, wanted.metadata.name!, { namespace: set.metadata.namespace, signal });
        if (keepsTemplate(existing, template)) {
          update = existing;
          break;
        }
        collisionCount++;
      }
    }
  }
  return { update, current: revisions.find((revision) => revision.metadata.name === set.status?.currentRevision) ?? update, collisionCount };
}

function countPods(set: StatefulSet, owned: readonly Pod[], { current, update, collisionCount, nowMs }: Revisions & { collisionCount: number; nowMs: number }): StatefulSetStatus {
  const running = owned.filter((pod) => pod.status?.phase === 'Running' && isPodReady(pod));
  const live = owned.filter((pod) => !isTerminating(pod));
  return {
    observedGeneration: set.metadata.generation,
    replicas: owned.length,
    readyReplicas: running.length,
    availableReplicas: running.filter((pod) => isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs)).length,
    currentReplicas: live.filter((pod) => revisionOf(pod) === current.metadata.name).length,
    updatedReplicas: live.filter((pod) => revisionOf(pod) === update.metadata.name).length,
    currentRevision: current.metadata.name,
    updateRevision: update.metadata.name,
    collisionCount,
  };
}

/** Takes the next steps towards what is wanted; in order, one at a time, unless pods are managed in parallel. */
async function move(set: StatefulSet, owned: readonly Pod[], at: Revisions & { status: StatefulSetStatus; nowMs: number }, context: ControllerContext, expectations: Expectations): Promise<void> {
  if (set.metadata.deletionTimestamp) return;
  const { current, update, status, nowMs } = at;
  const withTemplate = (revision: ControllerRevision): StatefulSet => ({ ...set, spec: { ...set.spec!, template: templateOf(revision) } });
  const versions = { current: { set: withTemplate(current), name: current.metadata.name! }, update: { set: withTemplate(update), name: update.metadata.name! } };
  const control = statefulPods(set, context, expectations);
  const first = startOrdinal(set);
  const found = new Map(owned.filter((pod) => inRange(set, ordinalOf(pod))).map((pod) => [ordinalOf(pod), pod]));
  const replicas = Array.from({ length: replicasOf(set) }, (_, i) => found.get(first + i) ?? newPod(first + i, versions));
  const condemned = owned.filter((pod) => ordinalOf(pod) >= 0 && !inRange(set, ordinalOf(pod))).sort((a, b) => ordinalOf(b) - ordinalOf(a));
  const unavailable = (pod: Pod) => isUnavailable(pod, set, nowMs);
  const firstUnavailable = replicas.find(unavailable) ?? [...condemned].reverse().find(unavailable);
  const ordered = set.spec?.podManagementPolicy !== 'Parallel';
  const available = (pod: Pod) => pod.status?.phase === 'Running' && isPodReady(pod) && isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs);

  /** True: go no further this time. */
  const replica = async (pod: Pod): Promise<boolean> => {
    if (isPodTerminal(pod)) {
      if (!isTerminating(pod)) await control.delete(pod);
      return true;
    }
    if (!isCreated(pod)) {
      if (control.claimsAreStale(pod)) return true;
      await control.create(pod);
      return ordered;
    }
    if (pod.status?.phase === 'Pending') await control.restoreClaims(pod);
    if (ordered && (isTerminating(pod) || !available(pod))) return true;
    if (!identityFits(set, pod) || !storageFits(set, pod) || !control.claimsFit(pod)) await control.update(pod);
    return false;
  };
  const release = async (pod: Pod): Promise<boolean> => {
    if (isTerminating(pod)) return ordered;
    if (ordered && pod !== firstUnavailable && !available(pod)) return true;
    await control.delete(pod);
    return true;
  };
  const forAll = async (list: readonly Pod[], step: (pod: Pod) => Promise<boolean>): Promise<boolean> => {
    if (ordered) {
      for (const pod of list) if (await step(pod)) return true;
      return false;
    }
    const { error } = await slowStartBatch(list.length, (i) => step(list[i]));
    if (error !== undefined) throw error;
    return false;
  };

  if (await forAll(replicas, replica)) return;
  for (const pod of condemned) if (!control.claimsFit(pod)) await control.fixClaimOwners(pod);
  if (await forAll(condemned, release)) return;
  if (set.spec?.updateStrategy?.type === 'OnDelete') return;
  const partition = set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  for (let i = replicas.length - 1; i >= partition; i--) {
    const pod = replicas[i];
    if (isCreated(pod) && revisionOf(pod) !== update.metadata.name && !isTerminating(pod)) {
      await control.delete(pod);
      status.currentReplicas = (status.currentReplicas ?? 0) - 1;
      return;
    }
    if (unavailable(pod)) return;
  }
}

/** When all pods are of the update revision and ready, it becomes the current one. */
function finishRollout(set: StatefulSet, status: StatefulSetStatus): void {
  const replicas = replicasOf(set);
  if (set.spec?.updateStrategy?.type === 'RollingUpdate' && status.updatedReplicas === replicas && status.readyReplicas === replicas && status.replicas === replicas) {
    status.currentReplicas = status.updatedReplicas;
    status.currentRevision = status.updateRevision;
  }
}

const counts = ['replicas', 'currentReplicas', 'readyReplicas', 'updatedReplicas', 'availableReplicas'] as const;

const differs = (old: StatefulSetStatus | undefined, status: StatefulSetStatus): boolean =>
  (status.observedGeneration ?? 0) > (old?.observedGeneration ?? 0) || counts.some((count) => (old?.[count] ?? 0) !== (status[count] ?? 0)) || old?.currentRevision !== status.currentRevision || old?.updateRevision !== status.updateRevision;

async function writeStatus(set: StatefulSet, status: StatefulSetStatus, { client, signal }: ControllerContext): Promise<void> {
  try {
    await client.updateStatus(statefulSets, { ...set, status }, { signal });
  } catch (error) {
    if (!isConflict(error)) throw error;
    const fresh = await client.get(statefulSets, set.metadata.name!, { namespace: set.metadata.namespace, signal });
    if (fresh.metadata.uid === set.metadata.uid) await client.updateStatus(statefulSets, { ...fresh, status }, { signal });
  }
}

/** Deletes the oldest revisions that nothing uses, beyond the limit. */
async function dropHistory(set: StatefulSet, revisions: readonly ControllerRevision[], used: readonly ControllerRevision[], owned: readonly Pod[], { client, signal }: ControllerContext): Promise<void> {
  const live = new Set([...used.map((revision) => revision.metadata.name), ...owned.map(revisionOf)]);
  const idle = revisions.filter((revision) => !live.has(revision.metadata.name));
  for (const revision of idle.slice(0, Math.max(0, idle.length - (set.spec?.revisionHistoryLimit ?? 10)))) {
    await client.delete(controllerRevisions, revision.metadata.name!, { namespace: revision.metadata.namespace, signal }).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
  }
}
