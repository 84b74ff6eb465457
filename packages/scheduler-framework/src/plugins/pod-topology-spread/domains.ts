/** Pods per topology domain under a constraint, with the least of them at hand. */

/** Stands where a value is no domain. Counts themselves may be negative: a pod that is ending is not counted, yet taken away when it is evicted. */
export const noDomain = -(2 ** 31);

export class Domains {
  /** By the value's code. */
  counts: Int32Array;
  size: number;
  #least: number;
  #atLeast: number;

  private constructor(counts: Int32Array, size: number, least: number, atLeast: number) {
    this.counts = counts;
    this.size = size;
    this.#least = least;
    this.#atLeast = atLeast;
  }

  /** Takes `counts` over. */
  static of(counts: Int32Array): Domains {
    const domains = new Domains(counts, 0, 0, 0);
    domains.#scan();
    return domains;
  }

  /** The fewest pods in any domain; what upstream keeps where there is none. */
  get least(): number {
    return this.size ? this.#least : 2 ** 31 - 1;
  }

  get(code: number): number {
    return code < this.counts.length && code >= 0 && this.counts[code] !== noDomain ? this.counts[code] : 0;
  }

  add(code: number, delta: number): void {
    if (code >= this.counts.length) {
      const grown = new Int32Array(code + 1).fill(noDomain);
      grown.set(this.counts);
      this.counts = grown;
    }
    const had = this.counts[code];
    if (had === noDomain) {
      this.counts[code] = delta;
      this.#scan();
      return;
    }
    const now = had + delta;
    this.counts[code] = now;
    if (now < this.#least) {
      this.#least = now;
      this.#atLeast = 1;
    } else if (now === this.#least && had !== now) this.#atLeast++;
    else if (had === this.#least && --this.#atLeast === 0) this.#scan();
  }

  clone(): Domains {
    return new Domains(this.counts.slice(), this.size, this.#least, this.#atLeast);
  }

  #scan(): void {
    this.size = 0;
    this.#least = 2 ** 31 - 1;
    this.#atLeast = 0;
    for (const count of this.counts) {
      if (count === noDomain) continue;
      this.size++;
      if (count < this.#least) {
        this.#least = count;
        this.#atLeast = 1;
      } else if (count === this.#least) this.#atLeast++;
    }
  }
}
