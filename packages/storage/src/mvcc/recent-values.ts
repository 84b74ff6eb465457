import type { Revision } from '../contract.ts';

/** Values written last, so that whoever follows the store need not have them read back. Bounded in bytes. */
export class RecentValues {
  readonly #values = new Map<Revision, Uint8Array>();
  readonly #mostBytes: number;
  #bytes = 0;

  constructor(mostBytes = 4 * 1024 * 1024) {
    this.#mostBytes = mostBytes;
  }

  get(revision: Revision): Uint8Array | undefined {
    return this.#values.get(revision);
  }

  /** Revisions come in ascending order; the oldest make room. */
  add(revision: Revision, value: Uint8Array): void {
    this.#values.set(revision, value);
    this.#bytes += value.length;
    for (const [oldest, held] of this.#values) {
      if (this.#bytes <= this.#mostBytes) break;
      this.#values.delete(oldest);
      this.#bytes -= held.length;
    }
  }
}
