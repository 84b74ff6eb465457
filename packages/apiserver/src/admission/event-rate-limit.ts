import { tooManyRequestsError } from '@pilothouse/apimachinery';
import type { AdmissionAttributes, AdmissionPlugin } from '../contract.ts';
import { isAbout } from './refuse.ts';

export interface EventLimit {
  type: 'Server' | 'Namespace' | 'User' | 'SourceAndObject';
  qps: number;
  burst: number;
  /** Buckets kept; default 4096. */
  cacheSize?: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

function keyOf(type: EventLimit['type'], a: AdmissionAttributes): string {
  if (type === 'Namespace') return a.namespace;
  if (type === 'User') return a.user.name;
  if (type === 'Server') return '';
  const { source = {}, involvedObject: o = {}, reportingController = '', reportingInstance = '', regarding = o } = a.object ?? {};
  return [source.component ?? reportingController, source.host ?? reportingInstance, regarding.kind, regarding.namespace, regarding.name, regarding.uid, regarding.apiVersion].map((p) => p ?? '').join('');
}

/** Events are no way to fill the store: so many per second, per server, namespace, user or thing. Off unless asked for. */
export function eventRateLimit(limits: readonly EventLimit[]): AdmissionPlugin {
  const buckets = limits.map(() => new Map<string, Bucket>());
  function take(limit: EventLimit, held: Map<string, Bucket>, key: string, nowMs: number): boolean {
    const bucket = held.get(key) ?? { tokens: limit.burst, atMs: nowMs };
    bucket.tokens = Math.min(limit.burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * limit.qps);
    bucket.atMs = nowMs;
    // Put last again: the one longest unused goes first.
    held.delete(key);
    held.set(key, bucket);
    if (held.size > (limit.cacheSize ?? 4096)) held.delete(held.keys().next().value!);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }
  return {
    name: 'EventRateLimit',
    operations: ['CREATE', 'UPDATE'],
    validate(a) {
      if (!(isAbout(a, 'events') || isAbout(a, 'events.k8s.io/events')) || a.dryRun) return;
      const nowMs = a.clock.monotonic();
      const reached = limits.filter((limit, i) => !take(limit, buckets[i], keyOf(limit.type, a), nowMs));
      if (reached.length) throw tooManyRequestsError(reached.map((l) => `limit reached on type ${l.type} for key ${keyOf(l.type, a)}`).join('; '), 10);
    },
  };
}
