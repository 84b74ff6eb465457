import { formatTime, messageOf, parseTime } from '@pilothouse/base';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { PodDisruptionBudget } from '@pilothouse/api-schemas/types/policy/v1';
import { controllerOf, deployments, isConflict, isNotFound, keyOf, type OwnerReference, podDisruptionBudgets, pods, replicaSets, replicationControllers, statefulSets } from '@pilothouse/apimachinery';
import { referenceTo } from '@pilothouse/client';
import { type ControllerContext, defineController, done, isPodTerminal, itself, podCondition, readOnly, requeueAfter, selectorOf, semanticallyEqual } from '@pilothouse/controller-runtime';
import { labelSelectorText } from '../../label-selector-text.ts';
import { crdType, resourceCatalog } from '../../resource-catalog.ts';
import { budgetStatus, failedStatus, needsScale, wantedHealthy } from './plan.ts';

/** A pod said to be a target of disruption that nobody deleted is believed to stay after so long. */
const staleTargetMs = 2 * 60_000;
const podPrefix = 'pod:';

/** Keeps the status of disruption budgets, which evictions obey. @see https://kubernetes.io/docs/concepts/workloads/pods/disruptions/ */
export const disruptionController = defineController({
  name: 'disruption-controller',
  aliases: ['disruption'],
  serviceAccount: 'disruption-controller',
  eventSource: 'controllermanager',
  workers: 1,
  watches: [
    itself(podDisruptionBudgets),
    {
      type: pods,
      *keys(pod, { old, deleted }, context) {
        const over: PodDisruptionBudget[] = [];
        for (const budget of context.lister(podDisruptionBudgets).inNamespace(pod.metadata.namespace ?? '')) {
          const selector = selectorOf(budget.spec?.selector);
          const now = selector.matches(pod.metadata.labels);
          if (now) over.push(budget);
          if (now || (old && selector.matches(old.metadata.labels))) yield keyOf(budget);
        }
        // All are kept up to date, but the eviction of such a pod is refused.
        if (over.length > 1) context.recorder.event(referenceTo(pods, pod), 'Warning', 'MultiplePodDisruptionBudgets', `Pod "${pod.metadata.namespace}"/"${pod.metadata.name}" matches multiple PodDisruptionBudgets.  Chose "${over[0].metadata.name}" arbitrarily.`);
        const waitMs = deleted ? undefined : staleInMs(pod, context.clock.now());
        if (waitMs !== undefined) context.enqueueAfter(podPrefix + keyOf(pod), waitMs);
      },
    },
    readOnly(replicaSets), readOnly(deployments), readOnly(replicationControllers), readOnly(statefulSets), readOnly(crdType),
  ],
  async reconcile(key, context) {
    const { client, clock, lister, recorder, signal } = context;
    if (key.startsWith(podPrefix)) return clearStaleTarget(key.slice(podPrefix.length), context);
    const budget = lister(podDisruptionBudgets).get(key);
    if (!budget) return done;
    const about = referenceTo(podDisruptionBudgets, budget);
    try {
      const selector = selectorOf(budget.spec?.selector);
      const selected = lister(pods).inNamespace(budget.metadata.namespace!).filter((pod) => selector.matches(pod.metadata.labels));
      if (!selected.length) recorder.event(about, 'Normal', 'NoPods', 'No matching pods found');
      let expected = selected.length;
      if (needsScale(budget)) {
        const scale = await expectedScale(selected, context).catch((error) => {
          recorder.event(about, 'Warning', 'CalculateExpectedPodCountFailed', `Failed to calculate the number of expected pods: ${messageOf(error)}`);
          throw error;
        });
        expected = scale.expected;
        if (scale.unmanaged) recorder.event(about, 'Warning', 'UnmanagedPods', `Pods selected by this PodDisruptionBudget (selector: ${labelSelectorText(budget.spec?.selector)}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`);
      } else if (budget.spec?.minAvailable === undefined) expected = 0;
      const view = budgetStatus(budget, selected, { expected, desiredHealthy: wantedHealthy(budget, expected) }, clock.now());
      for (const pod of view.notDeleted) recorder.event(referenceTo(pods, pod), 'Warning', 'NotDeleted', `Pod was expected by PDB ${budget.metadata.namespace}/${budget.metadata.namespace} to be deleted but it wasn't`);
      await write(budget, view.status, context);
      return view.recheckMs === undefined ? done : requeueAfter(view.recheckMs);
    } catch (error) {
      if (isConflict(error) || signal.aborted) throw error;
      const status = failedStatus(budget, messageOf(error), clock.now());
      if (!semanticallyEqual(status, budget.status)) await client.updateStatus(podDisruptionBudgets, { ...budget, status }, { signal });
      return done;
    }
  },
});

