/** A client that lists and watches as informers do, and notes everything it is told. */
import { realClock } from '@pilothouse/base';
import type { Change } from '@pilothouse/testing/histories/operations';
import type { Watched } from '@pilothouse/testing/histories/watches';
import type { ApiTarget } from './api-target.ts';
import { collection } from './clients.ts';

export interface Watcher {
  /** What it was told between one list and the next. */
  told: Watched[];
  /** How often it had to list anew, since the revision it had was too old. */
  relists(): number;
  /** Resolves when it was told all up to the revision; false when that takes longer than `limitMs`. */
  reached(revision: number, limitMs: number): Promise<boolean>;
  stop(): Promise<void>;
}

export function startWatcher(name: string, targets: readonly ApiTarget[], first: number): Watcher {
  const abort = new AbortController();
  const told: Watched[] = [];
  let at = first;
  let lists = 0;
  /** The one under way. */
  let current: { client: string; after: number; upTo: number; changes: Change[] } | undefined;

  const list = async (target: ApiTarget) => {
    const { status, body } = await target.call('GET', collection);
    if (status !== 200) throw new Error(`listing was answered ${status}`);
    lists++;
    const revision = Number(body.metadata.resourceVersion);
    current = { client: name, after: revision, upTo: revision, changes: [] };
    told.push(current);
  };
  const follow = async (target: ApiTarget) => {
    const from = current!;
    await target.watch(`${collection}?watch=true&allowWatchBookmarks=true&timeoutSeconds=30&resourceVersion=${from.upTo}`, ({ type, object }) => {
      if (type === 'ERROR') {
        if (object.code === 410) current = undefined;
        return;
      }
      const revision = Number(object.metadata.resourceVersion);
      if (type !== 'BOOKMARK') from.changes.push({ key: object.metadata.name, revision, value: type === 'DELETED' ? undefined : object.data.v });
      from.upTo = Math.max(from.upTo, revision);
    }, abort.signal);
  };
  const running = (async () => {
    while (!abort.signal.aborted) {
      const target = targets[at % targets.length];
      try {
        if (!current) await list(target);
        await follow(target);
      } catch {
        // The next one.
      }
      at++;
      await realClock.sleep(10);
    }
  })();
  return {
    told,
    relists: () => Math.max(0, lists - 1),
    async reached(revision, limitMs) {
      for (const until = realClock.monotonic() + limitMs; !current || current.upTo < revision; await realClock.sleep(20)) if (realClock.monotonic() > until) return false;
      return true;
    },
    async stop() {
      abort.abort();
      await running;
    },
  };
}
