/** Finds out what happened in the runtime: by its events where it tells them, else by looking every second. */
import type { Runtime } from '@pilothouse/base';
import { isAbort, messageOf } from '@pilothouse/base';
import { type Cri, isUnimplemented } from './cri/contract.ts';
import { labelKeys } from './pods/sandbox-config.ts';
import type { RuntimeReader } from './pods/runtime-reader.ts';

export interface RelistOptions {
  runtime: Runtime;
  cri: Cri;
  reader: RuntimeReader;
  periodMs: number;
  /** With events, a relist only makes sure that none was lost. */
  periodWithEventsMs?: number;
  changed(podUid: string): void;
  signal: AbortSignal;
}

/** Runs until `signal` aborts. */
export async function followRuntime(options: RelistOptions): Promise<void> {
  const { runtime, cri, reader, signal, changed } = options;
  // Believed from the first event on, until the stream ends.
  let eventful = false;
  const events = (async () => {
    for (;;) {
      try {
        await cri.watchEvents((event) => {
          eventful = true;
          const uid = event.podSandboxStatus?.metadata?.uid || event.podSandboxStatus?.labels[labelKeys.podUid];
          if (uid) changed(uid);
        }, signal);
      } catch (error) {
        if (isUnimplemented(error)) return;
        if (!isAbort(error, signal)) runtime.log.debug('The runtime\'s events ended', { err: messageOf(error) });
      }
      eventful = false;
      if (signal.aborted) return;
      await runtime.clock.sleep(1000, signal).catch(() => undefined);
    }
  })();

  let before = new Map<string, string>();
  while (!signal.aborted) {
    try {
      const now = new Map([...(await reader.glance())].map(([uid, g]) => [uid, g.fingerprint] as const));
      for (const [uid, fingerprint] of now) if (before.get(uid) !== fingerprint) changed(uid);
      for (const uid of before.keys()) if (!now.has(uid)) changed(uid);
      before = now;
    } catch (error) {
      if (!signal.aborted) runtime.log.warn('Relisting the runtime failed', { err: messageOf(error) });
    }
    await runtime.clock.sleep(eventful ? (options.periodWithEventsMs ?? 300_000) : options.periodMs, signal).catch(() => undefined);
  }
  await events;
}
