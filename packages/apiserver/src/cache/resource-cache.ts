import type { KubeObject } from '@pilothouse/apimachinery';
import { type Clock } from '@pilothouse/base';
import { type Entry, prefixRange, type StoreEvent } from '@pilothouse/storage';
import { CachedObject, type ObjectIndexer } from './cached-object.ts';
import { type ForeignReader, fromStore } from './encoding.ts';
import { CacheEvent, EventRing } from './event-ring.ts';
import { NewObjects } from './new-objects.ts';
import { SortedEntries } from './sorted-entries.ts';
import { type ExactTerm, ValueIndex } from './value-index.ts';
import { CacheWatcher, type Delivery, type Selection } from './watcher.ts';
import { WatcherIndex } from './watcher-index.ts';

/** What a writer knows of what it wrote, so that the cache need not parse it again. */
export interface WrittenObject {
  bytes: Buffer;
  splice: number;
  object: KubeObject;
}

/** How values of the store are read (see `fromStore`). */
export interface StoredReader {
  head: Buffer;
  foreign: ForeignReader;
}

/** Called for each change as the cache takes it. */
export type ChangeListener = (object: CachedObject | undefined, old: CachedObject | undefined) => void;

/**
 * All objects of one resource as of `revision`, their recent changes, and the watches on them. Fed by `StoreFeed`;
 * everything here is synchronous, so that whoever looks sees one state.
 */
export class ResourceCache {
  /** `/registry/pods/`, with a slash at the end. */
  readonly prefix: string;
  readonly namespaced: boolean;
  readonly #indexer: ObjectIndexer;
  readonly #reader: StoredReader;
  readonly #clock: Pick<Clock, 'now' | 'soon'>;
  readonly #entries = new SortedEntries<CachedObject>();
  readonly #ring = new EventRing();
  readonly #values: ValueIndex;
  readonly #watchers: WatcherIndex;
  readonly #listeners = new Set<ChangeListener>();
  readonly #newObjects: NewObjects;
  /** What this server wrote, until the feed brings it. */
  readonly #written = new Map<string, { revision: number; written: WrittenObject }>();
  /** Everything up to here has been taken in. */
  #revision = 0;
  /** Events past this revision are in the ring. */
  #historyFrom = 0;
  /** Revision of the newest change of an object of this resource. */
  #changed = 0;
  /** Revision of the list that the entries began with. */
  #loadedAt = 0;

  constructor(options: { prefix: string; namespaced: boolean; indexer: ObjectIndexer; reader: StoredReader; clock: Pick<Clock, 'now' | 'soon'>; trigger?: string; newObjects?: NewObjects }) {
    this.prefix = options.prefix;
    this.namespaced = options.namespaced;
    this.#indexer = options.indexer;
    this.#reader = options.reader;
    this.#clock = options.clock;
    this.#newObjects = options.newObjects ?? new NewObjects();
    this.#watchers = new WatcherIndex(options.trigger);
    this.#values = new ValueIndex((start, visit) => this.scan('', start, visit), options.clock);
  }

  get revision(): number {
    return this.#revision;
  }
  /** Revision of the newest change of an object of this resource; 0 before any. */
  get changedRevision(): number {
    return this.#changed;
  }
  get size(): number {
    return this.#entries.size;
  }
  get watcherCount(): number {
    return this.#watchers.size;
  }
  /** Watches may start at or after this revision. */
  get oldestRevision(): number {
    return this.#historyFrom;
  }

  keyOf(namespace: string, name: string): string {
    return this.namespaced ? `${this.prefix}${namespace}/${name}` : this.prefix + name;
  }

  get(namespace: string, name: string): CachedObject | undefined {
    return this.#entries.get(this.keyOf(namespace, name));
  }

  getKey(key: string): CachedObject | undefined {
    return this.#entries.get(key);
  }

