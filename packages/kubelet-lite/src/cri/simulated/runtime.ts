/**
 * A container runtime inside this process, behind the CRI contract: sandboxes and containers are records, time is the
 * clock's. A container that runs until it is stopped costs no timer, so thousands of nodes fit one process.
 */
import type { Clock, Random, Timer } from '@pilothouse/base';
import { type Container, type ContainerConfig, type ContainerEventResponse, type ContainerStatus, type Cri, CriError, type CriMethod, type CriRequest, type Draft, type PodSandbox, type PodSandboxConfig } from '../contract.ts';
import { type Script, scriptOf, simulateAnnotation } from './script.ts';

export interface SimulatedOptions {
  clock: Clock;
  random: Random;
  /** Milliseconds from StartContainer to running; default 0. */
  startDelayMs?: number;
  /** Milliseconds a pull takes; default 0. */
  pullDelayMs?: number;
  /** The address of the n-th sandbox (from 0); default in 10.244.0.0/16. */
  podIp?(n: number): string;
  /** Images that cannot be pulled; default those of the registry `invalid`. */
  unpullable?(image: string): boolean;
}

interface Sandbox {
  id: string;
  config: Draft<PodSandboxConfig>;
  createdAtMs: number;
  ready: boolean;
  ip: string;
}

interface SimulatedContainer {
  id: string;
  sandboxId: string;
  config: Draft<ContainerConfig>;
  state: ContainerStatus['state'];
  createdAtMs: number;
  startedAtMs: number;
  finishedAtMs: number;
  exitCode: number;
  reason: string;
  message: string;
  script: Script;
  timer?: Timer;
}

/** A simulated runtime, with the log that its containers have no file for. */
export interface SimulatedRuntime extends Cri {
  /** What the container has said so far. */
  logLines(containerId: string): { timeMs: number; text: string }[];
  /** Ends a container from inside, as if its process had. */
  exit(containerId: string, exitCode: number, reason?: string): void;
  readonly counts: { sandboxes: number; containers: number };
}

const ns = (ms: number) => ms * 1e6;
const notFound = (what: string, id: string) => new CriError(5, `an error occurred when try to find ${what} ${JSON.stringify(id)}: not found`);

