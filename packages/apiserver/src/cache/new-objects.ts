import type { CachedObject } from './cached-object.ts';

const most = 32;
/** Longer objects are not worth their parsed form. */
const longestBytes = 64 * 1024;

/** The objects taken in last, of all resources, whose parsed forms are held: whoever follows the caches looks at them now. */
export class NewObjects {
  readonly #held: (CachedObject | undefined)[] = [];
  #next = 0;

  /** Holds the object until so many more have come. */
  add(object: CachedObject): void {
    if (object.bytes.length > longestBytes) return void object.settle();
    this.#held[this.#next]?.settle();
    this.#held[this.#next] = object;
    this.#next = (this.#next + 1) % most;
  }
}
