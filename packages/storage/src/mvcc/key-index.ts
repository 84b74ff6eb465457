import { compareKeys, type KeyRange } from '../keys.ts';

/**
 * Everything known of one key: its versions since history begins, oldest first, flat in pairs of the revision of the
 * write and the key's create revision (0: the write was a deletion). The newest pair may not be committed yet.
 */
export interface KeyRecord {
  readonly key: string;
  versions: number[];
}

/** True when the newest version is not a deletion. */
export const isLive = (record: KeyRecord): boolean => record.versions.length > 0 && record.versions[record.versions.length - 1] !== 0;

interface Block {
  records: KeyRecord[];
  /** How many of the records are live. */
  live: number;
}

const blockSize = 512;

/**
 * Records in key order: a sorted array cut into blocks, so that adding one of 150,000 keys moves some hundred
 * pointers, and counting a range adds up one number per block.
 */
export class KeyIndex {
  readonly #blocks: Block[] = [];

  add(record: KeyRecord): void {
    if (this.#blocks.length === 0) this.#blocks.push({ records: [], live: 0 });
    const at = this.#blockOf(record.key);
    const block = this.#blocks[at];
    block.records.splice(position(block.records, record.key), 0, record);
    if (isLive(record)) block.live++;
    if (block.records.length > blockSize) {
      // Keys mostly come in ascending order: leaving the left part fuller wastes less.
      const right = block.records.splice(at === this.#blocks.length - 1 ? blockSize - 32 : blockSize >> 1);
      const live = right.filter(isLive).length;
      block.live -= live;
      this.#blocks.splice(at + 1, 0, { records: right, live });
    }
  }

  /** Takes out a record that is not live. */
  remove(record: KeyRecord): void {
    const at = this.#blockOf(record.key);
    const { records } = this.#blocks[at];
    records.splice(position(records, record.key), 1);
    if (records.length === 0) this.#blocks.splice(at, 1);
  }

  /** Tells that a record came to life (1) or died (-1). */
  changeLive(record: KeyRecord, by: 1 | -1): void {
    this.#blocks[this.#blockOf(record.key)].live += by;
  }

  /** Visits the range in order until `visit` returns false. */
  scan(range: KeyRange, visit: (record: KeyRecord) => boolean | void): void {
    for (let b = this.#blockOf(range.start), first = true; b < this.#blocks.length; b++, first = false) {
      const { records } = this.#blocks[b];
      // One comparison tells for most blocks that they lie wholly inside.
      const inside = range.end === '' || compareKeys(records[records.length - 1].key, range.end) < 0;
      for (let i = first ? position(records, range.start) : 0; i < records.length; i++) {
        if (!inside && compareKeys(records[i].key, range.end) >= 0) return;
        if (visit(records[i]) === false) return;
      }
    }
  }

  countLive(range: KeyRange): number {
    let count = 0;
    for (let b = this.#blockOf(range.start), first = true; b < this.#blocks.length; b++, first = false) {
      const { records, live } = this.#blocks[b];
      const from = first ? position(records, range.start) : 0;
      const inside = range.end === '' || compareKeys(records[records.length - 1].key, range.end) < 0;
      if (inside && from === 0) {
        count += live;
        continue;
      }
      const to = inside ? records.length : position(records, range.end);
      for (let i = from; i < to; i++) if (isLive(records[i])) count++;
      if (!inside) break;
    }
    return count;
  }

  /** The last block whose first key is not behind `key`, or the first block. */
  #blockOf(key: string): number {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (compareKeys(this.#blocks[middle].records[0].key, key) <= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Where `key` is, or would be. */
function position(records: readonly KeyRecord[], key: string): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareKeys(records[middle].key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
