/** The status of a pod as the API shows it, from the runtime's view, the probes and what was reported before. Pure. */
import type { ContainerState, ContainerStatus, Pod, PodStatus, ResourceRequirements, VolumeMount, VolumeMountStatus } from '@pilothouse/api-schemas/types/core/v1';
import { addQuantities, formatQuantity, parseQuantity } from '@pilothouse/apimachinery';
import { formatTime } from '@pilothouse/base';
import { generateConditions, isKubeletCondition } from './conditions.ts';
import { phaseOf } from './phase.ts';
import { type AnyContainer, type ContainerKind, containersOf, isSidecar, isTerminalPhase, qosClassOf, shouldStart } from './pod-facts.ts';
import { containerUri, type RuntimeContainer, type RuntimePod } from './runtime-pod.ts';

/** Why a container does not run, as its last attempt to start left it. */
export interface WaitingReason {
  reason: string;
  message: string;
}

export interface StatusInputs {
  pod: Pod;
  runtime: RuntimePod;
  runtimeName: string;
  /** What this kubelet reported last; at its start what the API holds. */
  previous: PodStatus;
  /** Last failures to start, by container name. */
  reasons: ReadonlyMap<string, WaitingReason>;
  /** `undefined`: the container has no such probe. */
  probe(kind: 'startup' | 'readiness', container: string, id: string): 'success' | 'pending' | undefined;
  hostIps: readonly string[];
  /** Nothing of the pod runs any more. */
  ended: boolean;
  /** The pod was stopped from inside the node (deadline, eviction, admission). */
  failure?: { reason: string; message: string };
  nowMs: number;
  /** Resources in force by container, as last accepted. */
  allocated?(container: AnyContainer): ResourceRequirements | undefined;
  /** All containers are being started anew: earlier ends are last states. */
  restartingAll?: boolean;
  /** Where the runtime does not say who a container runs as. */
  userOf?(container: AnyContainer): { uid: number; gid: number; supplementalGroups?: number[] } | undefined;
  /** Written beside the kubelet's five. */
  extraConditions?: PodStatus['conditions'];
}

export const lostContainer = (message: string): ContainerState => ({ terminated: { exitCode: 137, reason: 'ContainerStatusUnknown', message } });

const stateOf = (c: RuntimeContainer, runtimeName: string): ContainerState => {
  if (c.state === 'running') return { running: { startedAt: formatTime(c.startedAtMs) } };
  if (c.state === 'exited') {
    const times = { ...(c.startedAtMs && { startedAt: formatTime(c.startedAtMs) }), ...(c.finishedAtMs && { finishedAt: formatTime(c.finishedAtMs) }) };
    return { terminated: { exitCode: c.exitCode, ...(c.reason && { reason: c.reason }), ...(c.message && { message: c.message }), ...times, containerID: containerUri(runtimeName, c.id) } };
  }
  return { waiting: {} };
};

const mountStatus = (m: VolumeMount): VolumeMountStatus => ({ name: m.name, mountPath: m.mountPath, ...(m.readOnly && { readOnly: true, recursiveReadOnly: m.recursiveReadOnly === 'Enabled' ? 'Enabled' : 'Disabled' }) });

/** How the container ended before this run: the runtime knows, or it was told earlier. */
function lastStateOf(now: RuntimeContainer, last: RuntimeContainer | undefined, before: ContainerStatus | undefined, runtimeName: string): ContainerState {
  if (last) return stateOf(last, runtimeName);
  const otherRun = before?.containerID !== containerUri(runtimeName, now.id);
  if (before?.state?.terminated && otherRun && before.restartCount < now.restartCount) return { terminated: before.state.terminated };
  return before?.lastState ?? {};
}

