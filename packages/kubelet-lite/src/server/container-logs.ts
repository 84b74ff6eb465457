/** Finds the log that a request means, or says why there is none, in upstream's words. */
import { findContainer } from '../pods/pod-facts.ts';
import { idOfUri } from '../pods/runtime-pod.ts';
import type { PodWorker } from '../pods/worker.ts';
import type { NodeContext } from '../pods/context.ts';

export interface LogTarget {
  containerId: string;
  logPath: string;
}

/** @returns the container, or a status and text */
export function logTarget(context: NodeContext, worker: PodWorker, name: string, previous: boolean): LogTarget | { status: number; text: string } {
  const { pod } = worker;
  const found = findContainer(pod, name);
  if (!found) return { status: 404, text: `container ${JSON.stringify(name)} not found in pod ${JSON.stringify(`${pod.metadata.name}_${pod.metadata.namespace}`)}\n` };
  const status = context.status.get(pod.metadata.uid!) ?? pod.status ?? {};
  const own = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? []), ...(status.ephemeralContainerStatuses ?? [])].find((s) => s.name === name);
  const bad = (text: string) => ({ status: 400, text });
  const runs = worker.seen.containers.filter((c) => c.name === name && (c.startedAtMs > 0 || c.state !== 'created'));
  const quoted = `container ${JSON.stringify(name)} in pod ${JSON.stringify(pod.metadata.name)}`;
  if (previous) {
    const id = idOfUri(own?.lastState?.terminated?.containerID);
    const run = runs.find((c) => c.id === id) ?? (own?.restartCount ? runs.find((c) => c.restartCount < own.restartCount) : undefined);
    return run ? { containerId: run.id, logPath: run.logPath } : bad(`previous terminated ${quoted} not found`);
  }
  const current = runs[0];
  if (current) return { containerId: current.id, logPath: current.logPath };
  const waiting = own?.state?.waiting;
  if (!own) return bad(`${quoted} is not available`);
  if (waiting) {
    if (waiting.reason === 'ErrImagePull') return bad(`${quoted} is waiting to start: image can't be pulled`);
    if (waiting.reason === 'ImagePullBackOff') return bad(`${quoted} is waiting to start: trying and failing to pull image`);
    return bad(`${quoted} is waiting to start: ${waiting.reason}`);
  }
  return bad(`${quoted} is terminated`);
}
