import type { EndpointSlice } from '@pilothouse/api-schemas/types/discovery/v1';
import { endpointSlices, isNotFound, type KubeObject, keyOf, nodes, pods, services } from '@pilothouse/apimachinery';
import { clone, type Client, referenceTo } from '@pilothouse/client';
import { messageOf } from '@pilothouse/base';
import { defineController, done, isNamespaceTerminating, itself, nodeCondition, readOnly, requeueAfter, type Watch, durationFlagMs } from '@pilothouse/controller-runtime';
import { managedBy, managedByLabel, planServiceSlices, serviceNameLabel, type SlicePlan } from './plan.ts';
import { isSelecting, podsOf, servicesBySelector, servicesOfPods, triggerTimeAnnotation } from './pods.ts';
import { createSliceTracker, type SliceTracker } from './slice-tracker.ts';
import { createTopologyHints, type TopologyHints } from './topology.ts';
import { createTriggerTimes, type TriggerTimes } from './trigger-time.ts';

/** Changes of slices by others are looked at after this long, so that several are handled at once. */
const sliceChangeDelayMs = 1000;
const zoneLabel = 'topology.kubernetes.io/zone';

interface State {
  tracker: SliceTracker;
  triggers: TriggerTimes;
  topology: TopologyHints;
}

export const sliceOwnerIndex = { service: (slice: EndpointSlice): string[] => [sliceOwner(slice)] };
export const sliceOwner = (slice: KubeObject): string => `${slice.metadata.namespace}/${slice.metadata.labels?.[serviceNameLabel] ?? ''}`;

/** Keeps the EndpointSlices of services that select pods. @see https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/ */
export const endpointSliceController = defineController<State>({
  name: 'endpointslice-controller',
  aliases: ['endpointslice'],
  serviceAccount: 'endpointslice-controller',
  eventSource: 'endpoint-slice-controller',
  watches: [
    itself(services, { indexes: servicesBySelector }),
    servicesOfPods(pods, (context) => durationFlagMs(context, 'endpointslice-updates-batch-period')) as Watch,
    readOnly(nodes),
    {
      type: endpointSlices,
      indexes: sliceOwnerIndex,
      keys(slice, { old, deleted }, context) {
        const touches = (s: KubeObject) => s.metadata.labels?.[managedByLabel] === managedBy && s.metadata.labels?.[serviceNameLabel];
        if (touches(slice)) context.enqueueAfter(sliceOwner(slice), deleted ? 0 : sliceChangeDelayMs);
        if (old && touches(old) && (!touches(slice) || sliceOwner(old) !== sliceOwner(slice))) context.enqueueAfter(sliceOwner(old), sliceChangeDelayMs);
        return [];
      },
    },
  ],
  start(context) {
    const state = { tracker: createSliceTracker(), triggers: createTriggerTimes(), topology: createTopologyHints() };
    const lookAtNodes = () => {
      state.topology.setNodes(context.lister(nodes).list());
      for (const key of state.topology.overloaded()) context.enqueue(key);
    };
    const stopNodes = context.informer(nodes).handle({
      add: (_, initial) => !initial && lookAtNodes(),
      update: (node, old) => (nodeCondition(node, 'Ready')?.status !== nodeCondition(old, 'Ready')?.status || node.metadata.labels?.[zoneLabel] !== old.metadata.labels?.[zoneLabel]) && lookAtNodes(),
      delete: lookAtNodes,
    });
    lookAtNodes();
    context.signal.addEventListener('abort', stopNodes, { once: true });
    const stop = context.informer(endpointSlices).handle({ delete: (slice) => state.tracker.seenDeleted(sliceOwner(slice), slice) });
    context.signal.addEventListener('abort', stop, { once: true });
    return state;
  },
  async reconcile(key, context, { tracker, triggers, topology }) {
    const { client, lister, recorder, signal, flags } = context;
    const service = lister(services).get(key);
    if (!service) {
      tracker.forget(key);
      triggers.forget(key);
      for (const type of ['IPv4', 'IPv6'] as const) topology.remove(key, type);
      return done;
    }
    if (!isSelecting(service)) return done;
    const ours = lister(endpointSlices).byIndex('service', key).filter((slice) => slice.metadata.labels?.[managedByLabel] === managedBy && !slice.metadata.deletionTimestamp);
    if (tracker.isStale(key, ours)) return requeueAfter(100);
    const selected = podsOf(service, lister(pods));
    const plan = planServiceSlices(service, selected, ours, {
      maxPerSlice: Number(flags['max-endpoints-per-slice'] ?? 100),
      topology,
      nodes: {
        zoneOf(name) {
          const node = lister(nodes).get(name);
          return node && { zone: node.metadata.labels?.[zoneLabel] };
        },
      },
    });
    try {
      await writeSlices(plan, { client, tracker, owner: key, trigger: triggers.next(service, selected), creating: !service.metadata.deletionTimestamp, signal });
    } catch (error) {
      if (isNamespaceTerminating(error)) return done;
      if (!signal.aborted) recorder.event(referenceTo(services, service), 'Warning', 'FailedToUpdateEndpointSlices', `Error updating Endpoint Slices for Service ${keyOf(service)}: ${messageOf(error)}`);
      throw error;
    }
    for (const { type, reason, message } of plan.events) recorder.event(referenceTo(services, service), type, reason, message);
    if (!plan.problems.length) return done;
    const text = plan.problems.length === 1 ? plan.problems[0] : `[${plan.problems.join(', ')}]`;
    recorder.event(referenceTo(services, service), 'Warning', 'FailedToUpdateEndpointSlices', `Error updating Endpoint Slices for Service ${keyOf(service)}: ${text}`);
    return requeueAfter(1000);
  },
});

/** Carries a plan out: creations, changes, deletions, stopping at the first failure. */
export async function writeSlices(plan: SlicePlan, options: { client: Client; tracker: SliceTracker; owner: string; trigger?: string; creating?: boolean; signal: AbortSignal }): Promise<void> {
  const { client, tracker, owner, trigger, signal } = options;
  const stamped = (slice: EndpointSlice): EndpointSlice => {
    const { [triggerTimeAnnotation]: _, ...annotations } = slice.metadata.annotations ?? {};
    const copy = clone({ ...slice, metadata: { ...slice.metadata, annotations: { ...annotations, ...(trigger && { [triggerTimeAnnotation]: trigger }) } } });
    // An empty list is written as the absence it means to Go clients.
    return { ...copy, endpoints: copy.endpoints?.length ? copy.endpoints : (null as never), ports: copy.ports?.length ? copy.ports : (null as never) };
  };
  if (options.creating !== false) for (const slice of plan.create) tracker.written(owner, await client.create(endpointSlices, stamped(slice), { signal }));
  for (const slice of plan.update) tracker.written(owner, await client.update(endpointSlices, stamped(slice), { signal }));
  for (const slice of plan.delete) {
    await client.delete(endpointSlices, slice.metadata.name!, { namespace: slice.metadata.namespace, signal }).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
    tracker.deleted(owner, slice);
  }
}
