import { formatTime, type Runtime } from '@pilothouse/base';
import type { Event } from '@pilothouse/api-schemas/types/core/v1';
import { apiVersionOf, events, isNotFound, type KubeObject, type ResourceType, StatusError } from '@pilothouse/apimachinery';
import type { Client, EventRecorder, ObjectRef } from '../contract.ts';
import { createEventCorrelator } from './correlator.ts';

export interface RecorderOptions {
  /** `replicaset-controller`, `kubelet`, `default-scheduler`. */
  component: string;
  /** The node, for a kubelet. */
  host?: string;
}

/** Events beyond this many waiting to be sent are dropped. */
const mostWaiting = 1000;
const mostTries = 12;
const retryMs = 10_000;

export interface ClosableRecorder extends EventRecorder {
  /** Stops sending; what waits is tried once and then given up. */
  close(): Promise<void>;
}

/** Records core/v1 Events about objects, one request after the other. */
export function createEventRecorder(client: Client, runtime: Runtime, options: RecorderOptions): ClosableRecorder {
  const { clock, log } = runtime;
  const random = runtime.random.fork(`events/${options.component}/${options.host ?? ''}`);
  let lastNanos = 0n;
  /** A time in nanoseconds that no earlier event of this recorder had; the clock itself counts milliseconds. */
  const nanos = () => {
    const now = BigInt(Math.floor(clock.now())) * 1_000_000n + BigInt(random.below(1_000_000));
    lastNanos = now > lastNanos ? now : lastNanos + 1n;
    return lastNanos;
  };
  const nameFor = (name: string | undefined) => `${name ?? ''}.${nanos().toString(16)}`;
  const correlator = createEventCorrelator(clock, (event) => nameFor(event.involvedObject.name));
  const waiting: Event[] = [];
  const closing = new AbortController();
  let sending: Promise<void> | undefined;

  const store = async (event: Event, patch: Partial<Event> | undefined): Promise<Event> => {
    const { namespace, name } = event.metadata;
    if (patch) {
      try {
        return await client.patch(events, name!, patch, { namespace, type: 'strategic' });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    return client.create(events, event);
  };

  const send = async (event: Event): Promise<void> => {
    const correlated = correlator.correlate(event);
    if (!correlated) return;
    for (let tries = 1; ; tries++) {
      try {
        correlator.stored(await store(correlated.event, correlated.patch));
        return;
      } catch (error) {
        const about = { reason: event.reason, object: `${event.involvedObject.kind} ${event.involvedObject.namespace ?? ''}/${event.involvedObject.name}` };
        if (error instanceof StatusError) return log.debug('Server rejected event', { ...about, why: error.message });
        if (tries >= mostTries || closing.signal.aborted) return log.warn('Could not write event', { ...about, err: error });
      }
      await clock.sleep(tries === 1 ? retryMs * random.next() : retryMs, closing.signal).catch(() => undefined);
    }
  };

  const drain = async () => {
    for (let event = waiting.shift(); event; event = waiting.shift()) await send(event);
    sending = undefined;
  };

  return {
    event(about, type, reason, message) {
      if (waiting.length >= mostWaiting) return log.warn('Dropped event, too many are waiting', { reason, name: about.name });
      const time = formatTime(clock.now());
      waiting.push({
        metadata: { name: nameFor(about.name), namespace: about.namespace || 'default' },
        involvedObject: about, reason, message, type,
        source: { component: options.component, ...(options.host && { host: options.host }) },
        reportingComponent: options.component, reportingInstance: options.host ?? '',
        firstTimestamp: time, lastTimestamp: time, count: 1,
      });
      sending ??= drain();
    },
    async flush() {
      while (sending) await sending;
    },
    async close() {
      closing.abort(new Error('the recorder is closing'));
      while (sending) await sending;
    },
  };
}

/** What an Event names as the object it is about. Objects from lists carry no kind, so the type says it. */
export function referenceTo<T extends KubeObject>(type: ResourceType<T>, object: T, fieldPath?: string): ObjectRef {
  const { namespace, name, uid, resourceVersion } = object.metadata;
  return { kind: type.kind, ...(namespace && { namespace }), name, uid, apiVersion: apiVersionOf(type.group, type.version), resourceVersion, ...(fieldPath && { fieldPath }) };
}
