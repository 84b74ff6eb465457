/**
 * Who wrote which key when: the multi-version index of the embedded backends, without values. Pure and synchronous.
 * Revisions are consecutive, so the log is an array of the keys written; a version costs 24 bytes.
 */
import { Compacted, FutureRevision, type Revision } from '../contract.ts';
import { inRange, type KeyRange } from '../keys.ts';
import { isLive, KeyIndex, type KeyRecord } from './key-index.ts';

/** One version of a key. `createRevision` 0: the write was a deletion. */
export interface Version {
  key: string;
  revision: Revision;
  createRevision: Revision;
}

/** A version in the log, and the version it replaced, where there was one that was no deletion and is still known. */
export interface LoggedVersion extends Version {
  previousRevision: Revision | undefined;
}

export class History {
  /** Revision of the newest write; 1 before the first, as in etcd. */
  #head: Revision = 1;
  /** Oldest revision that can be read. */
  #floor: Revision = 1;
  readonly #records = new Map<string, KeyRecord>();
  readonly #index = new KeyIndex();
  /** The key written at revision `#floor + 1 + i`. */
  #log: KeyRecord[] = [];
  readonly #leftovers: Revision[] = [];

  get head(): Revision {
    return this.#head;
  }

  get floor(): Revision {
    return this.#floor;
  }

  /** The newest version of the key, which may be a deletion. */
  newest(key: string): Version | undefined {
    const record = this.#records.get(key);
    if (!record) return undefined;
    const { versions } = record;
    return { key, revision: versions[versions.length - 2], createRevision: versions[versions.length - 1] };
  }

  /** The version readers at `revision` see; undefined when the key is absent then. */
  at(key: string, revision: Revision): Version | undefined {
    const record = this.#records.get(key);
    const i = record ? lastUpTo(record.versions, revision) : -1;
    return i < 0 || record!.versions[i + 1] === 0 ? undefined : { key, revision: record!.versions[i], createRevision: record!.versions[i + 1] };
  }

