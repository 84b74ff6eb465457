import { messageOf } from '@pilothouse/base';
import type { ControllerRevision, DaemonSet, DaemonSetStatus } from '@pilothouse/api-schemas/types/apps/v1';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { controllerOf, controllerRevisions, daemonSets, isAlreadyExists, isConflict, isNotFound, keyOf, nodes, pods } from '@pilothouse/apimachinery';
import { referenceTo } from '@pilothouse/client';
import { claimChildren, type ControllerContext, controllerReference, createPodControl, defineController, done, type Expectations, expectationsTimeoutMs, isNamespaceTerminating, itself, orphansByNamespace, ownedBy, ownedOrOrphaned, podFromTemplate, requeueAfter, selectorOf, semanticallyEqual, slowStartBatch, templateHash, trackChildren, type Watch } from '@pilothouse/controller-runtime';
import { byRevisionNumber, keepsTemplate, revisionData } from '../history/revisions.ts';
import { podsByNode } from '../nodelifecycle/controller.ts';
import { daemonStatus, fitsNode, groupByNode, hashLabel, planPlacement, planUpdate, templateFor } from './plan.ts';

const burst = 250;
/** A failed daemon pod is replaced after 1 s, 2 s, 4 s … 15 min, so as not to fight with a kubelet that rejects it. */
const firstBackoffMs = 1000;
const longestBackoffMs = 15 * 60_000;

interface State {
  expectations: Expectations;
  /** Set, generation and node → when its pod was last replaced, and how long to wait after that. */
  failed: Map<string, { atMs: number; delayMs: number }>;
}

/** Runs a pod on every node that fits. @see https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/ */
export const daemonSetController = defineController<State>({
  name: 'daemonset-controller',
  aliases: ['daemonset'],
  serviceAccount: 'daemon-set-controller',
  seesOwnWrites: true,
  workers: 2,
  watches: [
    itself(daemonSets),
    { ...ownedBy(daemonSets, pods, { selector: (set) => selectorOf(set.spec?.selector) }), indexes: { ...orphansByNamespace, ...podsByNode } } as Watch,
    ownedBy(daemonSets, controllerRevisions, { selector: (set) => selectorOf(set.spec?.selector), indexes: orphansByNamespace }) as Watch,
    {
      type: nodes,
      *keys(node, { old, deleted }, context) {
        if (old && semanticallyEqual(old.metadata.labels, node.metadata.labels) && semanticallyEqual(old.spec?.taints, node.spec?.taints) && old.spec?.unschedulable === node.spec?.unschedulable) return;
        const here = new Set(context.lister(pods).byIndex('nodeName', node.metadata.name!).map((pod) => controllerOf(pod)?.uid));
        for (const set of context.lister(daemonSets).list()) {
          const { run, stay } = fitsNode(set, node);
          const scheduled = here.has(set.metadata.uid);
          if (deleted || run !== scheduled || (scheduled && (!stay || (set.status?.numberMisscheduled ?? 0) > 0)) || (old && fitsNode(set, old).run !== run)) yield keyOf(set);
        }
      },
    },
  ],
  start: (context) => ({ expectations: trackChildren(context, daemonSets, pods), failed: new Map() }),
  async reconcile(key, context, state) {
    const { client, clock, lister, recorder, signal } = context;
    const set = lister(daemonSets).get(key);
    if (!set) return done;
    const uid = set.metadata.uid!;
    if (semanticallyEqual(set.spec?.selector, {})) {
      recorder.event(referenceTo(daemonSets, set), 'Warning', 'SelectingAll', 'This daemon set is selecting all pods. A non-empty selector is required.');
      return done;
    }
    // Its revisions may be gone before its pods: nothing sure can be said of it any more.
    if (set.metadata.deletionTimestamp) return done;
    const allNodes = lister(nodes).list().sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1));
    const selector = selectorOf(set.spec?.selector);
    const claim = <C extends Pod | ControllerRevision>(type: typeof pods | typeof controllerRevisions) =>
      claimChildren(ownedOrOrphaned(lister(type as typeof pods), set), { client, ownerType: daemonSets, owner: set, childType: type as typeof pods, matches: (child) => selector.matches(child.metadata.labels), signal }) as unknown as Promise<C[]>;
    const revisions = await claim<ControllerRevision>(controllerRevisions);
    const { hash, old } = await currentRevision(set, revisions, context);
    const grouped = async () => groupByNode(await claim<Pod>(pods));
    const byNode = await grouped();
    const settled = state.expectations.satisfied(uid);
    let retryMs: number | undefined = settled ? undefined : expectationsTimeoutMs;
    let failure: unknown;
    if (settled) {
      try {
        const plan = planPlacement(set, allNodes, byNode, { hash, nowMs: clock.now(), backoffMs: (node) => backoffOf(set, node, state, clock.now()) });
        retryMs = plan.retryMs;
        for (const pod of plan.failed) recorder.event(referenceTo(daemonSets, set), 'Warning', 'FailedDaemonPod', `Found failed daemon pod ${keyOf(pod)} on node ${pod.spec?.nodeName}, will try to kill it`);
        for (const pod of plan.succeeded) recorder.event(referenceTo(daemonSets, set), 'Normal', 'SucceededDaemonPod', `Found succeeded daemon pod ${keyOf(pod)} on node ${pod.spec?.nodeName}, will try to delete it`);
        await carryOut(set, plan, hash, context, state.expectations);
        if (state.expectations.satisfied(uid) && set.spec?.updateStrategy?.type === 'RollingUpdate') await carryOut(set, planUpdate(set, allNodes, byNode, { hash, nowMs: clock.now() }), hash, context, state.expectations);
        await dropHistory(set, old, [...byNode.values()].flat(), context);
      } catch (error) {
        failure = error;
      }
    }
    const status = daemonStatus(set, allNodes, byNode, { hash, nowMs: clock.now(), observe: settled });
    if (differs(set.status, status)) await writeStatus(set, status, context);
    if (failure !== undefined) throw failure;
    if ((set.spec?.minReadySeconds ?? 0) > 0 && status.numberReady !== status.numberAvailable) retryMs = Math.min(retryMs ?? Number.POSITIVE_INFINITY, set.spec!.minReadySeconds! * 1000);
    return retryMs === undefined ? done : requeueAfter(retryMs);
  },
});

