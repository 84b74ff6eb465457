/**
 * The heart of a pod worker: what to do next, from the pod as it is wanted, the pod as the runtime shows it, and what
 * the probes found. Pure. Follows kuberuntime's computePodActions in order and in outcome.
 */
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { type AnyContainer, anyRegularCreated, containerHash, isSidecar, matchedRule, shouldStart } from './pod-facts.ts';
import { newestContainer, type RuntimeContainer, type RuntimePod, type RuntimeSandbox } from './runtime-pod.ts';

export type KillReason = 'liveness' | 'startup' | 'unknown' | 'resize' | 'restart-all' | '';

export interface Kill {
  id: string;
  container: AnyContainer;
  message: string;
  reason: KillReason;
}

export interface PodActions {
  /** End every container and the sandbox. */
  killPod: boolean;
  createSandbox: boolean;
  /** The sandbox that serves, or that was the last. */
  sandboxId: string;
  /** Of the sandbox to create. */
  attempt: number;
  kill: Kill[];
  /** Indexes into spec, in the order of starting. */
  startInit: number[];
  startRegular: number[];
  startEphemeral: number[];
  /** Containers whose resources the runtime is to change in place. */
  resize: { container: AnyContainer; id: string }[];
  /** A rule asked that every container be ended, removed and started from the beginning. */
  restartAll?: { container: string };
}

export interface ActionInputs {
  pod: Pod;
  runtime: RuntimePod;
  /** A probe's last verdict on a container; undefined: none yet. */
  probe(kind: 'liveness' | 'startup', containerId: string): 'success' | 'failure' | 'unknown' | undefined;
  /** What changing a running container's resources needs; absent or `none` where they are as wanted. */
  resizeOf?(container: AnyContainer, status: RuntimeContainer): 'none' | 'in-place' | 'restart';
}

const stateNames = { created: 'Created', running: 'Running', exited: 'Exited', unknown: 'Unknown' };

/** Whether the pod needs a new sandbox, and which attempt that would be. */
export function sandboxChanged(pod: Pod, runtime: RuntimePod): { changed: boolean; attempt: number; sandbox?: RuntimeSandbox } {
  const newest = runtime.sandboxes[0];
  if (!newest) return { changed: true, attempt: 0 };
  const hostNetwork = pod.spec?.hostNetwork ?? false;
  const serves = newest.ready && runtime.sandboxes.filter((s) => s.ready).length === 1 && newest.hostNetwork === hostNetwork && (hostNetwork || newest.ips.length > 0);
  return serves ? { changed: false, attempt: newest.attempt, sandbox: newest } : { changed: true, attempt: newest.attempt + 1, sandbox: newest };
}

export function computePodActions(inputs: ActionInputs): PodActions {
  const { pod, runtime } = inputs;
  const spec = pod.spec!;
  const { changed, attempt, sandbox } = sandboxChanged(pod, runtime);
  const actions: PodActions = { killPod: changed, createSandbox: changed, sandboxId: sandbox?.id ?? '', attempt, kill: [], startInit: [], startRegular: [], startEphemeral: [], resize: [] };
  if (changed) return withNewSandbox(inputs, actions);

  const trigger = restartAllTrigger(inputs);
  if (trigger) {
    actions.restartAll = { container: trigger };
    return actions;
  }

  spec.ephemeralContainers?.forEach((c, i) => {
    if (!newestContainer(runtime, c.name)) actions.startEphemeral.push(i);
  });
  const initialized = computeInitActions(inputs, actions);
  if (actions.killPod || !initialized) return actions;

  let keep = 0;
  spec.containers.forEach((container, index) => {
    const status = newestContainer(runtime, container.name);
    if (status?.state !== 'running') {
      if (!shouldStart(pod, container, status)) return;
      actions.startRegular.push(index);
      if (status?.state === 'unknown') actions.kill.push({ id: status.id, container, message: `Container is in ${JSON.stringify(stateNames.unknown)} state, try killing it before restart`, reason: 'unknown' });
      return;
    }
    if (status.hash && status.hash !== containerHash(container)) {
      actions.startRegular.push(index);
      actions.kill.push({ id: status.id, container, message: `Container ${container.name} definition changed, will be restarted`, reason: '' });
      return;
    }
    const failed = (['liveness', 'startup'] as const).find((kind) => inputs.probe(kind, status.id) === 'failure');
    if (failed) {
      const restart = (container.restartPolicy ?? spec.restartPolicy) !== 'Never';
      if (restart) actions.startRegular.push(index);
      actions.kill.push({ id: status.id, container, message: `Container ${container.name} failed ${failed} probe${restart ? ', will be restarted' : ''}`, reason: failed });
      return;
    }
    const resize = inputs.resizeOf?.(container, status) ?? 'none';
    if (resize === 'restart') {
      actions.startRegular.push(index);
      actions.kill.push({ id: status.id, container, message: `Container ${container.name} resize requires restart`, reason: 'resize' });
      return;
    }
    keep++;
    if (resize === 'in-place') actions.resize.push({ container, id: status.id });
  });
  if (keep === 0 && actions.startRegular.length === 0 && actions.kill.length === 0) {
    actions.killPod = true;
    actions.startInit = [];
  }
  return actions;
}

