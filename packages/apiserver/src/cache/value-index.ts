import type { CachedObject } from './cached-object.ts';

/** A label or a selectable field that must have one value. */
export interface ExactTerm {
  kind: 'label' | 'field';
  name: string;
  value: string;
}

/** Names that are indexed at one time; the one used longest ago gives way. */
const mostNames = 16;

/** Objects by the values of labels and fields that somebody selected by. Built at first use, kept current after that. */
export class ValueIndex {
  /** `label app` → value → objects. In order of use. */
  readonly #byName = new Map<string, { term: Pick<ExactTerm, 'kind' | 'name'>; byValue: Map<string, Set<CachedObject>> }>();

  /** The objects with the value, in no order. `all` walks every object, for the first use of a name. */
  find(term: ExactTerm, all: (visit: (object: CachedObject) => void) => void): ReadonlySet<CachedObject> | undefined {
    const id = `${term.kind} ${term.name}`;
    let index = this.#byName.get(id);
    if (index) this.#byName.delete(id);
    else {
      if (this.#byName.size >= mostNames) this.#byName.delete(this.#byName.keys().next().value!);
      const byValue = new Map<string, Set<CachedObject>>();
      index = { term: { kind: term.kind, name: term.name }, byValue };
      all((object) => add(byValue, termValue(term, object), object));
    }
    this.#byName.set(id, index);
    return index.byValue.get(term.value);
  }

  /** A change of one object. */
  replace(object: CachedObject | undefined, old: CachedObject | undefined): void {
    for (const { term, byValue } of this.#byName.values()) {
      const before = old && termValue(term, old);
      if (before !== undefined) {
        const set = byValue.get(before);
        set?.delete(old!);
        if (set && !set.size) byValue.delete(before);
      }
      if (object) add(byValue, termValue(term, object), object);
    }
  }

  clear(): void {
    this.#byName.clear();
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
