/** Sums by topology key and value (coded). A value is there while something was counted for it. */
import type { ClusterSnapshot } from '../../snapshot/cluster-snapshot.ts';

export class TopologySums {
  /** By topology key: sum by the value's code. */
  readonly byKey = new Map<string, Map<number, number>>();
  readonly #snapshot: ClusterSnapshot;
  readonly #entries: Map<string, Map<number, number>> | undefined;

  /** `keepZeros`: a value whose sum is 0 stays while anything was counted; else it goes at 0. */
  constructor(snapshot: ClusterSnapshot, options: { keepZeros: boolean }) {
    this.#snapshot = snapshot;
    this.#entries = options.keepZeros ? new Map() : undefined;
  }

  get empty(): boolean {
    return this.byKey.size === 0;
  }

  /** Counts `amount` for the node's value of the key; `sign` -1 takes back what was counted. Nothing where the node lacks the key. */
  add(node: number, key: string, amount: number, sign: 1 | -1): void {
    const code = this.#snapshot.label(key).codes[node];
    if (code < 0) return;
    let sums = this.byKey.get(key);
    if (!sums) this.byKey.set(key, (sums = new Map()));
    const sum = (sums.get(code) ?? 0) + amount * sign;
    if (this.#holds(key, code, sum, sign)) sums.set(code, sum);
    else {
      sums.delete(code);
      if (!sums.size) this.byKey.delete(key);
    }
  }

  #holds(key: string, code: number, sum: number, sign: 1 | -1): boolean {
    if (!this.#entries) return sum !== 0;
    let entries = this.#entries.get(key);
    if (!entries) this.#entries.set(key, (entries = new Map()));
    const left = (entries.get(code) ?? 0) + sign;
    if (left > 0) entries.set(code, left);
    else entries.delete(code);
    return left > 0;
  }

  /** 0 where nothing is counted. */
  get(node: number, key: string): number {
    const sums = this.byKey.get(key);
    return sums?.get(this.#snapshot.label(key).codes[node]) ?? 0;
  }

  /** A copy that can be changed. */
  clone(): TopologySums {
    const copy = new TopologySums(this.#snapshot, { keepZeros: this.#entries !== undefined });
    for (const [key, sums] of this.byKey) copy.byKey.set(key, new Map(sums));
    for (const [key, entries] of this.#entries ?? []) copy.#entries!.set(key, new Map(entries));
    return copy;
  }
}