function containerStatuses(inputs: StatusInputs, kind: ContainerKind, containers: readonly AnyContainer[], old: readonly ContainerStatus[]): ContainerStatus[] {
  const { pod, runtime, runtimeName } = inputs;
  const waitingReason = pod.spec!.initContainers?.length ? 'PodInitializing' : 'ContainerCreating';
  return containers.map((container) => {
    const before = old.find((s) => s.name === container.name);
    const runs = runtime.containers.filter((c) => c.name === container.name).slice(0, 2);
    let status: ContainerStatus;
    if (runs.length) {
      const [now, last] = runs;
      status = {
        name: container.name,
        state: now.state === 'unknown' && before?.state?.running ? lostContainer('The container could not be located when the pod was terminated') : stateOf(now, runtimeName),
        lastState: lastStateOf(now, last, before, runtimeName),
        ready: false,
        restartCount: now.restartCount,
        image: now.image || container.image || '',
        imageID: now.imageId,
        containerID: containerUri(runtimeName, now.id),
      };
    } else if (before?.state?.terminated && !inputs.restartingAll) {
      status = { ...before };
    } else {
      status = { name: container.name, state: { waiting: { reason: kind === 'ephemeral' ? 'ContainerCreating' : waitingReason } }, lastState: before?.lastState ?? {}, ready: false, restartCount: before?.restartCount ?? 0, image: container.image ?? '', imageID: '' };
      if (before?.state?.running && runtime.sandboxes.length) {
        const deleted = pod.metadata.deletionTimestamp !== undefined;
        const lost = lostContainer(`The container could not be located when the pod was ${deleted ? 'deleted' : 'terminated'}.  The container used to be Running`);
        if (deleted || !shouldStart(pod, container, undefined)) status = { ...status, state: lost, containerID: before.containerID };
        else status = { ...status, lastState: lost };
      }
    }
    const why = inputs.reasons.get(container.name);
    const waits = kind === 'ephemeral' ? !runs.length : shouldStart(pod, container, runs[0]);
    if (why && waits) {
      if (status.state?.terminated) status.lastState = status.state;
      status.state = { waiting: { reason: why.reason, message: why.message } };
    }
    decorate(inputs, status, container, kind, runs[0]);
    return status;
  });
}

/** Readiness, `started`, resources, mounts and user. */
function decorate(inputs: StatusInputs, status: ContainerStatus, container: AnyContainer, kind: ContainerKind, run: RuntimeContainer | undefined): void {
  const id = run?.id ?? '';
  const running = status.state?.running !== undefined;
  if (kind !== 'ephemeral') {
    status.started = running && inputs.probe('startup', container.name, id) !== 'pending';
    if (kind === 'init' && !isSidecar(container)) status.ready = status.state?.terminated?.exitCode === 0;
    else status.ready = status.started && inputs.probe('readiness', container.name, id) !== 'pending';
  }
  if (running || status.state?.terminated) {
    const allocated = inputs.allocated ? inputs.allocated(container) : container.resources;
    if (running && allocated && Object.keys(allocated).length) {
      if (allocated.requests) status.allocatedResources = allocated.requests;
      const { claims: _, ...resources } = allocated;
      status.resources = resources;
    } else if (running) status.resources = {};
    if (run?.user) status.user = { linux: run.user };
    else if (running && status.user === undefined && inputs.userOf) {
      const user = inputs.userOf(container);
      if (user) status.user = { linux: user };
    }
  }
  const mounts = (container.volumeMounts ?? []).map(mountStatus);
  if (mounts.length) status.volumeMounts = mounts;
}

