import type { Runtime } from '@pilothouse/base';
import type { ServiceError } from '@grpc/grpc-js';
import type { Connection } from './connection.ts';
import { leaseMethod } from './messages.ts';

/** Leases shared by keys that expire at about the same time: one per key would cost etcd more than the keys do. */
export interface Leases {
  /** A lease that lasts at least `ttlSeconds`, and not much longer. */
  take(ttlSeconds: number): Promise<number>;
  /** To be called when etcd does not know a lease any more. */
  forget(id: number): void;
}

interface Lease {
  id: number;
  /** Monotonic milliseconds until which keys may be attached, for them to live long enough. */
  usableUntil: number;
  keys: number;
}

/** As upstream has it: shared for 60 s or 5 % of the time to live, by 1,000 keys. */
const sharedSeconds = 60;
const sharedPart = 0.05;
const keysPerLease = 1_000;

export function openLeases({ clock, random }: Runtime, connection: Connection): Leases {
  const leases = new Map<number, Promise<Lease>>();

  const grant = async (ttlSeconds: number): Promise<Lease> => {
    const extra = Math.min(sharedSeconds, Math.floor(ttlSeconds * sharedPart));
    const began = clock.monotonic();
    for (let attempt = 0; ; attempt++) {
      // Chosen here, below 2^53, so that it survives as a number.
      const id = 1 + random.below(2 ** 52);
      try {
        const granted = await connection.call(leaseMethod, { id, ttl: Math.ceil(ttlSeconds) + extra }, { writes: true });
        return { id: granted.id, usableUntil: began + extra * 1000, keys: 0 };
      } catch (error) {
        if (attempt > 3 || !/lease already exists/.test((error as ServiceError).details ?? '')) throw error;
      }
    }
  };

  return {
    async take(ttlSeconds) {
      for (const [ttl, pending] of leases) {
        if (ttl !== ttlSeconds) continue;
        const lease = await pending.catch(() => undefined);
        if (lease && lease.keys < keysPerLease && clock.monotonic() < lease.usableUntil) {
          lease.keys++;
          return lease.id;
        }
        if (leases.get(ttl) === pending) leases.delete(ttl);
      }
      let pending = leases.get(ttlSeconds);
      if (!pending) {
        pending = grant(ttlSeconds);
        leases.set(ttlSeconds, pending);
      }
      const lease = await pending;
      lease.keys++;
      return lease.id;
    },
    forget(id) {
      for (const [ttl, pending] of leases) void pending.then((lease) => lease.id === id && leases.delete(ttl), () => {});
    },
  };
}
