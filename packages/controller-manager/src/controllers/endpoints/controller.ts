import { messageOf } from '@pilothouse/base';
import { endpoints, isNotFound, keyOf, pods, services, splitKey } from '@pilothouse/apimachinery';
import { clone, referenceTo } from '@pilothouse/client';
import { defineController, done, isNamespaceTerminating, itself, requeueAfter, type Watch, durationFlagMs } from '@pilothouse/controller-runtime';
import { isSelecting, podsOf, servicesBySelector, servicesOfPods } from '../endpointslice/pods.ts';
import { createTriggerTimes, type TriggerTimes } from '../endpointslice/trigger-time.ts';
import { isLeaderElectionRecord, planEndpoints } from './plan.ts';

interface State {
  triggers: TriggerTimes;
  /** Resource versions that were overwritten: a cache that still shows one is stale. */
  overwritten: Map<string, string>;
}

/** Keeps the Endpoints of services that select pods. @see https://kubernetes.io/docs/concepts/services-networking/service/#endpoints */
export const endpointsController = defineController<State>({
  name: 'endpoints-controller',
  aliases: ['endpoint'],
  serviceAccount: 'endpoint-controller',
  eventSource: 'endpoint-controller',
  watches: [
    itself(services, { indexes: servicesBySelector }),
    servicesOfPods(pods, (context) => durationFlagMs(context, 'endpoint-updates-batch-period')) as Watch,
    // Deletions by others are mended. At the start, what is left over of services that are gone is found; what is made by hand later stays.
    { type: endpoints, keys: (object, { deleted, initial }) => (deleted || initial ? (isLeaderElectionRecord(object) ? [] : [keyOf(object)]) : []) },
  ],
  start: () => ({ triggers: createTriggerTimes(), overwritten: new Map() }),
  async reconcile(key, { client, lister, recorder, signal }, { triggers, overwritten }) {
    const service = lister(services).get(key);
    const current = lister(endpoints).get(key);
    if (!service) {
      triggers.forget(key);
      overwritten.delete(key);
      if (!current || isLeaderElectionRecord(current)) return done;
      const { namespace, name } = splitKey(key);
      await client.delete(endpoints, name, { namespace, preconditions: { uid: current.metadata.uid }, signal }).catch((error) => {
        if (!isNotFound(error)) throw error;
      });
      return done;
    }
    if (!isSelecting(service)) return done;
    if (current && overwritten.get(key) === current.metadata.resourceVersion) return requeueAfter(100);
    const selected = podsOf(service, lister(pods));
    const next = planEndpoints(service, selected, current, triggers.next(service, selected));
    if (!next) return done;
    try {
      if (!current) await client.create(endpoints, clone(next), { signal });
      else {
        const written = await client.update(endpoints, clone(next), { signal });
        if (written.metadata.resourceVersion !== current.metadata.resourceVersion) overwritten.set(key, current.metadata.resourceVersion!);
      }
    } catch (error) {
      if (isNamespaceTerminating(error)) return done;
      if (!signal.aborted) recorder.event(referenceTo(endpoints, next), 'Warning', current ? 'FailedToUpdateEndpoint' : 'FailedToCreateEndpoint', current ? `Failed to update endpoint ${key}: ${messageOf(error)}` : `Failed to create endpoint for service ${key}: ${messageOf(error)}`);
      throw error;
    }
    return done;
  },
});
