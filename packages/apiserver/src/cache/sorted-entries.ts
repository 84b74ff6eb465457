/** Entries by key in key order: a list of sorted chunks, so that an insertion moves a few hundred pointers at most. */
export class SortedEntries<T extends { readonly key: string }> {
  readonly #chunks: T[][] = [];
  readonly #byKey = new Map<string, T>();
  static readonly #most = 512;

  get size(): number {
    return this.#byKey.size;
  }

  get(key: string): T | undefined {
    return this.#byKey.get(key);
  }

  set(entry: T): void {
    const known = this.#byKey.has(entry.key);
    this.#byKey.set(entry.key, entry);
    if (!this.#chunks.length) {
      this.#chunks.push([entry]);
      return;
    }
    const c = this.#chunkOf(entry.key);
    const chunk = this.#chunks[c];
    const at = lowerBound(chunk, entry.key);
    if (known) {
      chunk[at] = entry;
      return;
    }
    chunk.splice(at, 0, entry);
    if (chunk.length > SortedEntries.#most) this.#chunks.splice(c + 1, 0, chunk.splice(chunk.length >> 1));
  }

  delete(key: string): T | undefined {
    const entry = this.#byKey.get(key);
    if (!entry) return undefined;
    this.#byKey.delete(key);
    const c = this.#chunkOf(key);
    const chunk = this.#chunks[c];
    chunk.splice(lowerBound(chunk, key), 1);
    if (!chunk.length) this.#chunks.splice(c, 1);
    return entry;
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#byKey.clear();
  }

  /** Calls `visit` for each entry from `start` (inclusive) to `end` (exclusive) in order, until it returns false. */
  scan(start: string, end: string, visit: (entry: T) => boolean | void): void {
    if (!this.#chunks.length) return;
    for (let c = this.#chunkOf(start); c < this.#chunks.length; c++) {
      const chunk = this.#chunks[c];
      // One comparison tells of most chunks that they lie wholly inside.
      const inside = chunk[chunk.length - 1].key < end;
      for (let i = c === 0 || chunk[0].key < start ? lowerBound(chunk, start) : 0; i < chunk.length; i++) {
        if (!inside && chunk[i].key >= end) return;
        if (visit(chunk[i]) === false) return;
      }
    }
  }

  /** How many entries lie from `start` to `end`. */
  count(start: string, end: string): number {
    if (!this.#chunks.length) return 0;
    const from = this.#position(start);
    const to = this.#position(end);
    if (from.chunk === to.chunk) return to.index - from.index;
    let n = this.#chunks[from.chunk].length - from.index + to.index;
    for (let c = from.chunk + 1; c < to.chunk; c++) n += this.#chunks[c].length;
    return n;
  }

  #position(key: string): { chunk: number; index: number } {
    const chunk = this.#chunkOf(key);
    return { chunk, index: lowerBound(this.#chunks[chunk], key) };
  }

  /** The last chunk whose first key is at or before `key`. */
  #chunkOf(key: string): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if (this.#chunks[mid][0].key <= key) low = mid;
      else high = mid - 1;
    }
    return low;
  }
}

function lowerBound(chunk: readonly { readonly key: string }[], key: string): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (chunk[mid].key < key) low = mid + 1;
    else high = mid;
  }
  return low;
}
