import { formatTime, messageOf } from '@pilothouse/base';
import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { isConflict, isNotFound, leases, nodes, pods } from '@pilothouse/apimachinery';
import { referenceTo } from '@pilothouse/client';
import { type ControllerContext, defineController, done, durationFlagMs, nodeCondition, podCondition, readOnly, requeueAfter, sameTaint, swapTaints } from '@pilothouse/controller-runtime';
import { type Health, judge, labelChange, noExecuteTaints, noScheduleChange, notReadyKey, unreachableKey, zoneOf, zoneState, type ZoneState } from './plan.ts';
import { createZones, type Zones } from './zones.ts';

const leaseNamespace = 'kube-node-lease';
const excludedLabel = 'node.kubernetes.io/exclude-disruption';
export const podsByNode = { nodeName: (pod: Pod): string[] => (pod.spec?.nodeName ? [pod.spec.nodeName] : []) };
/** Nodes whose health is judged side by side. */
const side = 8;

interface State {
  health: Map<string, Health>;
  /** Nodes that were announced, with their uids. */
  known: Map<string, Node>;
  zones: Zones;
  /** Nodes whose pods could not all be marked. */
  retry: Set<string>;
}

/** Notices nodes that fall silent: their conditions, taints and pods. @see https://kubernetes.io/docs/concepts/architecture/nodes/#node-controller */
export const nodeLifecycleController = defineController<State>({
  name: 'node-lifecycle-controller',
  aliases: ['nodelifecycle'],
  serviceAccount: 'node-controller',
  eventSource: 'node-controller',
  workers: 8,
  watches: [
    { type: nodes, keys: (node, { deleted }) => (deleted ? [] : [`taints/${node.metadata.name}`]) },
    { type: pods, indexes: podsByNode, keys: (pod, { old, deleted }) => (!deleted && pod.spec?.nodeName && pod.spec.nodeName !== old?.spec?.nodeName ? [`pod/${pod.metadata.namespace}/${pod.metadata.name}`] : []) },
    readOnly(leases),
  ],
  start(context) {
    const { clock, flags } = context;
    const zones = createZones(clock, { rate: Number(flags['node-eviction-rate'] ?? 0.1), secondaryRate: Number(flags['secondary-node-eviction-rate'] ?? 0.01), largeZone: Number(flags['large-cluster-size-threshold'] ?? 50) });
    const ticking = clock.every(durationFlagMs(context, 'node-monitor-period', 5000), () => context.enqueue('monitor'));
    context.signal.addEventListener('abort', () => ticking.cancel(), { once: true });
    context.enqueue('monitor');
    return { health: new Map(), known: new Map(), zones, retry: new Set() };
  },
  async reconcile(key, context, state) {
    const [task, ...rest] = key.split('/');
    if (task === 'monitor') await monitor(context, state);
    else if (task === 'taints') await showConditions(rest[0], context);
    else if (task === 'evict') return giveUp(rest[0], context, state);
    else await markLatePod(rest.join('/'), context, state);
    return done;
  },
});

async function showConditions(name: string, { client, clock, lister, signal }: ControllerContext): Promise<void> {
  const node = lister(nodes).get(name);
  if (!node) return;
  const change = noScheduleChange(node);
  if (change.add.length || change.remove.length) await swapTaints(client, node, change, { clock, signal });
  const labels = labelChange(node);
  if (labels) await client.patch(nodes, name, { metadata: { labels } }, { type: 'strategic', signal });
}

async function monitor(context: ControllerContext, state: State): Promise<void> {
  const { lister, recorder, flags } = context;
  const all = lister(nodes).list();
  const present = new Set(all.map((node) => node.metadata.name!));
  for (const node of all) {
    const name = node.metadata.name!;
    if (state.known.get(name)?.metadata.uid === node.metadata.uid) continue;
    state.known.set(name, node);
    recorder.event(nodeRef(node), 'Normal', 'RegisteredNode', `Node ${name} event: Registered Node ${name} in Controller`);
    await markReachable(node, context);
  }
  for (const [name, node] of state.known) {
    if (present.has(name)) continue;
    recorder.event(nodeRef(node), 'Normal', 'RemovingNode', `Node ${name} event: Removing Node ${name} from Controller`);
    state.known.delete(name);
    state.health.delete(name);
    state.retry.delete(name);
  }
  const statuses = new Map<string, (string | undefined)[]>();
  // None is given up before it is known how all of them are: if none is ready, it is rather the network.
  const lost: string[] = [];
  for (let i = 0; i < all.length; i += side) {
    await Promise.all(
      all.slice(i, i + side).map(async (node) => {
        try {
          const status = await checkNode(node, context, state, lost);
          if (node.metadata.labels?.[excludedLabel] === undefined) statuses.set(zoneOf(node), [...(statuses.get(zoneOf(node)) ?? []), status]);
        } catch (error) {
          if (!isNotFound(error)) context.log.warn('Could not update the health of a node', { node: node.metadata.name, reason: messageOf(error) });
        }
      }),
    );
  }
  const threshold = Number(flags['unhealthy-zone-threshold'] ?? 0.55);
  const found = new Map<string, { state: ZoneState; size: number }>();
  for (const [zone, list] of statuses) found.set(zone, { state: zoneState(list, threshold), size: list.length });
  const turn = state.zones.update(found);
  if (turn === 'stopped') {
    context.log.info('No node is ready any more, evictions end');
    for (const node of all) await markReachable(lister(nodes).get(node.metadata.name!) ?? node, context);
  } else if (turn === 'resumed') {
    context.log.info('Some nodes are ready again, evictions go on');
    for (const [name, health] of state.health) state.health.set(name, { ...health, probeMs: context.clock.now() });
  }
  for (const name of lost) context.enqueue(`evict/${name}`);
}

