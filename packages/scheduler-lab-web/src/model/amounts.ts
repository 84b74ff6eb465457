/** Amounts of resources as numbers and as short texts. Pure. */
import type { Container, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { milliValue, quantityValue } from '@pilothouse/apimachinery/quantity';

export interface Amounts {
  /** Thousandths of a core. */
  cpuMilli: number;
  memoryBytes: number;
}

const requestOf = (container: Container): Amounts => {
  const requests = container.resources?.requests;
  return { cpuMilli: requests?.cpu ? milliValue(requests.cpu) : 0, memoryBytes: requests?.memory ? quantityValue(requests.memory) : 0 };
};

const add = (a: Amounts, b: Amounts): Amounts => ({ cpuMilli: a.cpuMilli + b.cpuMilli, memoryBytes: a.memoryBytes + b.memoryBytes });
const most = (a: Amounts, b: Amounts): Amounts => ({ cpuMilli: Math.max(a.cpuMilli, b.cpuMilli), memoryBytes: Math.max(a.memoryBytes, b.memoryBytes) });

export const noAmounts: Amounts = { cpuMilli: 0, memoryBytes: 0 };

const known = new WeakMap<Pod, Amounts>();

/**
 * What a pod takes of its node: containers and sidecars together, or the most that starting needs; overhead on top;
 * pod-level requests before those of containers. Kept per object, since objects of informers never change.
 */
export function podRequests(pod: Pod): Amounts {
  const found = known.get(pod);
  if (found) return found;
  const spec = pod.spec;
  let running = (spec?.containers ?? []).map(requestOf).reduce(add, noAmounts);
  let starting = noAmounts;
  let sidecars = noAmounts;
  for (const container of spec?.initContainers ?? []) {
    const own = requestOf(container);
    if (container.restartPolicy === 'Always') {
      sidecars = add(sidecars, own);
      running = add(running, own);
      starting = most(starting, sidecars);
    } else starting = most(starting, add(sidecars, own));
  }
  let total = most(running, starting);
  const whole = spec?.resources?.requests;
  if (whole?.cpu) total = { ...total, cpuMilli: milliValue(whole.cpu) };
  if (whole?.memory) total = { ...total, memoryBytes: quantityValue(whole.memory) };
  const overhead = spec?.overhead;
  if (overhead) total = add(total, { cpuMilli: overhead.cpu ? milliValue(overhead.cpu) : 0, memoryBytes: overhead.memory ? quantityValue(overhead.memory) : 0 });
  known.set(pod, total);
  return total;
}

/** `1.5`, `250m`. */
export const cpuText = (milli: number): string => (milli >= 1000 || milli === 0 ? String(Math.round(milli / 10) / 100) : `${milli}m`);

/** `512Mi`, `1.5Gi`. */
export function memoryText(bytes: number): string {
  for (const [unit, size] of [['Ti', 2 ** 40], ['Gi', 2 ** 30], ['Mi', 2 ** 20], ['Ki', 2 ** 10]] as const) {
    if (bytes >= size) return `${Math.round((bytes / size) * 10) / 10}${unit}`;
  }
  return String(bytes);
}

/** Microseconds for people: `840 µs`, `1.2 ms`. */
export const durationText = (micros: number | undefined): string => (micros === undefined ? '' : micros < 1000 ? `${Math.round(micros)} µs` : micros < 1_000_000 ? `${(micros / 1000).toFixed(1)} ms` : `${(micros / 1_000_000).toFixed(2)} s`);

/** Since then: `4 s`, `3 min`, `2 h`, `5 d`. */
export function ageText(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}