/** The whole status, without the conditions' times (the status manager keeps those). */
export function generateStatus(inputs: StatusInputs): PodStatus {
  const { pod, runtime, previous } = inputs;
  const spec = pod.spec!;
  const init = containerStatuses(inputs, 'init', spec.initContainers ?? [], previous.initContainerStatuses ?? []);
  const regular = containerStatuses(inputs, 'regular', spec.containers, previous.containerStatuses ?? []).sort((a, b) => (a.name < b.name ? -1 : 1));
  const ephemeral = containerStatuses(inputs, 'ephemeral', (spec.ephemeralContainers ?? []) as AnyContainer[], previous.ephemeralContainerStatuses ?? []);
  const statuses = [...init, ...regular];
  let phase: string = phaseOf(pod, statuses, inputs.ended);
  if (isTerminalPhase(previous.phase)) phase = previous.phase!;
  if (inputs.failure) phase = 'Failed';
  // A finished phase is only told once nothing runs: until then the pod keeps its phase.
  const held = isTerminalPhase(phase) && !inputs.ended && !isTerminalPhase(previous.phase);
  const told = held ? heldPhase(previous.phase, statuses) : phase;
  const others = (pod.status?.conditions ?? []).filter((c) => !isKubeletCondition(c.type));
  const ips = podIps(inputs);
  const why = inputs.failure ?? (previous.phase === told ? { reason: previous.reason, message: previous.message } : {});
  const generation = pod.metadata.generation;
  const status: PodStatus = {
    ...(generation && { observedGeneration: generation }),
    phase: told,
    conditions: [...generateConditions({ pod, phase: held ? told : phase, statuses, runtime, others }), ...(inputs.extraConditions ?? []), ...others],
    ...(why.message && { message: why.message }),
    ...(why.reason && { reason: why.reason }),
    ...(inputs.hostIps.length && { hostIP: inputs.hostIps[0], hostIPs: inputs.hostIps.map((ip) => ({ ip })) }),
    ...(ips.length && { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) }),
    startTime: previous.startTime ?? formatTime(inputs.nowMs),
    ...(init.length && { initContainerStatuses: init }),
    containerStatuses: regular,
    ...(ephemeral.length && { ephemeralContainerStatuses: ephemeral }),
    qosClass: qosClassOf(pod),
    ...(pod.status?.resourceClaimStatuses && { resourceClaimStatuses: pod.status.resourceClaimStatuses }),
    ...(pod.status?.nominatedNodeName && { nominatedNodeName: pod.status.nominatedNodeName }),
  };
  const total = podResources(pod, inputs);
  if (total && regular.some((s) => s.state?.running)) {
    status.resources = total;
    if (total.requests) status.allocatedResources = total.requests;
  }
  return status;
}

const heldPhase = (previous: string | undefined, statuses: readonly ContainerStatus[]) => (previous === 'Running' || statuses.some((s) => s.state?.running) ? 'Running' : (previous ?? 'Pending'));

function podIps({ pod, runtime, hostIps, previous }: StatusInputs): string[] {
  if (pod.spec?.hostNetwork) return [...hostIps];
  const ips = runtime.sandboxes[0]?.ips ?? [];
  return ips.length ? ips : (previous.podIPs ?? []).map((p) => p.ip);
}

/** The pod's resources in force, where all its parts are plain: those of one container, or the pod's own. */
function podResources(pod: Pod, inputs: StatusInputs): ResourceRequirements | undefined {
  if (pod.spec?.resources && Object.keys(pod.spec.resources).length) return pod.spec.resources;
  const sets = [...containersOf(pod)].filter(({ kind, container }) => kind === 'regular' || (kind === 'init' && isSidecar(container))).map(({ container }) => (inputs.allocated ? inputs.allocated(container) : container.resources) ?? {});
  const total: ResourceRequirements = {};
  for (const side of ['limits', 'requests'] as const) {
    // A limit that one container lacks is no limit of the pod.
    const names = new Set(sets.flatMap((s) => Object.keys(s[side] ?? {})));
    for (const name of names) {
      const values = sets.map((s) => s[side]?.[name]).filter((v) => v !== undefined);
      if (side === 'limits' && values.length < sets.length) continue;
      (total[side] ??= {})[name] = sumQuantities(values);
    }
  }
  return Object.keys(total).length ? total : undefined;
}

const sumQuantities = (values: readonly (string | number)[]) => formatQuantity(values.map((v) => parseQuantity(String(v))).reduce(addQuantities));

/** What became of containers that never told how they ended, once the pod has ended (status manager: TerminatePod). */
export function terminateStatuses(status: PodStatus): PodStatus {
  const initialized = status.conditions?.some((c) => c.type === 'Initialized' && c.status === 'True') ?? false;
  // A pod that ended before it was initialised shows which containers never came to run.
  if (!initialized || !status.containerStatuses) return status;
  const end = (s: ContainerStatus): ContainerStatus => {
    if (s.state?.terminated) return s;
    const state = s.lastState?.terminated ? { terminated: s.lastState.terminated } : lostContainer('The container could not be located when the pod was terminated');
    return { ...s, ready: false, started: false, state };
  };
  return { ...status, containerStatuses: status.containerStatuses.map(end) };
}
