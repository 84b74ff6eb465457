/**
 * What simulated containers use: of the processor and of memory. The pod's annotation `pilothouse.dev/usage` says it of
 * the pod (`cpu=250m,memory=64Mi`); the annotation `pilothouse.dev/load` of a Service adds a load that the running pods
 * it selects share (`cpu=2`), so that more pods have less each to do. Limits on the processor hold. Both may be changed
 * at any time; without them a container uses next to nothing.
 */
import type { Container, Pod, Service } from '@pilothouse/api-schemas/types/core/v1';
import { matcherOfSet, milliValue, quantityValue } from '@pilothouse/apimachinery';

export const usageAnnotation = 'pilothouse.dev/usage';
export const loadAnnotation = 'pilothouse.dev/load';

export interface Amounts {
  cpuMilli: number;
  memoryBytes: number;
}

const idle: Amounts = { cpuMilli: 1, memoryBytes: 8 * 2 ** 20 };

/** `cpu=250m,memory=64Mi`; what is absent or cannot be read is undefined. */
export function parseAmounts(text: string | undefined): Partial<Amounts> {
  const amounts: Partial<Amounts> = {};
  for (const part of text?.split(',') ?? []) {
    const [name, amount = ''] = part.trim().split('=');
    try {
      if (name === 'cpu') amounts.cpuMilli = milliValue(amount);
      else if (name === 'memory') amounts.memoryBytes = quantityValue(amount);
    } catch {
      // An annotation is anybody's text.
    }
  }
  return amounts;
}

/** What the loads of services put on each of `running`, by uid. */
export function sharedLoads(services: readonly Service[], running: readonly Pod[]): Map<string, Amounts> {
  const shares = new Map<string, Amounts>();
  for (const { metadata, spec } of services) {
    const { cpuMilli = 0, memoryBytes = 0 } = parseAmounts(metadata.annotations?.[loadAnnotation]);
    if ((!cpuMilli && !memoryBytes) || !Object.keys(spec?.selector ?? {}).length) continue;
    const selector = matcherOfSet(spec!.selector!);
    const behind = running.filter((pod) => pod.metadata.namespace === metadata.namespace && selector.matches(pod.metadata.labels));
    for (const { metadata: { uid } } of behind) {
      const share = shares.get(uid!) ?? { cpuMilli: 0, memoryBytes: 0 };
      shares.set(uid!, { cpuMilli: share.cpuMilli + cpuMilli / behind.length, memoryBytes: share.memoryBytes + memoryBytes / behind.length });
    }
  }
  return shares;
}

/** What one of `count` running containers of a pod uses. */
export function containerUse(pod: Pod, container: Container | undefined, { count, load }: { count: number; load: Amounts | undefined }): Amounts {
  const told = parseAmounts(pod.metadata.annotations?.[usageAnnotation]);
  const cpuMilli = (told.cpuMilli === undefined ? idle.cpuMilli : told.cpuMilli / count) + (load?.cpuMilli ?? 0) / count;
  const memoryBytes = (told.memoryBytes === undefined ? idle.memoryBytes : told.memoryBytes / count) + (load?.memoryBytes ?? 0) / count;
  const limit = (container?.resources?.limits as Record<string, string> | undefined)?.cpu;
  return { cpuMilli: limit === undefined ? cpuMilli : Math.min(cpuMilli, milliValue(limit)), memoryBytes: Math.round(memoryBytes) };
}

/** Adds up what was used, by container: every look goes on from the one before. */
export interface UsageMeter {
  /** Core-nanoseconds so far, of a container that runs since `sinceMs`. */
  read(containerId: string, cpuMilli: number, sinceMs: number): number;
  /** Forgets containers that were not read since the last call. */
  sweep(): void;
}

export function createUsageMeter(now: () => number): UsageMeter {
  const readings = new Map<string, { ns: number; atMs: number; swept: boolean }>();
  return {
    read(containerId, cpuMilli, sinceMs) {
      const atMs = now();
      const last = readings.get(containerId) ?? { ns: 0, atMs: sinceMs };
      const ns = last.ns + Math.max(0, atMs - last.atMs) * cpuMilli * 1000;
      readings.set(containerId, { ns, atMs, swept: false });
      return ns;
    },
    sweep() {
      for (const [id, reading] of readings) {
        if (reading.swept) readings.delete(id);
        else reading.swept = true;
      }
    },
  };
}
