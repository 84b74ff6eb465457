/** What a server holds for its clients: all of it must be as before once they are gone. */
import { realClock } from '@pilothouse/base';
import type { TargetServer } from '../fuzz/target.ts';

export interface Counts {
  watchers: number;
  /** Open TCP sockets of this process, those of its own clients included. */
  sockets: number;
  /** Requests that have a seat, or wait for one; as the metrics say. */
  seats: number;
  waiting: number;
  longRunning: number;
}

function sumOf(text: string, name: string): number {
  let sum = 0;
  for (const line of text.split('\n')) if (line.startsWith(`${name}{`)) sum += Number(line.slice(line.lastIndexOf(' ') + 1));
  return sum;
}

export function countsOf({ server, metrics }: TargetServer): Counts {
  const text = metrics.text();
  const caches = new Set(server.registry.all().flatMap(({ stored }) => (stored ? [stored.cache] : [])));
  return {
    watchers: [...caches].reduce((sum, cache) => sum + cache.watcherCount, 0),
    sockets: process.getActiveResourcesInfo().filter((name) => name.startsWith('TCPSocket') || name.startsWith('TLS')).length,
    seats: sumOf(text, 'apiserver_flowcontrol_current_executing_seats'),
    waiting: sumOf(text, 'apiserver_flowcontrol_current_inqueue_requests'),
    longRunning: sumOf(text, 'apiserver_longrunning_requests'),
  };
}

/** Waits until nothing is held beyond what was before; what still is after `withinMs`. */
export async function leftOver(target: TargetServer, before: Counts, withinMs = 5_000): Promise<string | undefined> {
  let left = '';
  for (let waited = 0; waited <= withinMs; waited += 50) {
    const now = countsOf(target);
    left = (Object.keys(before) as (keyof Counts)[]).filter((name) => now[name] > before[name]).map((name) => `${now[name] - before[name]} ${name}`).join(', ');
    if (!left) return undefined;
    await realClock.sleep(50);
  }
  return left;
}
