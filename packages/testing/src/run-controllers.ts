/** Controllers against an in-process API server, on a clock that the test moves. */
import { type FakeClock, fakeClock, type Logger } from '@pilothouse/base';
import { type Client, createClient, createInformerFactory, createInProcessTransport } from '@pilothouse/client';
import { type ControllerDefinition, runControllers } from '@pilothouse/controller-runtime';
import { type InProcessApi, startApi, type StartApiOptions } from './in-process-cluster.ts';
import type { Trouble } from './troubled-api.ts';

export interface ControllerBench {
  api: InProcessApi;
  clock: FakeClock;
  /** An administrator's. */
  client: Client;
  /** Moves time on, letting everything that is due happen. Default 200 ms. */
  advance(ms?: number): Promise<void>;
  /** Moves time on until `condition` holds. @throws when it does not within `withinMs` of the clock's time (default 30 s) */
  until<T>(condition: () => Promise<T | undefined | false>, withinMs?: number): Promise<T>;
  /** Stops the controllers and starts them anew, with empty caches, as after a crash. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface BenchOptions extends StartApiOptions {
  flags?: Record<string, unknown>;
  log?: Logger;
  /** Stands between the controllers and the API server. */
  trouble?: Trouble;
}

export async function runOnBench(definitions: readonly ControllerDefinition<any>[], options: BenchOptions = {}): Promise<ControllerBench> {
  const clock = fakeClock();
  const api = await startApi({ ...options, clock });
  const handle = options.trouble?.(api.handle, { ...api.runtime, random: api.runtime.random.fork('trouble') }) ?? api.handle;
  let stop: () => Promise<void>;
  const start = async () => {
    const client = createClient(createInProcessTransport(handle, { certificate: { commonName: 'system:kube-controller-manager', organizations: ['system:masters'] } }), api.runtime, { userAgent: 'system:kube-controller-manager' });
    const informers = createInformerFactory(client, api.runtime);
    const abort = new AbortController();
    const running = runControllers(definitions, { client, informers, runtime: api.runtime, flags: options.flags, signal: abort.signal });
    stop = async () => {
      abort.abort(new Error('the bench is closing'));
      await settled(clock, Promise.all([running.stopped, informers.close()]));
      await client.close();
    };
    await settled(clock, running.started);
  };
  await start();
  const bench: ControllerBench = {
    api,
    clock,
    client: api.client(),
    async advance(ms = 200) {
      // In small steps, since one change leads to the next by promises that no timer waits for.
      const steps = Math.max(20, Math.min(200, Math.ceil(ms / 100)));
      for (let i = 0; i < steps; i++) await clock.advanceAsync(ms / steps);
    },
    async until(condition, withinMs = 30_000) {
      for (let waited = 0; ; waited += 50) {
        const found = await condition();
        if (found) return found;
        if (waited > withinMs) throw new Error(`the condition did not come to hold within ${withinMs} ms`);
        await clock.advanceAsync(50);
      }
    },
    async restart() {
      await stop();
      await start();
    },
    async close() {
      await stop();
      await api.close();
    },
  };
  return bench;
}

/** Moves a fake clock along until a promise settles. */
async function settled<T>(clock: FakeClock, promise: Promise<T>): Promise<T> {
  let open = true;
  void promise.finally(() => (open = false)).catch(() => undefined);
  while (open) await clock.advanceAsync(10);
  return promise;
}
