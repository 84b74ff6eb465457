/** Changes that others may follow: each has a version that only grows, and the last ones are kept for those who come back. */

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface Happening<T> {
  readonly type: ChangeType;
  readonly version: number;
  readonly value: T;
}

/** Where versions come from: one for all resources, so that no two changes share one. */
export class Versions {
  #last: number;

  /** `start`: beyond any version given before, by whatever process: microseconds since the epoch will do. */
  constructor(start: number) {
    this.#last = start;
  }

  get current(): number {
    return this.#last;
  }

  next(): number {
    return ++this.#last;
  }
}

export class Happenings<T> {
  readonly #versions: Versions;
  readonly #most: number;
  readonly #listeners = new Set<(happening: Happening<T>) => void>();
  #kept: Happening<T>[] = [];
  /** Version before the oldest kept. */
  #since: number;
  /** Whether anybody ever wanted to follow: until then nothing is kept. */
  #followed = false;

  /** `most`: how many are kept. */
  constructor(versions: Versions, most: number) {
    this.#versions = versions;
    this.#most = most;
    this.#since = versions.current;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Returns the change's version. */
  tell(type: ChangeType, value: T): number {
    if (!this.#followed) return (this.#since = this.#versions.next());
    const happening = { type, version: this.#versions.next(), value };
    this.#kept.push(happening);
    if (this.#kept.length > 2 * this.#most) {
      this.#kept = this.#kept.slice(-this.#most);
      this.#since = this.#kept[0].version - 1;
    }
    for (const listener of this.#listeners) listener(happening);
    return happening.version;
  }

  /** What happened after `version`; undefined where that is no longer known, or lies in the future. */
  after(version: number): readonly Happening<T>[] | undefined {
    this.#followed = true;
    if (version < this.#since || version > this.#versions.current) return undefined;
    return this.#kept.filter((h) => h.version > version);
  }

  /** Returns the end of it. */
  listen(listener: (happening: Happening<T>) => void): () => void {
    this.#followed = true;
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
