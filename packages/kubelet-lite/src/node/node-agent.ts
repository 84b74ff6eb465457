/** Keeps a node's object and Lease: registration, status when it changes (else every five minutes), a beat every ten seconds. */
import type { Lease } from '@pilothouse/api-schemas/types/coordination/v1';
import type { ContainerImage, Node, NodeStatus } from '@pilothouse/api-schemas/types/core/v1';
import { isAlreadyExists, isNotFound, leases, nodes } from '@pilothouse/apimachinery';
import { formatMicroTime, messageOf, type Runtime } from '@pilothouse/base';
import type { Client } from '@pilothouse/client';
import type { Cri } from '../cri/contract.ts';
import { defaultLabels, fixedStatus, initialNode, type NodeInputs, nodeConditions, nodeInfo, nodeResources } from './node-status.ts';
import type { Load, MachineFacts } from './machine.ts';

export interface NodeAgent {
  /** As it is in the API, as far as known. */
  readonly node: Node;
  /** Creates the Node, or brings an old one up to date; tries until it is done or `signal` aborts. */
  register(signal: AbortSignal): Promise<void>;
  /** Renews the Lease, and writes the status where it changed. */
  beat(): Promise<void>;
  /** A newer version seen by a watch. */
  observe(node: Node): void;
}

export interface NodeAgentOptions {
  client: Client;
  runtime: Runtime;
  cri: Cri;
  inputs: Omit<NodeInputs, 'runtimeVersion' | 'port'>;
  /** Known once the server listens. */
  port(): number;
  runtimeVersion(): string;
  /** Read anew; constant for simulated nodes. */
  facts(): MachineFacts;
  load(): Load;
  leaseDurationSeconds?: number;
  /** Refreshes the facts of the runtime that the status shows. */
  images(): Promise<ContainerImage[]>;
  registerNode: boolean;
}

const reportEveryMs = 5 * 60_000;
const leaseNamespace = 'kube-node-lease';

export function createNodeAgent(options: NodeAgentOptions): NodeAgent {
  const { client, runtime, cri } = options;
  const { clock, log } = runtime;
  const name = options.inputs.name;
  let node: Node | undefined;
  let lease: Lease | undefined;
  let lastReportMs = Number.NEGATIVE_INFINITY;
  let owned = false;

  const inputs = (): NodeInputs => ({ ...options.inputs, facts: options.facts(), port: options.port(), runtimeVersion: options.runtimeVersion() });

  async function makeStatus(current: Node): Promise<NodeStatus> {
    const i = inputs();
    const answer = await cri.call('Status', {}, { timeoutMs: 5000 }).catch(() => undefined);
    const condition = (type: string) => answer?.status?.conditions.find((c) => c.type === type);
    const network = condition('NetworkReady');
    const { facts } = i;
    return {
      ...current.status,
      ...nodeResources(i),
      ...fixedStatus(i),
      nodeInfo: nodeInfo(facts, i.runtimeVersion),
      images: await options.images(),
      conditions: [
        ...nodeConditions({
          nowMs: clock.now(),
          runtimeReady: answer && (condition('RuntimeReady')?.status ?? true),
          networkReady: { ready: network?.status ?? true, message: network?.message ?? '' },
          load: options.load(),
          diskFreeRatio: facts.storageBytes ? facts.storageFreeBytes / facts.storageBytes : 1,
          before: current.status?.conditions,
        }),
        ...(current.status?.conditions ?? []).filter((c) => !['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].includes(c.type)),
      ],
    };
  }

  async function registerOnce(): Promise<void> {
    const wanted = initialNode(inputs());
    wanted.status = await makeStatus(wanted);
    try {
      node = await client.create(nodes, wanted);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const there = await client.get(nodes, name);
      const labels = defaultLabels(inputs());
      const stale = Object.entries(labels).some(([k, v]) => there.metadata.labels?.[k] !== v);
      node = stale ? await client.patch(nodes, name, { metadata: { labels, annotations: wanted.metadata.annotations } }, { type: 'strategic' }) : there;
      await report(true);
    }
    lastReportMs = clock.monotonic();
  }

  async function report(always: boolean): Promise<void> {
    if (!node) return;
    const status = await makeStatus(node);
    const due = clock.monotonic() - lastReportMs >= reportEveryMs;
    if (!always && !due && sameButHeartbeats(status, node.status)) return;
    const patch: Record<string, unknown> = {};
    for (const key of Object.keys(status) as (keyof NodeStatus)[]) {
      const before = node.status?.[key];
      if (JSON.stringify(before) === JSON.stringify(status[key])) continue;
      if (key === 'addresses' && before) patch.addresses = [...status.addresses!, { $patch: 'replace' }];
      else patch[key] = status[key];
    }
    node = await client.patch<Node>(nodes, name, { metadata: { name }, status: patch }, { subresource: 'status', type: 'strategic' });
    lastReportMs = clock.monotonic();
  }

  async function renew(): Promise<void> {
    const renewTime = formatMicroTime(clock.now());
    const spec = { holderIdentity: name, leaseDurationSeconds: options.leaseDurationSeconds ?? 40, renewTime };
    if (lease) {
      try {
        lease = await client.update(leases, { ...lease, metadata: { ...lease.metadata, ...ownerOf() }, spec: { ...lease.spec, ...spec } });
        return;
      } catch {
        lease = undefined;
      }
    }
    try {
      const there = await client.get(leases, name, { namespace: leaseNamespace });
      lease = await client.update(leases, { ...there, spec: { ...there.spec, ...spec } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      lease = await client.create(leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace: leaseNamespace, ...ownerOf() }, spec });
    }
  }
  /** The Lease goes with its node. */
  const ownerOf = () => {
    if (owned || !node?.metadata.uid) return {};
    owned = true;
    return { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid: node.metadata.uid }] };
  };

  return {
    get node() {
      return node ?? { metadata: { name }, status: nodeResources(inputs()) };
    },
    async register(signal) {
      if (!options.registerNode) {
        node = await client.get(nodes, name).catch(() => undefined);
        return;
      }
      for (let delayMs = 100; ; delayMs = Math.min(7000, delayMs * 2)) {
        signal.throwIfAborted();
        try {
          await registerOnce();
          break;
        } catch (error) {
          log.warn('Registering the node failed', { node: name, err: messageOf(error) });
          await clock.sleep(delayMs, signal);
        }
      }
      await renew().catch((error) => log.warn('Renewing the node lease failed', { node: name, err: messageOf(error) }));
    },
    async beat() {
      const results = await Promise.allSettled([renew(), report(false)]);
      for (const r of results) if (r.status === 'rejected') log.warn('A heartbeat failed', { node: name, err: messageOf(r.reason) });
      // A node that was deleted registers anew.
      if (results.some((r) => r.status === 'rejected' && isNotFound(r.reason)) && options.registerNode) {
        owned = false;
        lease = undefined;
        await registerOnce().catch(() => undefined);
      }
    },
    observe(seen) {
      node = seen;
    },
  };
}

function sameButHeartbeats(a: NodeStatus, b: NodeStatus | undefined): boolean {
  const strip = (s: NodeStatus | undefined) => JSON.stringify(s && sorted({ ...s, conditions: s.conditions?.map(({ lastHeartbeatTime: _, ...c }) => c) }));
  return strip(a) === strip(b);
}

/** Keys in order, empty values left out: what went through the API compares equal. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined && v !== '' && !(Array.isArray(v) && !v.length)).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => [k, sorted(v)]));
}