/** A new sandbox starts the pod from its first container, unless there is nothing left to run. */
function withNewSandbox({ pod, runtime }: ActionInputs, actions: PodActions): PodActions {
  const spec = pod.spec!;
  if (spec.restartPolicy === 'Never' && actions.attempt !== 0 && runtime.containers.length) return { ...actions, createSandbox: false };
  const start = spec.containers.flatMap((container, i) => {
    const status = newestContainer(runtime, container.name);
    const done = spec.restartPolicy === 'OnFailure' && status?.state === 'exited' && status.exitCode === 0;
    return done ? [] : [i];
  });
  if (!start.length && anyRegularCreated(pod, runtime)) return { ...actions, createSandbox: false };
  return spec.initContainers?.length ? { ...actions, startInit: [0] } : { ...actions, startRegular: start };
}

/** The container whose exit asks for all containers to be restarted. */
function restartAllTrigger({ pod, runtime }: ActionInputs): string | undefined {
  if (pod.metadata.deletionTimestamp) return undefined;
  for (const container of [...(pod.spec!.initContainers ?? []), ...pod.spec!.containers]) {
    const status = newestContainer(runtime, container.name);
    if (status?.state === 'exited' && matchedRule(container, status.exitCode) === 'RestartAllContainers') return container.name;
  }
  return undefined;
}

/**
 * Adds what the init containers need; true when regular containers may run. Looked at from the last to the first, as
 * finished ones may have been removed from the runtime.
 */
function computeInitActions(inputs: ActionInputs, actions: PodActions): boolean {
  const { pod, runtime } = inputs;
  const init = pod.spec!.initContainers ?? [];
  if (!init.length) return true;
  const before = anyRegularCreated(pod, runtime);
  let initialized = before;
  let found = false;
  const next = (i: number) => {
    if (i === init.length - 1) initialized = true;
    else actions.startInit.push(i + 1);
  };
  for (let i = init.length - 1; i >= 0; i--) {
    const container = init[i];
    const sidecar = isSidecar(container);
    const status = newestContainer(runtime, container.name);
    if (!status) {
      if (before && sidecar) actions.startInit.push(i);
      continue;
    }
    found = true;
    if (before && !sidecar) continue;
    if (status.state === 'created') actions.startInit.push(i);
    else if (status.state === 'running') {
      if (sidecar) sidecarRunning(inputs, actions, { i, status, next: before ? () => undefined : next });
    } else if (status.state === 'unknown') {
      actions.kill.push({ id: status.id, container, message: `Init container is in ${JSON.stringify(stateNames.unknown)} state, try killing it before restart`, reason: 'unknown' });
      actions.startInit.push(i);
    } else if (sidecar) actions.startInit.push(i);
    else if (status.exitCode !== 0) {
      // Init containers retry unless nothing in the pod or the container allows it.
      if (!shouldStart(pod, { ...container, restartPolicy: container.restartPolicy ?? (pod.spec!.restartPolicy === 'Always' ? 'OnFailure' : pod.spec!.restartPolicy) }, status)) {
        actions.killPod = true;
        actions.startInit = [];
        return false;
      }
      actions.startInit.push(i);
    } else next(i);
    if (!before) break;
  }
  if (!before && !found) actions.startInit.push(0);
  actions.startInit.sort((a, b) => a - b);
  return initialized;
}

function sidecarRunning({ pod, probe }: ActionInputs, actions: PodActions, { i, status, next }: { i: number; status: RuntimeContainer; next(i: number): void }): void {
  const container = pod.spec!.initContainers![i];
  const restart = (kind: 'startup' | 'liveness') => {
    actions.kill.push({ id: status.id, container, message: `Init container ${container.name} failed ${kind} probe`, reason: kind });
    actions.startInit.push(i);
  };
  if (container.startupProbe) {
    const startup = probe('startup', status.id);
    if (startup === 'failure') restart('startup');
    if (startup !== 'success') return;
  }
  next(i);
  if (container.livenessProbe && probe('liveness', status.id) === 'failure') restart('liveness');
}
