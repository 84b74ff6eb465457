/** Two measurements make a usage: the processor's rate between them, and the memory of the later. Pure. */
import type { Measurements, Point } from './parse.ts';

export interface Usage {
  /** When the later measurement was taken. */
  atMs: number;
  windowMs: number;
  /** Billionths of a core. */
  cpuNano: number;
  memoryBytes: number;
}

export interface UsageStore {
  /** Takes a round of measurements; what it does not have is forgotten. */
  add(round: Measurements): void;
  node(name: string): Usage | undefined;
  /** By container; undefined while a container has been measured only once. */
  pod(namespace: string, name: string): ReadonlyMap<string, Usage> | undefined;
}

/** A container that started between two rounds is counted from its start once it has run so long. */
const leastMs = 10_000;

function usageOf(before: Point | undefined, after: Point, roundMs: number): Usage | undefined {
  const continued = before && before.startMs === after.startMs && before.cpuSeconds <= after.cpuSeconds && before.atMs < after.atMs ? before : undefined;
  const ranMs = after.atMs - after.startMs;
  const fresh = after.startMs > 0 && ranMs >= leastMs && ranMs < roundMs ? { atMs: after.startMs, cpuSeconds: 0 } : undefined;
  const from = continued ?? fresh;
  if (!from) return undefined;
  const windowMs = after.atMs - from.atMs;
  return { atMs: after.atMs, windowMs, cpuNano: Math.round(((after.cpuSeconds - from.cpuSeconds) * 1e12) / windowMs), memoryBytes: after.memoryBytes };
}

/** @param roundMs how often measurements are taken */
export function createUsageStore(roundMs: number): UsageStore {
  let before: Measurements = { nodes: new Map(), pods: new Map() };
  let after = before;
  return {
    add(round) {
      // A point that was not taken anew is compared with the one before it, as it was.
      const keep = (kept: ReadonlyMap<string, Point> | undefined, last: ReadonlyMap<string, Point> | undefined, now: ReadonlyMap<string, Point>) =>
        new Map([...now].flatMap(([name, point]) => {
          const previous = last?.get(name)?.atMs === point.atMs ? kept?.get(name) : last?.get(name);
          return previous ? [[name, previous] as const] : [];
        }));
      const pods = new Map([...round.pods].map(([pod, containers]) => [pod, keep(before.pods.get(pod), after.pods.get(pod), containers)] as const));
      before = { nodes: keep(before.nodes, after.nodes, round.nodes), pods };
      after = round;
    },
    node(name) {
      const point = after.nodes.get(name);
      return point && usageOf(before.nodes.get(name), point, roundMs);
    },
    pod(namespace, name) {
      const key = `${namespace}/${name}`;
      const containers = after.pods.get(key);
      if (!containers?.size) return undefined;
      const usages = new Map<string, Usage>();
      for (const [container, point] of containers) {
        const usage = usageOf(before.pods.get(key)?.get(container), point, roundMs);
        if (!usage) return undefined;
        usages.set(container, usage);
      }
      return usages;
    },
  };
}
