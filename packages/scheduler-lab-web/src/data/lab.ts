/** Everything the page follows, and what it may do: made once the page has access. */
import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { KubeObject, ResourceType } from '@pilothouse/apimachinery';
import { nodes, pods } from '@pilothouse/apimachinery/resource-types';
import type { Logger, Runtime } from '@pilothouse/base';
import { realClock } from '@pilothouse/base/clock';
import { realRandom } from '@pilothouse/base/random';
import { createClient } from '@pilothouse/client/client';
import type { Client } from '@pilothouse/client/contract';
import type { HeldCycle, QueuedPod, SchedulingBreakpoint, SchedulingTrace } from '@pilothouse/scheduler-lab/api/types';
import { signal } from '@preact/signals';
import { type Collection, collect } from './collection.ts';
import { fetchTransport } from './fetch-transport.ts';
import { heldCycles, queuedPods, schedulingBreakpoints, schedulingTraces } from './resources.ts';
import { access, token } from './session.ts';
import { watchSocket } from './watch-socket.ts';

export interface Lab {
  client: Client;
  nodes: Collection<Node>;
  pods: Collection<Pod>;
  /** Absent where the cluster does not serve lab.pilothouse.dev: another scheduler runs there. */
  scheduler?: {
    queue: Collection<QueuedPod>;
    traces: Collection<SchedulingTrace>;
    held: Collection<HeldCycle>;
    breakpoints: Collection<SchedulingBreakpoint>;
  };
}

/** Failures worth knowing are shown where they happen; base's own logger would bring pino along. */
const log: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };

export const runtime: Runtime = { clock: realClock, random: realRandom, log };

/** The time, for ages: moves once a second. */
export const now = signal(runtime.clock.now());
runtime.clock.every(1000, () => {
  if (!document.hidden) now.value = runtime.clock.now();
});

export async function openLab(): Promise<Lab> {
  const socket = location.protocol === 'http:' ? watchSocket(`ws://${location.host}/lab/watch`) : undefined;
  const transport = fetchTransport({ token, onUnauthorized: () => void (access.value = token() ? 'expired' : 'missing'), watchVia: socket });
  const client = createClient(transport, runtime, { userAgent: 'pilothouse-lab-page' });
  const follow = <T extends KubeObject>(type: ResourceType<T>) => collect<T>(client, runtime, type);
  const lab: Lab = { client, nodes: follow(nodes), pods: follow(pods) };
  // Asked by a list, since a group that is served but whose server is away must not pass for an absent one.
  const served = await client.raw({ method: 'GET', url: '/apis/lab.pilothouse.dev/v1' });
  if (served.status !== 404 && served.status !== 403) lab.scheduler = { queue: follow(queuedPods), traces: follow(schedulingTraces), held: follow(heldCycles), breakpoints: follow(schedulingBreakpoints) };
  return lab;
}
