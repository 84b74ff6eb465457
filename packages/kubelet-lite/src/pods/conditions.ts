/** The pod conditions that the kubelet owns (k8s.io/kubernetes pkg/kubelet/status). Pure. */
import type { ContainerStatus, Pod, PodCondition } from '@pilothouse/api-schemas/types/core/v1';
import { sandboxChanged } from './actions.ts';
import { isSidecar } from './pod-facts.ts';
import type { RuntimePod } from './runtime-pod.ts';

/** In the order they are written. */
export const kubeletConditions = ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'] as const;
const owned = new Set<string>([...kubeletConditions, 'PodResizePending', 'PodResizeInProgress', 'AllContainersRestarting']);
export const isKubeletCondition = (type: string): boolean => owned.has(type);

type Verdict = Pick<PodCondition, 'status' | 'reason' | 'message'>;
const yes: Verdict = { status: 'True' };
const list = (names: string[]) => `[${names.join(' ')}]`;

/** What a finished pod's readiness says. */
export const terminalVerdict = (phase: string | undefined): Verdict => ({ status: 'False', reason: phase === 'Failed' ? 'PodFailed' : 'PodCompleted' });

function containersReady(pod: Pod, statuses: readonly ContainerStatus[] | undefined, phase: string): Verdict {
  if (!statuses) return { status: 'False', reason: 'UnknownContainerStatuses' };
  const unknown: string[] = [];
  const unready: string[] = [];
  for (const container of [...(pod.spec!.initContainers ?? []).filter(isSidecar), ...pod.spec!.containers]) {
    const status = statuses.find((s) => s.name === container.name);
    if (!status) unknown.push(container.name);
    else if (!status.ready) unready.push(container.name);
  }
  if ((phase === 'Succeeded' && !unknown.length) || phase === 'Failed') return terminalVerdict(phase);
  const messages = [...(unknown.length ? [`containers with unknown status: ${list(unknown)}`] : []), ...(unready.length ? [`containers with unready status: ${list(unready)}`] : [])];
  return messages.length ? { status: 'False', reason: 'ContainersNotReady', message: messages.join(', ') } : yes;
}

function ready(pod: Pod, conditions: readonly PodCondition[], containers: Verdict): Verdict {
  if (containers.status !== 'True') return containers;
  const messages = (pod.spec!.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = conditions.find((c) => c.type === conditionType);
    if (!condition) return [`corresponding condition of pod readiness gate ${JSON.stringify(conditionType)} does not exist.`];
    return condition.status === 'True' ? [] : [`the status of pod readiness gate ${JSON.stringify(conditionType)} is not "True", but ${condition.status}`];
  });
  return messages.length ? { status: 'False', reason: 'ReadinessGatesNotReady', message: messages.join(', ') } : yes;
}

function initialized(pod: Pod, statuses: readonly ContainerStatus[] | undefined, phase: string): Verdict {
  const init = pod.spec!.initContainers ?? [];
  if (!statuses && init.length) return { status: 'False', reason: 'UnknownContainerStatuses' };
  const unknown: string[] = [];
  const incomplete: string[] = [];
  for (const container of init) {
    const status = statuses?.find((s) => s.name === container.name);
    if (!status) unknown.push(container.name);
    else if (isSidecar(container) ? !status.started : !status.ready) incomplete.push(container.name);
  }
  if (phase === 'Succeeded' && !unknown.length) return { status: 'True', reason: 'PodCompleted' };
  if (anyRegularStarted(pod, statuses)) return yes;
  const messages = [...(unknown.length ? [`containers with unknown status: ${list(unknown)}`] : []), ...(incomplete.length ? [`containers with incomplete status: ${list(incomplete)}`] : [])];
  return messages.length ? { status: 'False', reason: 'ContainersNotInitialized', message: messages.join(', ') } : yes;
}

/** A regular container has run, now or before: the pod was initialised. */
export function anyRegularStarted(pod: Pod, statuses: readonly ContainerStatus[] | undefined): boolean {
  return pod.spec!.containers.some((container) => {
    const status = statuses?.find((s) => s.name === container.name);
    return status !== undefined && (status.lastState?.terminated !== undefined || status.state?.running !== undefined || status.state?.terminated !== undefined);
  });
}

export interface ConditionInputs {
  pod: Pod;
  phase: string;
  /** Of init and regular containers; undefined: nothing known. */
  statuses: readonly ContainerStatus[] | undefined;
  runtime: RuntimePod;
  /** Those of others, which readiness gates read. */
  others: readonly PodCondition[];
}

/** The five conditions, without times. */
export function generateConditions({ pod, phase, statuses, runtime, others }: ConditionInputs): PodCondition[] {
  const containers = containersReady(pod, statuses, phase);
  const verdicts: Record<(typeof kubeletConditions)[number], Verdict> = {
    PodReadyToStartContainers: { status: sandboxChanged(pod, runtime).changed ? 'False' : 'True' },
    Initialized: initialized(pod, statuses, phase),
    Ready: ready(pod, others, containers),
    ContainersReady: containers,
    PodScheduled: yes,
  };
  const observedGeneration = pod.metadata.generation;
  return kubeletConditions.map((type) => ({ type, ...(observedGeneration && { observedGeneration }), ...verdicts[type] }) as PodCondition);
}
