import type { WatchEventType } from '@pilothouse/apimachinery';
import type { CachedObject } from './cached-object.ts';
import type { CacheEvent } from './event-ring.ts';
import type { ExactTerm } from './value-index.ts';

/** Which objects a list or a watch is about. */
export interface Selection {
  /** '' for all namespaces. */
  namespace: string;
  /** '' for any. Set where a field selector or the path names one object. */
  name: string;
  /** Labels and fields; absent: everything. */
  matches?: (object: CachedObject) => boolean;
  /** What everything selected has in common; `matches` still decides. */
  exact?: ExactTerm;
}

/** One thing for a watcher to see, still without a representation. */
export type Delivery = { type: Exclude<WatchEventType, 'BOOKMARK' | 'ERROR'>; object: CachedObject; revision: number } | { type: 'BOOKMARK'; revision: number; initialEventsEnd: boolean };

/** How a watch ended: the client may resume (`done`), or must list anew because it read too slowly. */
export type WatchEnd = 'done' | 'too-slow';

/** Deliveries that may wait for a reader before it is cut off, and the bytes of their objects. */
const mostQueued = 16_384;
const mostQueuedBytes = 64 * 1024 * 1024;

/**
 * One watch on a cache: deliveries queue here until the reader takes them, in order of revision, each once. The queue is
 * bounded; a reader that falls behind is cut off.
 */
export class CacheWatcher {
  readonly selection: Selection;
  /** Events at or before this revision are not for this watcher. */
  after: number;
  #queue: Delivery[] = [];
  /** The initial state does not count towards the bound. */
  #initialLeft: number;
  #queuedBytes = 0;
  #ready: (() => void) | undefined;
  #ended: WatchEnd | undefined;
  readonly #onEnd: (watcher: CacheWatcher) => void;

  constructor(selection: Selection, after: number, initial: Delivery[], onEnd: (watcher: CacheWatcher) => void) {
    this.selection = selection;
    this.after = after;
    this.#queue = initial;
    this.#initialLeft = initial.length;
    this.#onEnd = onEnd;
  }

  get ended(): WatchEnd | undefined {
    return this.#ended;
  }

  get idle(): boolean {
    return this.#queue.length === 0;
  }

  /** Queues what the event means to this watcher, if anything. */
  offer(event: CacheEvent): void {
    if (this.#ended || event.revision <= this.after) return;
    const { namespace, name, matches } = this.selection;
    const { object, old } = event;
    const any = (object ?? old)!;
    if ((namespace && any.namespace !== namespace) || (name && any.name !== name)) return;
    const now = object !== undefined && (!matches || matches(object));
    const before = old !== undefined && (!matches || matches(old));
    if (now) this.#push({ type: before ? 'MODIFIED' : 'ADDED', object: object!, revision: event.revision });
    else if (before) this.#push({ type: 'DELETED', object: event.left, revision: event.revision });
  }

  bookmark(revision: number, initialEventsEnd = false): void {
    if (!this.#ended) this.#push({ type: 'BOOKMARK', revision, initialEventsEnd });
  }

  /** Ends the watch; what is queued is still delivered. Repeatable. */
  end(how: WatchEnd = 'done'): void {
    if (this.#ended) return;
    this.#ended = how;
    this.#onEnd(this);
    this.#ready?.();
  }

  /** All that is queued, as soon as there is something; undefined once the watch has ended and everything was taken. */
  async take(): Promise<Delivery[] | undefined> {
    while (!this.#queue.length) {
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => this.onReady(resolve));
      this.#ready = undefined;
    }
    return this.takeQueued();
  }

  /** What is queued now. */
  takeQueued(): Delivery[] {
    const taken = this.#queue;
    this.#queue = [];
    this.#initialLeft = 0;
    this.#queuedBytes = 0;
    return taken;
  }

  /** Called whenever there is something to take that was not there before, and when the watch ends; replaces the one before. */
  onReady(ready: () => void): void {
    this.#ready = ready;
  }

  #push(delivery: Delivery): void {
    if (this.#queue.length - this.#initialLeft >= mostQueued || this.#queuedBytes >= mostQueuedBytes) {
      this.end('too-slow');
      return;
    }
    this.#queue.push(delivery);
    if (delivery.type !== 'BOOKMARK') this.#queuedBytes += delivery.object.bytes.length;
    if (this.#queue.length === 1) this.#ready?.();
  }
}