async function write(budget: PodDisruptionBudget, status: NonNullable<PodDisruptionBudget['status']>, { client, signal }: ControllerContext): Promise<void> {
  if (!semanticallyEqual(status, budget.status)) await client.updateStatus(podDisruptionBudgets, { ...budget, status }, { signal });
}

/** How many pods the controllers of these pods want in all. @throws where one cannot be asked */
async function expectedScale(selected: readonly Pod[], context: ControllerContext): Promise<{ expected: number; unmanaged: boolean }> {
  const scales = new Map<string, number>();
  let unmanaged = false;
  const asked = new Set<string>();
  for (const pod of selected) {
    const ref = controllerOf(pod);
    if (!ref) {
      unmanaged = true;
      continue;
    }
    if (asked.has(ref.uid)) continue;
    asked.add(ref.uid);
    const found = await scaleOf(ref, pod.metadata.namespace!, context);
    if (!found) throw new Error(`found no controllers for pod ${JSON.stringify(pod.metadata.name)}`);
    scales.set(found.uid, found.scale);
  }
  return { expected: [...scales.values()].reduce((a, b) => a + b, 0), unmanaged };
}

async function scaleOf(ref: OwnerReference, namespace: string, context: ControllerContext): Promise<{ uid: string; scale: number } | undefined> {
  const { client, lister, signal } = context;
  const key = `${namespace}/${ref.name}`;
  if (ref.kind === 'ReplicaSet' && ref.apiVersion.startsWith('apps/')) {
    const set = lister(replicaSets).get(key);
    if (set?.metadata.uid !== ref.uid) return undefined;
    const owner = controllerOf(set);
    if (owner?.kind !== 'Deployment') return { uid: ref.uid, scale: set.spec?.replicas ?? 1 };
    const deployment = lister(deployments).get(`${namespace}/${owner.name}`);
    return deployment?.metadata.uid === owner.uid ? { uid: owner.uid, scale: deployment.spec?.replicas ?? 1 } : undefined;
  }
  if (ref.kind === 'StatefulSet' && ref.apiVersion.startsWith('apps/')) {
    const set = lister(statefulSets).get(key);
    return set?.metadata.uid === ref.uid ? { uid: ref.uid, scale: set.spec?.replicas ?? 1 } : undefined;
  }
  if (ref.kind === 'ReplicationController' && ref.apiVersion === 'v1') {
    const rc = lister(replicationControllers).get(key);
    return rc?.metadata.uid === ref.uid ? { uid: ref.uid, scale: rc.spec?.replicas ?? 1 } : undefined;
  }
  const entry = resourceCatalog(lister(crdType)).find(ref.apiVersion, ref.kind);
  if (!entry) return undefined;
  try {
    const scale = (await client.get(entry.type, ref.name, { namespace, subresource: 'scale', signal })) as { metadata: { uid?: string }; spec?: { replicas?: number } };
    return scale.metadata.uid === ref.uid ? { uid: ref.uid, scale: scale.spec?.replicas ?? 0 } : undefined;
  } catch (error) {
    if (isNotFound(error)) throw new Error(`${entry.type.plural}.${entry.type.group} does not implement the scale subresource`, { cause: error });
    throw error;
  }
}

/** Milliseconds until a pod's being a target of disruption is stale; undefined where it is none. */
function staleInMs(pod: Pod, nowMs: number): number | undefined {
  const condition = podCondition(pod, 'DisruptionTarget');
  if (pod.metadata.deletionTimestamp || condition?.status !== 'True' || condition.reason === 'TerminationByKubelet' || isPodTerminal(pod)) return undefined;
  return Math.max(0, parseTime(condition.lastTransitionTime ?? '') + staleTargetMs - nowMs);
}

async function clearStaleTarget(key: string, { client, clock, lister, signal }: ControllerContext) {
  const pod = lister(pods).get(key);
  const waitMs = pod && staleInMs(pod, clock.now());
  if (!pod || waitMs === undefined) return done;
  if (waitMs > 0) return requeueAfter(waitMs);
  const conditions = pod.status!.conditions!.map((c) => (c.type === 'DisruptionTarget' ? { type: c.type, status: 'False', lastTransitionTime: formatTime(clock.now()), observedGeneration: pod.metadata.generation } : c));
  await client.updateStatus(pods, { ...pod, status: { ...pod.status, conditions } }, { signal });
  return done;
}