  /** What is in the range at `revision`, in key order; `limit` 0: all. */
  list(range: KeyRange, revision: Revision, limit: number): { versions: Version[]; more: boolean } {
    const versions: Version[] = [];
    let more = false;
    this.#index.scan(range, (record) => {
      const pairs = record.versions;
      const i = lastUpTo(pairs, revision);
      if (i < 0 || pairs[i + 1] === 0) return true;
      if (limit > 0 && versions.length === limit) {
        more = true;
        return false;
      }
      versions.push({ key: record.key, revision: pairs[i], createRevision: pairs[i + 1] });
      return true;
    });
    return { versions, more };
  }

  /** How many keys the range holds at `revision`: counted now and corrected by what happened since, where that is less work than looking at each key. */
  count(range: KeyRange, revision: Revision): number {
    if (this.#head - revision > this.#records.size) return this.list(range, revision, 0).versions.length;
    let count = this.#index.countLive(range);
    for (let r = this.#head; r > revision; r--) {
      const record = this.#log[r - this.#floor - 1];
      if (!inRange(range, record.key)) continue;
      const created = record.versions[lastUpTo(record.versions, r) + 1];
      if (created === r) count--;
      else if (created === 0) count++;
    }
    return count;
  }

  /** What was written after `after` up to `upTo` in the range; looks at no more than `scan` writes, `reached` says how far it got. */
  since(range: KeyRange, after: Revision, upTo: Revision, limits: { events: number; scan: number }): { versions: LoggedVersion[]; reached: Revision } {
    const versions: LoggedVersion[] = [];
    const last = Math.min(upTo, after + limits.scan);
    for (let r = after + 1; r <= last; r++) {
      const record = this.#log[r - this.#floor - 1];
      if (!inRange(range, record.key)) continue;
      const pairs = record.versions;
      const i = lastUpTo(pairs, r);
      versions.push({ key: record.key, revision: r, createRevision: pairs[i + 1], previousRevision: i >= 2 && pairs[i - 1] !== 0 ? pairs[i - 2] : undefined });
      if (versions.length === limits.events) return { versions, reached: r };
    }
    return { versions, reached: Math.max(last, after) };
  }

  /** Adds the next write. A deletion is allowed only of a key that is there. */
  append(key: string, kind: 'put' | 'delete'): Version {
    const revision = this.#head + 1;
    const record = this.#records.get(key);
    const wasLive = record !== undefined && isLive(record);
    const createRevision = kind === 'delete' ? 0 : wasLive ? record.versions[record.versions.length - 1] : revision;
    const version = { key, revision, createRevision };
    this.#add(version, record, wasLive);
    return version;
  }

  #add(version: Version, record: KeyRecord | undefined, wasLive: boolean): void {
    this.#head = version.revision;
    if (record) {
      record.versions.push(version.revision, version.createRevision);
      if (isLive(record) !== wasLive) this.#index.changeLive(record, wasLive ? -1 : 1);
      this.#log.push(record);
      return;
    }
    const fresh = { key: version.key, versions: [version.revision, version.createRevision] };
    this.#records.set(version.key, fresh);
    this.#index.add(fresh);
    this.#log.push(fresh);
  }

  /** Takes back the newest write. */
  undo(): void {
    const record = this.#log.pop()!;
    const wasLive = isLive(record);
    record.versions.length -= 2;
    this.#head--;
    if (isLive(record) !== wasLive) this.#index.changeLive(record, wasLive ? -1 : 1);
    if (record.versions.length === 0) this.#drop(record);
  }

  /** Sets the beginning of what `load` then fills: history starts at `floor`. */
  start(floor: Revision): void {
    this.#floor = floor;
    this.#head = floor;
  }

  /** Takes a version read from disk; they come by ascending revision. False when it cannot follow what came before. */
  load(version: Version): boolean {
    const record = this.#records.get(version.key);
    const wasLive = record !== undefined && isLive(record);
    const created = version.createRevision;
    if (version.revision > this.#floor) {
      if (version.revision !== this.#head + 1) return false;
      if (created === 0 ? !wasLive : created !== (wasLive ? record.versions[record.versions.length - 1] : version.revision)) return false;
      this.#add(version, record, wasLive);
      return true;
    }
    // Of what was written at or before the floor only the newest counts; more is there when forgetting it was cut off.
    if (created > version.revision) return false;
    if (record) this.#leftovers.push(record.versions[0]);
    if (created === 0) {
      this.#leftovers.push(version.revision);
      if (record) {
        record.versions = [];
        this.#index.changeLive(record, -1);
        this.#drop(record);
      }
    } else if (record) {
      record.versions = [version.revision, created];
    } else {
      const fresh = { key: version.key, versions: [version.revision, created] };
      this.#records.set(version.key, fresh);
      this.#index.add(fresh);
    }
    return true;
  }

  /** Revisions that were loaded and are no longer needed. */
  leftovers(): Revision[] {
    return this.#leftovers.splice(0);
  }

  /** @throws Compacted, FutureRevision unless reads at `revision` can be answered, `newest` being the newest committed */
  check(revision: Revision, newest: Revision): void {
    if (revision > newest) throw new FutureRevision(revision, newest);
    if (revision < this.#floor) throw new Compacted(this.#floor);
  }

  /** Moves the floor to `revision` and forgets what no reader at or past it can see; returns the revisions forgotten. */
  compact(revision: Revision): Revision[] {
    const forgotten: Revision[] = [];
    const touched = new Set(this.#log.slice(0, revision - this.#floor));
    for (const record of touched) {
      const { versions } = record;
      let keep = lastUpTo(versions, revision);
      if (versions[keep + 1] === 0) keep += 2;
      for (let i = 0; i < keep; i += 2) forgotten.push(versions[i]);
      if (keep === versions.length) this.#drop(record);
      record.versions = versions.slice(keep);
    }
    this.#log = this.#log.slice(revision - this.#floor);
    this.#floor = revision;
    return forgotten;
  }

  #drop(record: KeyRecord): void {
    this.#records.delete(record.key);
    this.#index.remove(record);
  }
}

/** Index of the last pair written at or before `revision`; -2 or less when there is none. */
function lastUpTo(versions: readonly number[], revision: Revision): number {
  let i = versions.length - 2;
  // Nearly always the newest or the one before.
  for (let step = 0; step < 4; step++, i -= 2) if (i < 0 || versions[i] <= revision) return i;
  let low = -1;
  let high = i >> 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (versions[middle * 2] <= revision) low = middle;
    else high = middle - 1;
  }
  return low * 2;
}
