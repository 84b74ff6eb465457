import type { Clock } from '@pilothouse/base';
import type { CachedObject } from './cached-object.ts';

/** A label or a selectable field that must have one of some values. */
export interface ExactTerm {
  kind: 'label' | 'field';
  name: string;
  /** Each once. */
  values: readonly string[];
}

/** Names that are indexed at one time; the one used longest ago gives way. */
const mostNames = 16;
/** Objects that are indexed in one turn of the loop. */
const sliceSize = 4_096;

interface Index {
  term: Pick<ExactTerm, 'kind' | 'name'>;
  byValue: Map<string, Set<CachedObject>>;
  /** What lies before this key is indexed; undefined: everything is. */
  before: string | undefined;
}

/** Visits objects in key order from a key on until told to stop. */
export type Walk = (start: string, visit: (object: CachedObject) => boolean) => void;

/**
 * Objects by the values of labels and fields that somebody selected by. An index is begun at the first use of a name and
 * made in slices, so that nobody waits for all of it; it follows every change meanwhile and afterwards.
 */
export class ValueIndex {
  /** `label app` → its index, in order of use. */
  readonly #byName = new Map<string, Index>();
  readonly #walk: Walk;
  readonly #clock: Pick<Clock, 'soon'>;

  constructor(walk: Walk, clock: Pick<Clock, 'soon'>) {
    this.#walk = walk;
    this.#clock = clock;
  }

  /** The objects with one of the values, in no order; undefined while the index is being made: who asks must look himself. */
  find(term: ExactTerm): CachedObject[] | undefined {
    const id = `${term.kind} ${term.name}`;
    let index = this.#byName.get(id);
    if (index) this.#byName.delete(id);
    else {
      if (this.#byName.size >= mostNames) this.#byName.delete(this.#byName.keys().next().value!);
      index = { term: { kind: term.kind, name: term.name }, byValue: new Map(), before: '' };
      this.#build(id, index);
    }
    this.#byName.set(id, index);
    if (index.before !== undefined) return undefined;
    const found: CachedObject[] = [];
    for (const value of term.values) for (const object of index.byValue.get(value) ?? []) found.push(object);
    return found;
  }

  /** A change of one object. */
  replace(object: CachedObject | undefined, old: CachedObject | undefined): void {
    const { key } = (object ?? old)!;
    for (const { term, byValue, before } of this.#byName.values()) {
      if (before !== undefined && key >= before) continue;
      if (old) remove(byValue, termValue(term, old), old);
      if (object) add(byValue, termValue(term, object), object);
    }
  }

  clear(): void {
    this.#byName.clear();
  }

  #build(id: string, index: Index): void {
    this.#clock.soon(() => {
      // It may have given way to another, or all of it been cleared.
      if (this.#byName.get(id) !== index) return;
      let left = sliceSize;
      let next: string | undefined;
      this.#walk(index.before!, (object) => {
        if (left-- === 0) {
          next = object.key;
          return false;
        }
        add(index.byValue, termValue(index.term, object), object);
        return true;
      });
      index.before = next;
      if (next !== undefined) this.#build(id, index);
    });
  }
}

function termValue({ kind, name }: Pick<ExactTerm, 'kind' | 'name'>, object: CachedObject): string | undefined {
  if (kind === 'field') return object.field(name);
  const { labels } = object;
  return labels && Object.hasOwn(labels, name) ? labels[name] : undefined;
}

function add(byValue: Map<string, Set<CachedObject>>, value: string | undefined, object: CachedObject): void {
  if (value === undefined) return;
  const set = byValue.get(value);
  if (set) set.add(object);
  else byValue.set(value, new Set([object]));
}

function remove(byValue: Map<string, Set<CachedObject>>, value: string | undefined, object: CachedObject): void {
  if (value === undefined) return;
  const set = byValue.get(value);
  set?.delete(object);
  if (set && !set.size) byValue.delete(value);
}
