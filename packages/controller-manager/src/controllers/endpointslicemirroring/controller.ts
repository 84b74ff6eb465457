import { endpointSlices, endpoints, isNotFound, keyOf, services } from '@pilothouse/apimachinery';
import { messageOf } from '@pilothouse/base';
import { referenceTo } from '@pilothouse/client';
import { defineController, done, durationFlagMs, isNamespaceTerminating, itself, requeueAfter } from '@pilothouse/controller-runtime';
import { sliceOwner, sliceOwnerIndex, writeSlices } from '../endpointslice/controller.ts';
import { managedByLabel } from '../endpointslice/plan.ts';
import { createSliceTracker, type SliceTracker } from '../endpointslice/slice-tracker.ts';
import { isMirrored, mirrorManagedBy, planMirror } from './plan.ts';

/** Mirrors Endpoints made by hand into EndpointSlices. @see https://kubernetes.io/docs/concepts/services-networking/service/#endpointslice-mirroring */
export const endpointSliceMirroringController = defineController<SliceTracker>({
  name: 'endpointslice-mirroring-controller',
  aliases: ['endpointslicemirroring'],
  serviceAccount: 'endpointslicemirroring-controller',
  eventSource: 'endpoint-slice-mirroring-controller',
  watches: [
    {
      type: endpoints,
      keys(object, { deleted }, context) {
        const batchMs = deleted ? 0 : durationFlagMs(context, 'mirroring-endpointslice-updates-batch-period');
        if (batchMs === 0) return [keyOf(object)];
        context.enqueueAfter(keyOf(object), batchMs);
        return [];
      },
    },
    itself(services),
    { type: endpointSlices, indexes: sliceOwnerIndex, keys: (slice) => (slice.metadata.labels?.[managedByLabel] === mirrorManagedBy ? [sliceOwner(slice)] : []) },
  ],
  start(context) {
    const tracker = createSliceTracker();
    const stop = context.informer(endpointSlices).handle({ delete: (slice) => tracker.seenDeleted(sliceOwner(slice), slice) });
    context.signal.addEventListener('abort', stop, { once: true });
    return tracker;
  },
  async reconcile(key, { client, lister, recorder, signal, flags }, tracker) {
    const mirrored = lister(endpoints).get(key);
    const existing = lister(endpointSlices).byIndex('service', key).filter((slice) => slice.metadata.labels?.[managedByLabel] === mirrorManagedBy && !slice.metadata.deletionTimestamp);
    if (tracker.isStale(key, existing)) return requeueAfter(100);
    if (!mirrored || !isMirrored(mirrored, lister(services).get(key))) {
      for (const slice of existing) {
        await client.delete(endpointSlices, slice.metadata.name!, { namespace: slice.metadata.namespace, signal }).catch((error) => {
          if (!isNotFound(error)) throw error;
        });
        tracker.deleted(key, slice);
      }
      return done;
    }
    const plan = planMirror(mirrored, existing, { maxPerSubset: Number(flags['mirroring-max-endpoints-per-subset'] ?? 1000) });
    if (plan.skipped) recorder.event(referenceTo(endpoints, mirrored), 'Warning', 'TooManyAddressesToMirror', `A max of ${flags['mirroring-max-endpoints-per-subset'] ?? 1000} addresses can be mirrored to EndpointSlices per Endpoints subset. ${plan.skipped} addresses were skipped`);
    try {
      await writeSlices(plan, { client, tracker, owner: key, signal });
    } catch (error) {
      if (isNamespaceTerminating(error)) return done;
      if (!signal.aborted) recorder.event(referenceTo(endpoints, mirrored), 'Warning', 'FailedToUpdateEndpointSlices', `Error updating mirrored EndpointSlices for Endpoints ${key}: ${messageOf(error)}`);
      throw error;
    }
    return done;
  },
});
