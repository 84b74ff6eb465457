/**
 * What becomes of an event before it is sent (client-go tools/record): the same text again raises a count, many texts
 * of one reason are folded into one event, and a source that floods an object is cut off.
 */
import { type Clock, formatTime } from '@pilothouse/base';
import type { Event } from '@pilothouse/api-schemas/types/core/v1';
import { type TokenBucket, tokenBucket } from '../token-bucket.ts';
import { Lru } from '../lru.ts';

const cacheSize = 4096;
/** From this many different texts within the interval on, events of one reason are folded. */
const aggregateFrom = 10;
const aggregateIntervalMs = 600_000;
/** Events one source may send about one object at once, and how fast that allowance comes back. */
const spamBurst = 25;
const spamPerSecond = 1 / 300;

export interface Correlated {
  event: Event;
  /** For an event that exists already: its changed fields. */
  patch?: Partial<Event>;
}

export interface EventCorrelator {
  /** Undefined: dropped as spam. */
  correlate(event: Event): Correlated | undefined;
  /** Notes what the server made of an event, so that the next one patches it. */
  stored(event: Event): void;
}

interface Observation {
  count: number;
  firstTimestamp: string;
  name: string;
}

export function createEventCorrelator(clock: Clock, nameOf: (event: Event) => string): EventCorrelator {
  const groups = new Lru<{ texts: Set<string>; lastMs: number }>(cacheSize);
  const observed = new Lru<Observation>(cacheSize);
  const buckets = new Lru<TokenBucket>(cacheSize);

  const aggregate = (event: Event): { event: Event; key: string } => {
    const groupKey = [sourceKey(event), event.type, event.reason, event.reportingComponent, event.reportingInstance].join('');
    const now = clock.now();
    const found = groups.get(groupKey);
    const group = found && now - found.lastMs <= aggregateIntervalMs ? found : { texts: new Set<string>(), lastMs: now };
    group.texts.add(event.message ?? '');
    group.lastMs = now;
    groups.set(groupKey, group);
    if (group.texts.size < aggregateFrom) return { event, key: eventKey(event) };
    group.texts.delete(group.texts.values().next().value!);
    const time = formatTime(now);
    const folded: Event = {
      metadata: { name: nameOf(event), namespace: event.metadata.namespace },
      involvedObject: event.involvedObject, reason: event.reason, type: event.type, source: event.source,
      message: `(combined from similar events): ${event.message}`,
      count: 1, firstTimestamp: time, lastTimestamp: time,
    };
    return { event: folded, key: groupKey };
  };

  const observe = (event: Event, key: string): Correlated => {
    const last = observed.get(key);
    let result: Correlated = { event };
    if (last && last.count > 0) {
      const again = { ...event, metadata: { ...event.metadata, name: last.name }, firstTimestamp: last.firstTimestamp, count: last.count + 1 };
      result = { event: again, patch: { count: again.count, lastTimestamp: again.lastTimestamp, message: again.message } };
    }
    observed.set(key, { count: result.event.count ?? 1, firstTimestamp: result.event.firstTimestamp ?? '', name: result.event.metadata.name! });
    return result;
  };

  const isSpam = (event: Event): boolean => {
    const key = sourceKey(event);
    const bucket = buckets.get(key) ?? tokenBucket(clock, { qps: spamPerSecond, burst: spamBurst });
    buckets.set(key, bucket);
    return !bucket.tryTake();
  };

  return {
    correlate(event) {
      const { event: aggregated, key } = aggregate(event);
      const result = observe(aggregated, key);
      return isSpam(result.event) ? undefined : result;
    },
    stored: (event) => observed.set(eventKey(event), { count: event.count ?? 1, firstTimestamp: event.firstTimestamp ?? '', name: event.metadata.name! }),
  };
}

function sourceKey({ source, involvedObject: about }: Event): string {
  return [source?.component, source?.host, about.kind, about.namespace, about.name, about.uid, about.apiVersion].join('');
}

function eventKey({ source, involvedObject: about, type, reason, message }: Event): string {
  return [source?.component, source?.host, about.kind, about.namespace, about.name, about.fieldPath, about.uid, about.apiVersion, type, reason, message].join('');
}