/** Judges one node, writes what changed, and returns its Ready status. `lost` gets it where it is to be given up. */
async function checkNode(node: Node, context: ControllerContext, state: State, lost: string[]): Promise<string | undefined> {
  const { client, clock, lister, recorder, signal } = context;
  const name = node.metadata.name!;
  const lease = lister(leases).get(`${leaseNamespace}/${name}`)?.spec;
  const options = { nowMs: clock.now(), graceMs: durationFlagMs(context, 'node-monitor-grace-period', 50_000), startupGraceMs: durationFlagMs(context, 'node-startup-grace-period', 60_000) };
  let judged = judge(node, lease, state.health.get(name), options);
  for (let tries = 0; judged.conditions; tries++) {
    try {
      await client.updateStatus(nodes, { ...node, status: { ...node.status, conditions: judged.conditions } }, { signal });
      break;
    } catch (error) {
      if (!isConflict(error) || tries >= 4) throw error;
      node = await client.get(nodes, name, { signal });
      judged = judge(node, lease, state.health.get(name), options);
    }
  }
  state.health.set(name, judged.health);
  const { current, observed } = judged;
  if (!current) return undefined;
  const taints = noExecuteTaints(current);
  if (!taints) await markReachable(node, context);
  else if (node.spec?.taints?.some((taint) => sameTaint(taint, taints.remove))) await swapTaints(client, node, { add: [taints.add], remove: [taints.remove] }, { clock, signal });
  else if (!node.spec?.taints?.some((taint) => sameTaint(taint, taints.add))) lost.push(name);
  const fell = current.status !== 'True' && observed.status === 'True';
  if (fell) recorder.event(nodeRef(node), 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
  if (fell || (state.retry.has(name) && observed.status !== 'True')) {
    const marked = await Promise.allSettled(lister(pods).byIndex('nodeName', name).map((pod) => markNotReady(pod, context)));
    if (marked.some((result) => result.status === 'rejected')) state.retry.add(name);
    else state.retry.delete(name);
  } else state.retry.delete(name);
  return current.status;
}

/** Taints a node so that its pods leave, as soon as its zone's rate allows. */
async function giveUp(name: string, { client, clock, lister, signal }: ControllerContext, { zones }: State): Promise<{ requeueAfterMs?: number }> {
  const node = lister(nodes).get(name);
  const taints = node && noExecuteTaints(nodeCondition(node, 'Ready'));
  if (!taints || node.spec?.taints?.some((taint) => sameTaint(taint, taints.add))) return done;
  if (!zones.mayEvict(zoneOf(node))) return requeueAfter(100);
  await swapTaints(client, node, { add: [taints.add], remove: [taints.remove] }, { clock, signal });
  return done;
}

async function markReachable(node: Node, { client, clock, signal }: ControllerContext): Promise<void> {
  const remove = [{ key: unreachableKey, effect: 'NoExecute' }, { key: notReadyKey, effect: 'NoExecute' }];
  if (node.spec?.taints?.some((taint) => remove.some((r) => sameTaint(r, taint)))) await swapTaints(client, node, { add: [], remove }, { clock, signal });
}

/** A pod that was bound to a node after the node was given up. */
async function markLatePod(key: string, context: ControllerContext, { health }: State): Promise<void> {
  const pod = context.lister(pods).get(key);
  const ready = pod && health.get(pod.spec?.nodeName ?? '')?.ready;
  if (ready && ready.status !== 'True') await markNotReady(pod, context);
}

async function markNotReady(pod: Pod, { client, clock, recorder, signal }: ControllerContext): Promise<void> {
  const ready = podCondition(pod, 'Ready');
  if (!ready || ready.status === 'False') return;
  const conditions = pod.status!.conditions!.map((condition) => (condition === ready ? { ...ready, status: 'False', lastTransitionTime: formatTime(clock.now()) } : condition));
  try {
    await client.updateStatus(pods, { ...pod, status: { ...pod.status, conditions } }, { signal });
  } catch (error) {
    if (isNotFound(error)) return;
    throw error;
  }
  recorder.event(referenceTo(pods, pod), 'Warning', 'NodeNotReady', 'Node is not ready');
}

const nodeRef = (node: Node) => ({ apiVersion: 'v1', kind: 'Node', name: node.metadata.name, uid: node.metadata.uid });