function backoffOf(set: DaemonSet, node: string, { failed }: State, nowMs: number): number {
  const key = `${set.metadata.uid}/${set.status?.observedGeneration ?? 0}/${node}`;
  const last = failed.get(key);
  if (last && nowMs < last.atMs + last.delayMs) return last.atMs + last.delayMs - nowMs;
  // Long without trouble, and the wait begins anew.
  const again = last && nowMs - last.atMs <= 2 * longestBackoffMs;
  failed.set(key, { atMs: nowMs, delayMs: again ? Math.min(last.delayMs * 2, longestBackoffMs) : firstBackoffMs });
  return 0;
}

async function carryOut(set: DaemonSet, plan: { create: readonly string[]; delete: readonly Pod[] }, hash: string, { client, recorder, signal }: ControllerContext, expectations: Expectations): Promise<void> {
  const uid = set.metadata.uid!;
  const create = plan.create.slice(0, burst);
  const remove = plan.delete.slice(0, burst);
  if (!create.length && !remove.length) return;
  expectations.raise(uid, { creations: create.length, deletions: remove.map((pod) => pod.metadata.uid!) });
  const control = createPodControl({ client, recorder, ownerType: daemonSets, owner: set, signal });
  const created = await slowStartBatch(create.length, async (i) => {
    try {
      await control.create(podFromTemplate(templateFor(set, create[i], hash), daemonSets, set));
    } catch (error) {
      if (!isNamespaceTerminating(error)) throw error;
    }
  });
  if (created.succeeded < create.length) expectations.creationObserved(uid, create.length - created.succeeded);
  const deleted = await Promise.allSettled(
    remove.map(async (pod) => {
      try {
        await control.delete(pod);
      } catch (error) {
        expectations.deletionObserved(uid, pod.metadata.uid!);
        if (!isNotFound(error)) throw error;
      }
    }),
  );
  const failed = deleted.find((result) => result.status === 'rejected');
  if (created.error !== undefined) throw created.error;
  if (failed) throw failed.reason;
}

