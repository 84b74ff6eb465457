/**
 * Events as kube-scheduler writes them: events.k8s.io/v1, each sent by itself; the same thing said again about the same pod becomes a
 * series on the first event (client-go tools/events). They show in core/v1 too, where `kubectl describe` reads them.
 */
import type { ObjectReference, Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { Event } from '@pilothouse/api-schemas/types/events/v1';
import { eventsEvents, isNotFound, pods } from '@pilothouse/apimachinery';
import { formatMicroTime, type Runtime, type Timer } from '@pilothouse/base';
import { type Client, referenceTo } from '@pilothouse/client';

export interface EventDetails {
  type: 'Normal' | 'Warning';
  reason: string;
  /** What was being done: `Scheduling`, `Binding`, `Preempting`. */
  action: string;
  note: string;
  /** Another pod that has to do with it. */
  related?: Pod;
}

export interface PodEvents {
  /** Never throws and never waits. */
  record(about: Pod, details: EventDetails): void;
  /** Sends what waits, then stops. Repeatable. */
  close(): Promise<void>;
}

export interface EventOptions {
  /** Where the pod names no scheduler. */
  controller: string;
  hostname: string;
  /** Whether there is more urgent work for the API server: events then trickle. Default: never. */
  busy?: () => boolean;
}

/** Beyond this many waiting, events are dropped. */
const mostWaiting = 100_000;
/** Events remembered, to tell what was said before. */
const mostKnown = 8192;
/** Requests at once. */
const mostSending = 8;
/** While there is more urgent work one is sent each so often: upstream's 50 a second. */
const busyEveryMs = 20;
/** An event that was not said again for this long is no series any more. */
const finishedMs = 6 * 60_000;
/** A series that goes on is written at least this often. */
const refreshMs = 30 * 60_000;
const longestNote = 1024;

interface Known {
  readonly event: Event;
  lastMs: number;
}

export function createPodEvents(client: Client, { clock, log, random }: Runtime, options: EventOptions): PodEvents {
  const known = new Map<string, Known>();
  const waiting: Event[] = [];
  const idle = new Set<() => void>();
  const chance = random.fork('events');
  let sending = 0;
  let closed = false;
  let lastNanos = 0n;
  /** The clock counts milliseconds; names need to differ within one. */
  const nanos = () => {
    const now = BigInt(Math.floor(clock.now())) * 1_000_000n + BigInt(chance.below(1_000_000));
    lastNanos = now > lastNanos ? now : lastNanos + 1n;
    return lastNanos;
  };

  const store = async (event: Event): Promise<void> => {
    const { name, namespace } = event.metadata;
    if (event.series) {
      try {
        await client.patch(eventsEvents, name!, { series: event.series }, { namespace, type: 'merge' });
        return;
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    await client.create(eventsEvents, event);
  };
  let pause: Timer | undefined;
  const pump = () => {
    while (waiting.length && sending < mostSending && !pause) {
      if (!closed && options.busy?.()) {
        pause = clock.after(busyEveryMs, () => {
          pause = undefined;
          pump();
        });
      }
      const event = waiting.shift()!;
      sending++;
      store(event)
        .catch((error) => {
          if (!closed) log.warn('Could not write event', { reason: event.reason, regarding: `${event.regarding?.namespace}/${event.regarding?.name}`, err: error });
        })
        .finally(() => {
          sending--;
          pump();
          if (!sending && !waiting.length) for (const resolve of [...idle]) resolve();
        });
    }
  };
  const send = (event: Event) => {
    if (waiting.length >= mostWaiting) {
      log.warn('Dropped event, too many are waiting', { reason: event.reason });
      return;
    }
    waiting.push({ ...event });
    pump();
  };
  const forgetOldest = () => {
    const [key, { event }] = known.entries().next().value!;
    known.delete(key);
    if (event.series) send(event);
  };
  const seriesAt = (count: number) => ({ count, lastObservedTime: formatMicroTime(clock.now()) });
  const finish = clock.every(finishedMs, () => {
    for (const [key, { event, lastMs }] of known) {
      if (clock.now() - lastMs < finishedMs) continue;
      known.delete(key);
      if (event.series) send(event);
    }
  });
  const refresh = clock.every(refreshMs, () => {
    for (const { event } of known.values()) if (event.series) send(event);
  });

  return {
    record(about, { type, reason, action, note, related }) {
      if (closed) return;
      const regarding = referenceTo(pods, about) as ObjectReference;
      const key = [about.metadata.uid, type, action, reason, related?.metadata.uid].join('\n');
      const before = known.get(key);
      if (before) {
        before.lastMs = clock.now();
        if (before.event.series) before.event.series = seriesAt(before.event.series.count + 1);
        else {
          before.event.series = seriesAt(2);
          send(before.event);
        }
        return;
      }
      const controller = (related ?? about).spec?.schedulerName || options.controller;
      const event: Event = {
        metadata: { name: `${about.metadata.name}.${nanos().toString(16)}`, namespace: about.metadata.namespace },
        eventTime: formatMicroTime(clock.now()),
        reportingController: controller,
        reportingInstance: `${controller}-${options.hostname}`,
        action, reason, regarding, type,
        ...(related && { related: referenceTo(pods, related) as ObjectReference }),
        note: note.length > longestNote ? `${note.slice(0, longestNote - 4)} ...` : note,
      };
      known.set(key, { event, lastMs: clock.now() });
      if (known.size > mostKnown) forgetOldest();
      send(event);
    },
    async close() {
      closed = true;
      pause?.cancel();
      pause = undefined;
      pump();
      finish.cancel();
      refresh.cancel();
      while (sending || waiting.length) await new Promise<void>((resolve) => idle.add(resolve));
    },
  };
}
