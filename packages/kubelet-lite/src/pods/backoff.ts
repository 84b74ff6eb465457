/** Exponential back-off per key, as client-go's flowcontrol.Backoff: doubling, capped, forgotten after twice the cap. */

interface Entry {
  delayMs: number;
  updatedAtMs: number;
}

export interface Backoff {
  /** Milliseconds still to wait since `eventMs` (0: none). */
  remainingMs(key: string, eventMs: number, nowMs: number): number;
  /** As `remainingMs`, counted from the last `next`. */
  remainingSinceUpdateMs(key: string, nowMs: number): number;
  /** Doubles the key's delay, or begins it; `eventMs` is when the failure happened. */
  next(key: string, eventMs: number, nowMs: number): void;
  /** The delay in force. */
  delayMs(key: string): number;
  /** Forgets keys that start with `prefix`. */
  forget(prefix: string): void;
}

export function createBackoff({ initialMs, maxMs }: { initialMs: number; maxMs: number }): Backoff {
  const entries = new Map<string, Entry>();
  const expired = (entry: Entry, eventMs: number) => eventMs - entry.updatedAtMs > maxMs * 2;
  return {
    remainingMs(key, eventMs, nowMs) {
      const entry = entries.get(key);
      if (!entry || expired(entry, eventMs)) return 0;
      return Math.max(0, eventMs + entry.delayMs - nowMs);
    },
    remainingSinceUpdateMs(key, nowMs) {
      const entry = entries.get(key);
      if (!entry || expired(entry, nowMs)) return 0;
      return Math.max(0, entry.updatedAtMs + entry.delayMs - nowMs);
    },
    next(key, eventMs, nowMs) {
      const entry = entries.get(key);
      const delayMs = entry && !expired(entry, eventMs) ? Math.min(entry.delayMs * 2, maxMs) : initialMs;
      entries.set(key, { delayMs, updatedAtMs: nowMs });
    },
    delayMs: (key) => entries.get(key)?.delayMs ?? 0,
    forget(prefix) {
      for (const key of entries.keys()) if (key.startsWith(prefix)) entries.delete(key);
    },
  };
}

/** Go's way of writing a duration of whole seconds: `10s`, `2m40s`, `5m0s`. */
export function formatGoSeconds(seconds: number): string {
  const h = Math.floor(seconds / 3600);
  const m = Math.floor((seconds % 3600) / 60);
  return `${h ? `${h}h` : ''}${h || m ? `${m}m` : ''}${seconds % 60}s`;
}
