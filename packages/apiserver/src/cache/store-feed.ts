import { messageOf, type Runtime, type Scope } from '@pilothouse/base';
import { Compacted, type Entry, prefixRange, type Store } from '@pilothouse/storage';
import { UnreadableValue } from './encoding.ts';
import type { ResourceCache } from './resource-cache.ts';

const root = '/registry/';
const pageSize = 5_000;

/**
 * Brings the store's changes to the caches: one watch over all keys, so that one revision says how far every cache is.
 * When the watch breaks it is resumed; when history is gone everything is listed anew and the watches of clients end.
 */
export class StoreFeed {
  readonly #store: Store;
  readonly #runtime: Runtime;
  readonly #caches: ResourceCache[] = [];
  readonly #waiting = new Set<{ revision: number; resolve: () => void; reject: (error: unknown) => void }>();
  /** The change that cannot be read, and past which nothing is taken. */
  #stuck: UnreadableValue | undefined;
  /** Caches that are being loaded while events go on: what to apply afterwards. */
  readonly #loading = new Map<ResourceCache, { events: Parameters<ResourceCache['apply']>[0][] }>();
  #byPrefix = new Map<string, ResourceCache>();
  #revision = 0;
  #synced = false;

  constructor(store: Store, runtime: Runtime) {
    this.#store = store;
    this.#runtime = runtime;
  }

  /** Everything at or before this revision is in the caches. */
  get revision(): number {
    return this.#revision;
  }
  get synced(): boolean {
    return this.#synced;
  }
  /** Why the caches cannot follow the store; undefined while they can. */
  get problem(): Error | undefined {
    return this.#stuck;
  }

  /** Adds a cache; it is filled when the promise resolves. */
  async add(cache: ResourceCache): Promise<void> {
    if (!this.#synced) {
      this.#caches.push(cache);
      this.#byPrefix.set(cache.prefix, cache);
      return;
    }
    const pending = { events: [] };
    this.#loading.set(cache, pending);
    this.#byPrefix.set(cache.prefix, cache);
    const at = await this.#load([cache]);
    cache.loaded(at);
    this.#loading.delete(cache);
    for (const event of pending.events as Parameters<ResourceCache['apply']>[0][]) if (event.revision > at) cache.apply(event);
    cache.progress(this.#revision);
    this.#caches.push(cache);
  }

  remove(cache: ResourceCache): void {
    const at = this.#caches.indexOf(cache);
    if (at >= 0) this.#caches.splice(at, 1);
    if (this.#byPrefix.get(cache.prefix) === cache) this.#byPrefix.delete(cache.prefix);
    cache.endWatches();
  }

  /** Fills the caches and follows the store until the scope closes. Resolves once filled. */
  async start(scope: Scope): Promise<void> {
    await this.#relist();
    const abort = new AbortController();
    const following = this.#follow(abort.signal);
    scope.defer(async () => {
      abort.abort(new Error('the feed is closing'));
      await following;
      for (const cache of this.#caches) cache.endWatches();
    });
  }

  /** Resolves once the caches have reached the revision; `false` when that took longer than `timeoutMs`. @throws UnreadableValue when they cannot */
  async waitFor(revision: number, timeoutMs: number): Promise<boolean> {
    if (this.#revision >= revision) return true;
    if (this.#stuck) throw this.#stuck;
    return new Promise<boolean>((resolve, reject) => {
      const waiter = {
        revision,
        resolve: () => {
          timer.cancel();
          resolve(true);
        },
        reject: (error: unknown) => {
          timer.cancel();
          reject(error);
        },
      };
      const timer = this.#runtime.clock.after(timeoutMs, () => {
        this.#waiting.delete(waiter);
        resolve(false);
      });
      this.#waiting.add(waiter);
    });
  }

  async #follow(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      try {
        for await (const batch of this.#store.watch(prefixRange(root), { after: this.#revision, signal })) {
          failures = 0;
          for (const event of batch.events) {
            const cache = this.#cacheOf(event.key);
            if (!cache) continue;
            const loading = this.#loading.get(cache);
            if (loading) loading.events.push(event);
            else cache.apply(event);
          }
          this.#advance(batch.revision);
        }
        if (!signal.aborted) throw new Error('the store ended the watch');
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof UnreadableValue) this.#refuse(error);
        this.#runtime.log.warn('Watch on the store ended, resuming', { err: messageOf(error), revision: this.#revision });
        await this.#runtime.clock.sleep(Math.min(5_000, 50 * 2 ** failures++), signal).catch(() => {});
        if (!signal.aborted && (this.#stuck || error instanceof Compacted)) {
          await (this.#stuck ? this.#recover(this.#stuck) : this.#relist()).catch((err: unknown) => {
            if (err instanceof UnreadableValue) this.#refuse(err);
            this.#runtime.log.error('Listing the store failed', { err: messageOf(err) });
          });
        }
      }
    }
  }

  #refuse(error: UnreadableValue): void {
    this.#stuck = error;
    for (const waiter of this.#waiting) waiter.reject(error);
    this.#waiting.clear();
  }

  /** Lists everything anew once what could not be read is gone or readable. */
  async #recover({ key }: UnreadableValue): Promise<void> {
    const { entry } = await this.#store.get(key);
    if (entry) this.#cacheOf(key)?.check(entry);
    await this.#relist();
  }

  #advance(revision: number): void {
    if (revision <= this.#revision) return;
    this.#revision = revision;
    this.#stuck = undefined;
    for (const cache of this.#caches) cache.progress(revision);
    for (const waiter of this.#waiting) {
      if (waiter.revision > revision) continue;
      this.#waiting.delete(waiter);
      waiter.resolve();
    }
  }

  async #relist(): Promise<void> {
    const found = new Map<ResourceCache, Entry[]>(this.#caches.map((cache) => [cache, []]));
    let revision: number | undefined;
    let start = root;
    const { end } = prefixRange(root);
    for (;;) {
      const page = await this.#store.range({ start, end }, { limit: pageSize, ...(revision !== undefined && { revision }) });
      revision ??= page.revision;
      for (const entry of page.entries) {
        const cache = this.#cacheOf(entry.key);
        if (cache) found.get(cache)?.push(entry);
      }
      if (!page.more) break;
      start = `${page.entries[page.entries.length - 1].key}\0`;
    }
    for (const [cache, entries] of found) cache.replace(entries, revision);
    this.#synced = true;
    this.#stuck = undefined;
    this.#advance(revision);
  }

  async #load(caches: ResourceCache[]): Promise<number> {
    let at: number | undefined;
    for (const cache of caches) {
      let { start, end } = prefixRange(cache.prefix);
      for (;;) {
        const page = await this.#store.range({ start, end }, { limit: pageSize, ...(at !== undefined && { revision: at }) });
        at ??= page.revision;
        for (const entry of page.entries) cache.add(entry);
        if (!page.more) break;
        start = `${page.entries[page.entries.length - 1].key}\0`;
      }
    }
    return at ?? this.#revision;
  }

  /** The cache whose prefix the key begins with: `/registry/pods/` or, with two parts, `/registry/services/specs/`. */
  #cacheOf(key: string): ResourceCache | undefined {
    const first = key.indexOf('/', root.length);
    if (first < 0) return undefined;
    const one = this.#byPrefix.get(key.slice(0, first + 1));
    if (one) return one;
    const second = key.indexOf('/', first + 1);
    return second < 0 ? undefined : this.#byPrefix.get(key.slice(0, second + 1));
  }
}