export function createSimulatedRuntime(options: SimulatedOptions): SimulatedRuntime {
  const { clock, random } = options;
  const sandboxes = new Map<string, Sandbox>();
  const containers = new Map<string, SimulatedContainer>();
  const pulled = new Set<string>();
  const listeners = new Set<(event: ContainerEventResponse) => void>();
  let made = 0;
  const newId = () => Buffer.from(random.bytes(32)).toString('hex');
  const ipOf = options.podIp ?? ((n) => `10.244.${Math.floor(n / 250) % 256}.${(n % 250) + 2}`);
  const unpullable = options.unpullable ?? ((image) => image.startsWith('invalid/') || image.startsWith('registry.invalid/'));

  const tell = (type: ContainerEventResponse['containerEventType'], id: string, podUid: string) => {
    if (!listeners.size) return;
    const event: ContainerEventResponse = { containerId: id, containerEventType: type, createdAt: ns(clock.now()), podSandboxStatus: { id: '', metadata: { name: '', namespace: '', uid: podUid, attempt: 0 }, state: 'SANDBOX_READY', createdAt: 0, network: null, linux: null, labels: {}, annotations: {}, runtimeHandler: '' }, containersStatuses: [] };
    for (const listener of listeners) listener(event);
  };
  const uidOf = (c: SimulatedContainer) => sandboxes.get(c.sandboxId)?.config.metadata?.uid ?? '';

  const end = (c: SimulatedContainer, exitCode: number, reason = exitCode === 0 ? 'Completed' : 'Error') => {
    if (c.state !== 'CONTAINER_RUNNING' && c.state !== 'CONTAINER_CREATED') return;
    c.timer?.cancel();
    c.timer = undefined;
    c.state = 'CONTAINER_EXITED';
    c.finishedAtMs = clock.now();
    c.exitCode = exitCode;
    c.reason = reason;
    tell('CONTAINER_STOPPED_EVENT', c.id, uidOf(c));
  };
  const container = (id = '') => {
    const c = containers.get(id);
    if (!c) throw notFound('container', id);
    return c;
  };
  const sandbox = (id = '') => {
    const s = sandboxes.get(id);
    if (!s) throw notFound('sandbox', id);
    return s;
  };
  const matches = (labels: Draft<Record<string, string>> | undefined, selector: Draft<Record<string, string>> | undefined) => Object.entries(selector ?? {}).every(([k, v]) => labels?.[k] === v);
  const labelsOf = (labels: Draft<Record<string, string>> | undefined) => (labels ?? {}) as Record<string, string>;
  const metadataOf = (s: Sandbox) => ({ name: '', namespace: '', uid: '', attempt: 0, ...(s.config.metadata as object) });
  const stop = async (c: SimulatedContainer, timeoutSeconds: number) => {
    if (c.state !== 'CONTAINER_RUNNING') {
      if (c.state === 'CONTAINER_CREATED') end(c, 0);
      return;
    }
    const wanted = c.script.stopMs ?? 0;
    const killed = wanted > timeoutSeconds * 1000;
    if (wanted > 0) await clock.sleep(Math.min(wanted, timeoutSeconds * 1000));
    end(c, killed ? 137 : c.script.exitCode, killed ? 'Error' : undefined);
  };

  const handlers: { [M in CriMethod]?: (request: CriRequest<M>, signal?: AbortSignal) => unknown } = {
    Version: () => ({ version: '0.1.0', runtimeName: 'simulated', runtimeVersion: '1.0.0', runtimeApiVersion: 'v1' }),
    Status: () => ({ status: { conditions: [{ type: 'RuntimeReady', status: true, reason: '', message: '' }, { type: 'NetworkReady', status: true, reason: '', message: '' }] }, info: {}, runtimeHandlers: [], features: null }),
    RunPodSandbox: (request) => {
      const config = request.config ?? {};
      const id = newId();
      const hostNetwork = config.linux?.securityContext?.namespaceOptions?.network === 'NODE';
      sandboxes.set(id, { id, config, createdAtMs: clock.now(), ready: true, ip: hostNetwork ? '' : ipOf(made++) });
      return { podSandboxId: id };
    },
    StopPodSandbox: async ({ podSandboxId = '' }) => {
      const s = sandboxes.get(podSandboxId);
      if (!s) return {};
      for (const c of containers.values()) if (c.sandboxId === s.id) end(c, 137, 'Error');
      s.ready = false;
      return {};
    },
    RemovePodSandbox: ({ podSandboxId = '' }) => {
      for (const c of containers.values()) if (c.sandboxId === podSandboxId) containers.delete(c.id);
      sandboxes.delete(podSandboxId);
      return {};
    },
    PodSandboxStatus: ({ podSandboxId }) => {
      const s = sandbox(podSandboxId);
      const options = s.config.linux?.securityContext?.namespaceOptions;
      return { status: { id: s.id, metadata: metadataOf(s), state: s.ready ? 'SANDBOX_READY' : 'SANDBOX_NOTREADY', createdAt: ns(s.createdAtMs), network: s.ip ? { ip: s.ip, additionalIps: [] } : null, linux: { namespaces: { options: options ?? null } }, labels: labelsOf(s.config.labels), annotations: labelsOf(s.config.annotations), runtimeHandler: '' }, info: {}, containersStatuses: [], timestamp: 0 };
    },
    ListPodSandbox: ({ filter }) => ({
      items: [...sandboxes.values()].filter((s) => matches(s.config.labels, filter?.labelSelector) && (!filter?.id || filter.id === s.id)).map((s): PodSandbox => ({ id: s.id, metadata: metadataOf(s), state: s.ready ? 'SANDBOX_READY' : 'SANDBOX_NOTREADY', createdAt: ns(s.createdAtMs), labels: labelsOf(s.config.labels), annotations: labelsOf(s.config.annotations), runtimeHandler: '' })),
    }),
    CreateContainer: (request) => {
      const config = request.config ?? {};
      const s = sandbox(request.podSandboxId);
      const id = newId();
      const script = scriptOf(config.metadata?.name ?? '', [...(config.command ?? []), ...(config.args ?? [])], s.config.annotations?.[simulateAnnotation]);
      containers.set(id, { id, sandboxId: s.id, config, state: 'CONTAINER_CREATED', createdAtMs: clock.now(), startedAtMs: 0, finishedAtMs: 0, exitCode: 0, reason: '', message: '', script });
      return { containerId: id };
    },
    StartContainer: async ({ containerId }) => {
      const c = container(containerId);
      if (options.startDelayMs) await clock.sleep(options.startDelayMs);
      if (c.state !== 'CONTAINER_CREATED') throw new CriError(9, `container ${c.id} is in ${c.state} state`);
      if (c.script.startError) {
        end(c, 128, 'StartError');
        c.message = c.script.startError;
        throw new CriError(2, c.script.startError);
      }
      c.state = 'CONTAINER_RUNNING';
      c.startedAtMs = clock.now();
      if (c.script.runMs !== undefined) c.timer = clock.after(c.script.runMs, () => end(c, c.script.exitCode), { keepAlive: true });
      tell('CONTAINER_STARTED_EVENT', c.id, uidOf(c));
      return {};
    },
    StopContainer: async ({ containerId, timeout = 0 }) => {
      await stop(container(containerId), timeout);
      return {};
    },
    RemoveContainer: ({ containerId = '' }) => {
      const c = containers.get(containerId);
      if (c) end(c, 137);
      containers.delete(containerId);
      return {};
    },
    ListContainers: ({ filter }) => ({
      containers: [...containers.values()]
        .filter((c) => matches(c.config.labels, filter?.labelSelector) && (!filter?.podSandboxId || filter.podSandboxId === c.sandboxId) && (!filter?.id || filter.id === c.id))
        .map((c) => ({ id: c.id, podSandboxId: c.sandboxId, metadata: c.config.metadata, image: c.config.image, imageRef: c.config.image?.image ?? '', state: c.state, createdAt: ns(c.createdAtMs), labels: labelsOf(c.config.labels), annotations: labelsOf(c.config.annotations), imageId: '' }) as Container),
    }),
    ContainerStatus: ({ containerId }) => {
      const c = container(containerId);
      return { status: { id: c.id, metadata: c.config.metadata, state: c.state, createdAt: ns(c.createdAtMs), startedAt: ns(c.startedAtMs), finishedAt: ns(c.finishedAtMs), exitCode: c.exitCode, image: { image: c.config.image?.userSpecifiedImage ?? c.config.image?.image ?? '', annotations: {}, userSpecifiedImage: '', runtimeHandler: '', imageRef: '' }, imageRef: imageId(c.config.image?.image ?? ''), reason: c.reason, message: c.message, labels: labelsOf(c.config.labels), annotations: labelsOf(c.config.annotations), mounts: [], logPath: '', resources: null, imageId: '', user: null, stopSignal: 'RUNTIME_DEFAULT' }, info: {} };
    },
    UpdateContainerResources: () => ({}),
    ReopenContainerLog: () => ({}),
    ExecSync: ({ containerId, cmd = [] }) => {
      const c = container(containerId);
      if (c.state !== 'CONTAINER_RUNNING') throw new CriError(2, `container is in ${c.state} state`);
      const { stdout, exitCode } = execute(c, cmd);
      return { stdout: Buffer.from(stdout), stderr: Buffer.alloc(0), exitCode };
    },
    ImageStatus: ({ image }) => {
      const name = image?.image ?? '';
      const there = pulled.has(name) || (!unpullable(name) && !options.pullDelayMs);
      return { image: there ? { id: name, repoTags: [name], repoDigests: [], size: 1_000_000, uid: { value: 0 }, username: '', spec: null, pinned: false } : null, info: {} };
    },
    PullImage: async ({ image }, signal) => {
      const name = image?.image ?? '';
      if (options.pullDelayMs) await clock.sleep(options.pullDelayMs, signal);
      if (unpullable(name)) throw new CriError(5, `failed to pull and unpack image ${JSON.stringify(name)}: failed to resolve reference ${JSON.stringify(name)}: ${name}: not found`);
      pulled.add(name);
      return { imageRef: name };
    },
    ListImages: () => ({ images: [...pulled].map((name) => ({ id: name, repoTags: [name], repoDigests: [], size: 1_000_000, uid: null, username: '', spec: null, pinned: false })) }),
    RemoveImage: ({ image }) => {
      pulled.delete(image?.image ?? '');
      return {};
    },
    ImageFsInfo: () => ({ imageFilesystems: [], containerFilesystems: [] }),
    ListContainerStats: () => ({ stats: [] }),
    ListPodSandboxStats: () => ({ stats: [] }),
  };

  return {
    async call(method, request, callOptions = {}) {
      callOptions.signal?.throwIfAborted();
      const handler = handlers[method] as ((request: unknown, signal?: AbortSignal) => unknown) | undefined;
      if (!handler) throw new CriError(12, `the simulated runtime does not do ${method}`);
      return (await handler(request, callOptions.signal)) as never;
    },
    watchEvents(onEvent, signal) {
      listeners.add(onEvent);
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          listeners.delete(onEvent);
          resolve();
        }, { once: true });
      });
    },
    logLines(id) {
      const c = containers.get(id);
      if (!c?.startedAtMs) return [];
      const until = c.finishedAtMs || clock.now();
      return c.script.lines.filter((l) => c.startedAtMs + l.atMs <= until).map((l) => ({ timeMs: c.startedAtMs + l.atMs, text: l.text }));
    },
    exit(id, exitCode, reason) {
      const c = containers.get(id);
      if (c) end(c, exitCode, reason);
    },
    get counts() {
      return { sandboxes: sandboxes.size, containers: containers.size };
    },
    async close() {
      for (const c of containers.values()) c.timer?.cancel();
    },
  };

  /** The few commands that a container without processes can answer. @throws for all others */
  function execute(c: SimulatedContainer, command: readonly string[]): { stdout: string; exitCode: number } {
    const script = scriptOf('', command, undefined);
    if (script.runMs !== undefined) return { stdout: script.lines.map((l) => `${l.text}\n`).join(''), exitCode: script.exitCode };
    const name = command[0]?.slice(command[0].lastIndexOf('/') + 1);
    if (name === 'hostname') return { stdout: `${sandboxes.get(c.sandboxId)?.config.hostname ?? ''}\n`, exitCode: 0 };
    if (name === 'env' || name === 'printenv') return { stdout: (c.config.envs ?? []).map((e) => `${e.key}=${Buffer.from(e.value ?? []).toString()}\n`).join(''), exitCode: 0 };
    throw new CriError(2, `failed to exec in container: ${JSON.stringify(command.join(' '))}: this container is simulated and has no processes`);
  }
}

/** A digest that looks like one, from the name alone. */
function imageId(name: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(name)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  return `sha256:${hash.toString(16).padStart(16, '0').repeat(4)}`;
}
