/** A pod's phase from its containers' statuses (k8s.io/kubernetes getPhase). Pure. */
import type { ContainerStatus, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { anyRegularStarted } from './conditions.ts';
import { isSidecar, restartsAfter } from './pod-facts.ts';

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/** `ended`: nothing of the pod runs any more, nor will. */
export function phaseOf(pod: Pod, statuses: readonly ContainerStatus[], ended: boolean): Phase {
  const spec = pod.spec!;
  const statusOf = (name: string) => statuses.find((s) => s.name === name);
  let pendingInit = 0;
  let pendingSidecars = 0;
  let failedInit = 0;
  for (const container of spec.initContainers ?? []) {
    const status = statusOf(container.name);
    if (isSidecar(container)) {
      if (!status || (status.state?.running && !status.started) || (status.state?.waiting && !status.lastState?.terminated)) pendingSidecars++;
      continue;
    }
    const exit = status?.state?.terminated ?? (status?.state?.waiting ? status.lastState?.terminated : undefined);
    if (status?.state?.terminated?.exitCode === 0) continue;
    if (exit && exit.exitCode !== 0 && (ended || spec.restartPolicy === 'Never') && !restartsAfter(pod, container, exit.exitCode)) failedInit++;
    else pendingInit++;
  }
  if (failedInit) return 'Failed';

  let unknown = 0;
  let running = 0;
  let waiting = 0;
  let stopped = 0;
  let succeeded = 0;
  let restarting = 0;
  for (const container of spec.containers) {
    const status = statusOf(container.name);
    if (status?.state?.running) running++;
    else if (status?.state?.terminated) {
      stopped++;
      if (status.state.terminated.exitCode === 0) succeeded++;
      if (restartsAfter(pod, container, status.state.terminated.exitCode)) restarting++;
    } else if (status?.state?.waiting) {
      if (status.lastState?.terminated) {
        stopped++;
        restarting++;
      } else waiting++;
    } else unknown++;
  }
  if (ended && (pendingInit || waiting) && !running && !unknown && statuses.some((s) => s.state?.terminated)) return 'Failed';
  if (pendingInit || (pendingSidecars && !anyRegularStarted(pod, statuses)) || waiting) return 'Pending';
  if (running && !unknown) return 'Running';
  if (!running && stopped && !unknown) {
    if (!ended && restarting) return 'Running';
    return stopped === succeeded ? 'Succeeded' : 'Failed';
  }
  return 'Pending';
}