  /** An object of this resource as the cache would hold it; it is not taken in. `form.object`: its parsed form, where that is known. */
  objectOf(key: string, revision: number, { bytes, splice, object }: { bytes: Buffer; splice: number; object?: KubeObject }): CachedObject {
    const rest = key.slice(this.prefix.length);
    const slash = rest.indexOf('/');
    return new CachedObject({ key, namespace: this.namespaced ? rest.slice(0, slash) : '', name: rest.slice(slash + 1), revision, bytes, splice, indexer: this.#indexer, ...(object && { object }) });
  }

  /** In key order, from `start` (inclusive) on, until `visit` returns false. */
  scan(namespace: string, start: string | undefined, visit: (object: CachedObject) => boolean | void): void {
    const range = this.rangeOf(namespace);
    this.#entries.scan(start !== undefined && start > range.start ? start : range.start, range.end, visit);
  }

  /** Objects of the namespace ('' for all) whose label or field has one of the values, in key order; undefined until that is indexed. */
  withValue(namespace: string, term: ExactTerm): CachedObject[] | undefined {
    const found = this.#values.find(term);
    if (!found) return undefined;
    const objects = namespace ? found.filter((object) => object.namespace === namespace) : found;
    return objects.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  }

  /** Entries of the namespace ('' for all) at or after `start`. */
  count(namespace: string, start?: string): number {
    const range = this.rangeOf(namespace);
    return this.#entries.count(start !== undefined && start > range.start ? start : range.start, range.end);
  }

  rangeOf(namespace: string): { start: string; end: string } {
    return prefixRange(namespace && this.namespaced ? `${this.prefix}${namespace}/` : this.prefix);
  }

  /**
   * What was different at an older revision: key → the object as it was then (undefined: absent). Undefined where
   * history does not reach back that far, or too much has changed since for this to be worth it.
   */
  changesSince(revision: number): Map<string, CachedObject | undefined> | undefined {
    if (revision < this.#historyFrom) return undefined;
    const from = this.#ring.after(revision);
    const changes = new Map<string, CachedObject | undefined>();
    if (this.#ring.length - from > 20_000) return undefined;
    for (let i = from; i < this.#ring.length; i++) {
      const event = this.#ring.at(i);
      const key = (event.object ?? event.old)!.key;
      if (!changes.has(key)) changes.set(key, event.old);
    }
    return changes;
  }

  /**
   * Starts a watch. `from` undefined: begins with the current state as ADDED; otherwise with the events past it,
   * which must be in history (`oldestRevision`).
   */
  watch(selection: Selection, from: number | undefined, triggerValue?: string): CacheWatcher {
    const initial: Delivery[] = [];
    let remove = (): void => {};
    if (from === undefined) {
      const take = (object: CachedObject): void => {
        if (!selection.matches || selection.matches(object)) initial.push({ type: 'ADDED', object, revision: object.revision });
      };
      if (selection.name && (selection.namespace || !this.namespaced)) {
        const object = this.get(selection.namespace, selection.name);
        if (object) take(object);
      } else this.scan(selection.namespace, undefined, (object) => void ((!selection.name || object.name === selection.name) && take(object)));
    }
    const watcher = new CacheWatcher(selection, from === undefined ? this.#revision : from, initial, () => remove());
    if (from !== undefined) for (let i = this.#ring.after(from); i < this.#ring.length; i++) watcher.offer(this.#ring.at(i));
    if (!watcher.ended) remove = this.#watchers.add(watcher, triggerValue);
    return watcher;
  }

  /** Calls for each object held, then for each change. Returns its end. */
  follow(listener: ChangeListener): () => void {
    this.#entries.scan(this.prefix, prefixRange(this.prefix).end, (object) => listener(object, undefined));
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Notes what was written under a revision, for when the feed brings it. */
  noteWritten(key: string, revision: number, written: WrittenObject): void {
    if (revision > this.#revision) this.#written.set(key, { revision, written });
  }

  // ---- for the feed

  /** Replaces everything by what a list at `revision` found. Watches end: what happened in between is unknown. */
  replace(entries: readonly Entry[], revision: number): void {
    this.endWatches();
    const before = this.#listeners.size ? new Map<string, CachedObject>() : undefined;
    if (before) this.#entries.scan(this.prefix, prefixRange(this.prefix).end, (object) => void before.set(object.key, object));
    this.#entries.clear();
    this.#ring.clear();
    this.#values.clear();
    this.#written.clear();
    for (const entry of entries) this.add(entry, before?.get(entry.key));
    if (before) for (const gone of before.values()) if (!this.#entries.get(gone.key)) this.#notify(undefined, gone);
    this.#revision = revision;
    this.#historyFrom = revision;
    this.#loadedAt = revision;
  }

  /** Takes one entry in while loading. */
  add(entry: Entry, before?: CachedObject): void {
    const object = this.#make(entry.key, entry.value, entry.modRevision);
    if (!object) return;
    this.#entries.set(object);
    if (object.revision > this.#changed) this.#changed = object.revision;
    if (before?.revision !== object.revision) this.#notify(object, before);
  }

  /** @throws UnreadableValue for an entry that could not be taken in */
  check(entry: Entry): void {
    this.#make(entry.key, entry.value, entry.modRevision);
  }

  loaded(revision: number): void {
    this.#revision = revision;
    this.#historyFrom = revision;
    this.#loadedAt = revision;
  }

  apply(event: StoreEvent): void {
    const old = this.#entries.get(event.key);
    if (event.revision < this.#changed || event.revision <= this.#loadedAt || old?.revision === event.revision) return;
    let object: CachedObject | undefined;
    if (event.type === 'put') {
      object = this.#make(event.key, event.value, event.revision);
      if (!object) return;
      this.#entries.set(object);
    } else {
      this.#written.delete(event.key);
      if (!old) return;
      this.#entries.delete(event.key);
    }
    this.#changed = event.revision;
    this.#revision = Math.max(this.#revision, event.revision);
    const change = new CacheEvent(event.revision, object, old, this.#clock.now());
    const pushedOut = this.#ring.push(change);
    if (pushedOut) this.#historyFrom = pushedOut.revision;
    this.#values.replace(object, old);
    this.#notify(object, old);
    this.#watchers.dispatch(change);
    if (object) this.#newObjects.add(object);
  }

  progress(revision: number): void {
    if (revision > this.#revision) this.#revision = revision;
  }

  endWatches(): void {
    for (const watcher of this.#watchers.all()) watcher.end();
  }

  #notify(object: CachedObject | undefined, old: CachedObject | undefined): void {
    for (const listener of this.#listeners) listener(object, old);
  }

  /** Undefined for keys that are none of this resource's (`/registry/services/specs/` under `/registry/services/`). */
  #make(key: string, value: Uint8Array, revision: number): CachedObject | undefined {
    const rest = key.slice(this.prefix.length);
    const slash = rest.indexOf('/');
    if (this.namespaced ? slash <= 0 || rest.indexOf('/', slash + 1) >= 0 : slash >= 0) return undefined;
    const noted = this.#written.get(key);
    if (noted && noted.revision <= revision) this.#written.delete(key);
    const written = noted?.revision === revision ? noted.written : undefined;
    return this.objectOf(key, revision, written ?? fromStore({ key, value }, revision, this.#reader));
  }
}
