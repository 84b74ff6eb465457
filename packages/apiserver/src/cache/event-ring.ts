import type { CachedObject } from './cached-object.ts';

/** A change of one object. */
export class CacheEvent {
  readonly revision: number;
  /** Undefined: deleted. */
  readonly object: CachedObject | undefined;
  /** Undefined: new. */
  readonly old: CachedObject | undefined;
  readonly atMs: number;
  #left: CachedObject | undefined;

  constructor(revision: number, object: CachedObject | undefined, old: CachedObject | undefined, atMs: number) {
    this.revision = revision;
    this.object = object;
    this.old = old;
    this.atMs = atMs;
  }

  /** What watchers are shown when the object was deleted or left their selection: its last state at this event's revision. */
  get left(): CachedObject {
    this.#left ??= this.old!.atRevision(this.revision);
    return this.#left;
  }
}

/** Room grows while events younger than this would be pushed out. */
const freshMs = 75_000;
const leastRoom = 128;
const mostRoom = 65_536;

/** The recent events of one resource, oldest first, in a ring that grows with the rate of change. */
export class EventRing {
  #events: (CacheEvent | undefined)[] = new Array(leastRoom);
  #start = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  at(index: number): CacheEvent {
    return this.#events[(this.#start + index) % this.#events.length]!;
  }

  /** Adds the newest event; returns the event that was pushed out, if any. */
  push(event: CacheEvent): CacheEvent | undefined {
    if (this.#length === this.#events.length) {
      const oldest = this.at(0);
      if (this.#events.length >= mostRoom || event.atMs - oldest.atMs >= freshMs) {
        this.#events[this.#start] = event;
        this.#start = (this.#start + 1) % this.#events.length;
        return oldest;
      }
      const grown = new Array<CacheEvent | undefined>(this.#events.length * 2);
      for (let i = 0; i < this.#length; i++) grown[i] = this.at(i);
      this.#events = grown;
      this.#start = 0;
    }
    this.#events[(this.#start + this.#length++) % this.#events.length] = event;
    return undefined;
  }

  clear(): void {
    this.#events = new Array(leastRoom);
    this.#start = 0;
    this.#length = 0;
  }

  /** Index of the first event past `revision`. */
  after(revision: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (this.at(mid).revision <= revision) low = mid + 1;
      else high = mid;
    }
    return low;
  }
}
