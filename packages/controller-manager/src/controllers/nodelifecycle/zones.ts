import type { Clock } from '@pilothouse/base';
import { type TokenBucket, tokenBucket } from '@pilothouse/client';
import type { ZoneState } from './plan.ts';

export interface ZoneRates {
  /** Nodes per second given up in a zone that is well (`node-eviction-rate`). */
  rate: number;
  /** The same where much of a large zone is gone (`secondary-node-eviction-rate`); a small zone then gives up none. */
  secondaryRate: number;
  /** More nodes than this make a zone large (`large-cluster-size-threshold`). */
  largeZone: number;
}

/** How fast nodes of each zone may be given up: when much fails at once, it is rather the network than the nodes. */
export interface Zones {
  /** Takes leave to give up one node of the zone. */
  mayEvict(zone: string): boolean;
  /** Judges all zones anew. `stopped`: everything just went dark, evictions end. `resumed`: something came back. */
  update(found: ReadonlyMap<string, { state: ZoneState; size: number }>): 'stopped' | 'resumed' | undefined;
}

export function createZones(clock: Clock, rates: ZoneRates): Zones {
  const zones = new Map<string, { state: ZoneState; bucket: TokenBucket | undefined }>();
  const bucketOf = (qps: number) => (qps > 0 ? tokenBucket(clock, { qps, burst: 1 }) : undefined);
  const rateIn = (state: ZoneState, size: number) => (state === 'PartialDisruption' ? (size > rates.largeZone ? rates.secondaryRate : 0) : rates.rate);
  const of = (zone: string) => {
    let entry = zones.get(zone);
    if (!entry) zones.set(zone, (entry = { state: 'Initial', bucket: bucketOf(rates.rate) }));
    return entry;
  };
  const set = (zone: string, state: ZoneState, qps: number) => zones.set(zone, { state, bucket: bucketOf(qps) });
  return {
    mayEvict: (zone) => of(zone).bucket?.tryTake() ?? false,
    update(found) {
      if (!found.size) return undefined;
      for (const zone of found.keys()) of(zone);
      for (const zone of [...zones.keys()]) if (!found.has(zone)) zones.delete(zone);
      const allDark = [...found.values()].every(({ state }) => state === 'FullDisruption');
      const allWereDark = [...zones.values()].every(({ state }) => state === 'FullDisruption');
      if (allDark && allWereDark) return undefined;
      if (allDark) {
        for (const zone of zones.keys()) set(zone, 'FullDisruption', 0);
        return 'stopped';
      }
      for (const [zone, { state, size }] of found) if (allWereDark || of(zone).state !== state) set(zone, state, rateIn(state, size));
      return allWereDark ? 'resumed' : undefined;
    },
  };
}
