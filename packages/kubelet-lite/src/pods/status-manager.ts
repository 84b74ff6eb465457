/** Brings pods' statuses to the API: one write at a time per pod, the newest wins, and nothing that is there already. */
import type { Pod, PodCondition, PodStatus } from '@pilothouse/api-schemas/types/core/v1';
import { isConflict, isNotFound, pods } from '@pilothouse/apimachinery';
import { formatTime, messageOf, type Runtime } from '@pilothouse/base';
import type { Client } from '@pilothouse/client';
import { isKubeletCondition } from './conditions.ts';

export interface StatusManager {
  /** The status is to be `status`; conditions get their times here. */
  set(pod: Pod, status: PodStatus): void;
  /** What was set last. */
  get(uid: string): PodStatus | undefined;
  /** Deletes the API object with grace 0 once its status is written. The pod must have ended and be marked deleted. */
  finish(pod: Pod): void;
  forget(uid: string): void;
  /** Resolves when nothing is left to write, or could not be. */
  flush(): Promise<void>;
  close(): void;
}

interface Entry {
  pod: Pod;
  status: PodStatus;
  /** JSON of what the API holds, as far as known. */
  written: PodStatus;
  dirty: boolean;
  finish: boolean;
  busy?: Promise<void>;
  failures: number;
}

const sameJson = (a: unknown, b: unknown) => a === b || JSON.stringify(a) === JSON.stringify(b);

export function createStatusManager({ client, runtime }: { client: Client; runtime: Runtime }): StatusManager {
  const { clock, log } = runtime;
  const entries = new Map<string, Entry>();
  let closed = false;

  /** Conditions keep the time of their last turn. */
  const timed = (status: PodStatus, before: PodStatus | undefined): PodStatus => {
    const now = formatTime(clock.now());
    const conditions = status.conditions?.map((c): PodCondition => {
      const old = before?.conditions?.find((o) => o.type === c.type);
      return { ...c, lastTransitionTime: old && old.status === c.status ? (old.lastTransitionTime ?? now) : (c.lastTransitionTime ?? now) };
    });
    return { ...status, ...(conditions && { conditions }) };
  };

  const work = (entry: Entry) => {
    entry.busy ??= write(entry).finally(() => {
      entry.busy = undefined;
      if ((entry.dirty || entry.finish) && !closed && entry.failures === 0) work(entry);
    });
  };

  async function write(entry: Entry): Promise<void> {
    const { metadata } = entry.pod;
    const { namespace, name, uid } = metadata as { namespace: string; name: string; uid: string };
    let finishing = false;
    try {
      if (entry.dirty) {
        entry.dirty = false;
        const target = entry.status;
        const patch = statusPatch(target, entry.written);
        if (patch) {
          const answer = await client.patch<Pod>(pods, name, { metadata: { uid }, status: patch }, { namespace, subresource: 'status', type: 'strategic' });
          entry.written = answer?.status ?? target;
        }
      }
      entry.failures = 0;
      if (entry.finish && !entry.dirty) {
        entry.finish = false;
        finishing = true;
        await client.delete(pods, name, { namespace, gracePeriodSeconds: 0, preconditions: { uid } });
      }
    } catch (error) {
      // Gone, or another pod of that name: nothing to tell any more.
      if (isNotFound(error) || (finishing && isConflict(error))) {
        entry.dirty = false;
        entry.finish = false;
        return;
      }
      entry.failures++;
      if (finishing) entry.finish = true;
      else entry.dirty = true;
      if (closed) return;
      log.warn('Writing a pod status failed', { pod: `${namespace}/${name}`, err: messageOf(error) });
      clock.after(Math.min(10_000, 200 * 2 ** entry.failures), () => {
        if (!closed && entries.get(uid) === entry) work(entry);
      });
    }
  }

  const entryOf = (pod: Pod): Entry => {
    const uid = pod.metadata.uid!;
    let entry = entries.get(uid);
    if (!entry) entries.set(uid, (entry = { pod, status: pod.status ?? {}, written: pod.status ?? {}, dirty: false, finish: false, failures: 0 }));
    entry.pod = pod;
    return entry;
  };

  return {
    set(pod, status) {
      const entry = entryOf(pod);
      const next = timed(status, entry.status);
      if (sameJson(next, entry.status) && !entry.dirty) return;
      entry.status = next;
      entry.dirty = true;
      work(entry);
    },
    get: (uid) => entries.get(uid)?.status,
    finish(pod) {
      const entry = entryOf(pod);
      if (entry.finish) return;
      entry.finish = true;
      work(entry);
    },
    forget: (uid) => void entries.delete(uid),
    async flush() {
      for (;;) {
        const busy = [...entries.values()].map((e) => e.busy).filter(Boolean);
        if (!busy.length) return;
        await Promise.all(busy);
      }
    },
    close() {
      closed = true;
    },
  };
}

/** Lists that a strategic patch would merge by key. */
const keyedLists = { podIPs: 'ip', hostIPs: 'ip' } as const;

/** The strategic merge patch from `from` to `to`; undefined: nothing to do. Conditions of others are left to them. */
export function statusPatch(to: PodStatus, from: PodStatus): Record<string, unknown> | undefined {
  const patch: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(to), ...Object.keys(from)]) as Set<keyof PodStatus>) {
    if (key === 'conditions' || key === 'nominatedNodeName' || sameJson(canonical(to[key]), canonical(from[key]))) continue;
    if (to[key] === undefined) patch[key] = null;
    else if (key in keyedLists && (from[key] as unknown[] | undefined)?.length) patch[key] = [...(to[key] as unknown[]), { $patch: 'replace' }];
    else if (Array.isArray(to[key]) || typeof to[key] !== 'object') patch[key] = to[key];
    else patch[key] = from[key] === undefined ? to[key] : { ...(to[key] as object), $patch: 'replace' };
  }
  const conditions: unknown[] = [];
  for (const c of to.conditions ?? []) {
    if (!isKubeletCondition(c.type)) continue;
    const old = from.conditions?.find((o) => o.type === c.type);
    if (sameJson(canonical(c), canonical(old))) continue;
    const cleared = Object.fromEntries(['reason', 'message'].filter((k) => old?.[k as 'reason'] !== undefined && c[k as 'reason'] === undefined).map((k) => [k, null]));
    conditions.push({ ...c, ...cleared });
  }
  for (const old of from.conditions ?? []) if (isKubeletCondition(old.type) && !to.conditions?.some((c) => c.type === old.type)) conditions.push({ type: old.type, $patch: 'delete' });
  if (conditions.length) {
    patch.conditions = conditions;
    patch['$setElementOrder/conditions'] = (to.conditions ?? []).map(({ type }) => ({ type }));
  }
  return Object.keys(patch).length ? patch : undefined;
}

/** With keys in order and without what is undefined, null or an empty object: how equal things compare equal. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value ?? undefined;
  const entries = Object.entries(value).filter(([, v]) => v !== undefined && v !== null).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([k, v]) => [k, canonical(v)]));
}