/** The revision of the set's template, recorded where it is new; and the older ones. */
async function currentRevision(set: DaemonSet, revisions: readonly ControllerRevision[], { client, lister, signal }: ControllerContext): Promise<{ hash: string; old: ControllerRevision[] }> {
  const template = set.spec!.template;
  const equal = revisions.filter((revision) => keepsTemplate(revision, template)).sort(byRevisionNumber);
  const old = revisions.filter((revision) => !equal.includes(revision));
  const number = Math.max(0, ...old.map((revision) => revision.revision)) + 1;
  const current = equal.at(-1);
  if (!current) return { hash: (await record(set, number, { client, signal })).metadata.labels![hashLabel], old };
  const hash = current.metadata.labels?.[hashLabel] ?? current.metadata.name!;
  for (const double of equal.slice(0, -1)) {
    // Two of one template: the pods of the older one are told of the newer.
    for (const pod of lister(pods).ownedBy(set.metadata.uid!)) if (pod.metadata.labels?.[hashLabel] !== hash) await client.patch(pods, pod.metadata.name!, { metadata: { labels: { [hashLabel]: hash } } }, { namespace: set.metadata.namespace, signal });
    await client.delete(controllerRevisions, double.metadata.name!, { namespace: set.metadata.namespace, signal });
  }
  if (current.revision < number || !current.metadata.labels?.[hashLabel]) await client.update(controllerRevisions, { ...current, metadata: { ...current.metadata, labels: { ...current.metadata.labels, [hashLabel]: hash } }, revision: Math.max(current.revision, number) }, { signal });
  return { hash, old };
}

async function record(set: DaemonSet, revision: number, { client, signal }: Pick<ControllerContext, 'client' | 'signal'>): Promise<ControllerRevision> {
  const { namespace, name, annotations } = set.metadata;
  const template = set.spec!.template;
  const hash = templateHash(template, set.status?.collisionCount);
  const wanted: ControllerRevision = {
    metadata: { name: `${name}-${hash}`, namespace, labels: { ...template.metadata?.labels, [hashLabel]: hash }, annotations, ownerReferences: [controllerReference(daemonSets, set)] },
    data: revisionData(template), revision,
  };
  try {
    return await client.create(controllerRevisions, wanted, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const existing = await client.get(controllerRevisions, wanted.metadata.name!, { namespace, signal });
    if (keepsTemplate(existing, template)) return existing;
    const latest = await client.get(daemonSets, name!, { namespace, signal });
    if ((latest.status?.collisionCount ?? 0) !== (set.status?.collisionCount ?? 0)) throw new Error(`found a stale collision count (${set.status?.collisionCount ?? 0}, expected ${latest.status?.collisionCount ?? 0}) of DaemonSet ${JSON.stringify(name)} while processing; will retry until it is updated`);
    await client.updateStatus(daemonSets, { ...latest, status: { ...latest.status!, collisionCount: (latest.status?.collisionCount ?? 0) + 1 } }, { signal });
    throw error;
  }
}

async function dropHistory(set: DaemonSet, old: ControllerRevision[], current: readonly Pod[], { client, signal }: ControllerContext): Promise<void> {
  const live = new Set(current.map((pod) => pod.metadata.labels?.[hashLabel]));
  let surplus = old.length - (set.spec?.revisionHistoryLimit ?? 10);
  for (const revision of old.sort(byRevisionNumber)) {
    if (surplus <= 0) return;
    if (live.has(revision.metadata.labels?.[hashLabel])) continue;
    await client.delete(controllerRevisions, revision.metadata.name!, { namespace: revision.metadata.namespace, signal }).catch((error) => {
      if (!isNotFound(error)) throw new Error(`failed to clean up revisions of DaemonSet: ${messageOf(error)}`, { cause: error });
    });
    surplus--;
  }
}

const counts = ['desiredNumberScheduled', 'currentNumberScheduled', 'numberMisscheduled', 'numberReady', 'updatedNumberScheduled', 'numberAvailable', 'numberUnavailable', 'observedGeneration'] as const;
const differs = (old: DaemonSetStatus | undefined, status: DaemonSetStatus): boolean => counts.some((count) => (old?.[count] ?? 0) !== (status[count] ?? 0));

async function writeStatus(set: DaemonSet, status: DaemonSetStatus, { client, signal }: ControllerContext): Promise<void> {
  try {
    await client.updateStatus(daemonSets, { ...set, status }, { signal });
  } catch (error) {
    if (!isConflict(error)) throw error;
    const fresh = await client.get(daemonSets, set.metadata.name!, { namespace: set.metadata.namespace, signal });
    if (fresh.metadata.uid === set.metadata.uid) await client.updateStatus(daemonSets, { ...fresh, status: { ...status, collisionCount: fresh.status?.collisionCount } }, { signal });
  }
}
