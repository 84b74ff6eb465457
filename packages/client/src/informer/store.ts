import { controllerOf, type KubeObject, keyOf, splitKey } from '@pilothouse/apimachinery';
import type { Lister } from '../contract.ts';

type ValuesOf<T> = (object: T) => readonly string[];

interface Index<T> {
  valuesOf: ValuesOf<T>;
  /** Value → key → object. */
  entries: Map<string, Map<string, T>>;
}

/** Objects by key with indexes. The built-in indexes (`namespace`, `controllerUid`) cost nothing until they are first read. */
export class ObjectStore<T extends KubeObject> implements Lister<T> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): T[] {
    return [...this.#objects.values()];
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  inNamespace(namespace: string): T[] {
    return this.#builtIn('namespace', namespaceOf).entries.get(namespace)?.values().toArray() ?? [];
  }

  ownedBy(uid: string): T[] {
    return this.#builtIn('controllerUid', controllerUidOf).entries.get(uid)?.values().toArray() ?? [];
  }

  byIndex(name: string, value: string): T[] {
    if (name === 'controllerUid') return this.ownedBy(value);
    if (name === 'namespace') return this.inNamespace(value);
    const index = this.#indexes.get(name);
    if (!index) throw new Error(`no index ${JSON.stringify(name)}: add it with addIndex before reading it`);
    return index.entries.get(value)?.values().toArray() ?? [];
  }

  /** Adding an index of a name that is there keeps the first. */
  addIndex(name: string, valuesOf: ValuesOf<T>): void {
    if (this.#indexes.has(name)) return;
    const index: Index<T> = { valuesOf, entries: new Map() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) insert(index, key, object);
  }

  /** Returns what was there before. */
  set(key: string, object: T): T | undefined {
    const old = this.#objects.get(key);
    this.#objects.set(key, object);
    for (const index of this.#indexes.values()) {
      if (old !== undefined) remove(index, key, old);
      insert(index, key, object);
    }
    return old;
  }

  delete(key: string): T | undefined {
    const old = this.#objects.get(key);
    if (old === undefined) return undefined;
    this.#objects.delete(key);
    for (const index of this.#indexes.values()) remove(index, key, old);
    return old;
  }

  #builtIn(name: string, valuesOf: ValuesOf<T>): Index<T> {
    if (!this.#indexes.has(name)) this.addIndex(name, valuesOf);
    return this.#indexes.get(name)!;
  }
}

const namespaceOf = (object: KubeObject) => [splitKey(keyOf(object)).namespace];
const controllerUidOf = (object: KubeObject) => {
  const owner = controllerOf(object);
  return owner ? [owner.uid] : [];
};

function insert<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.valuesOf(object)) {
    const entry = index.entries.get(value);
    if (entry) entry.set(key, object);
    else index.entries.set(value, new Map([[key, object]]));
  }
}

function remove<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.valuesOf(object)) {
    const entry = index.entries.get(value);
    if (entry?.delete(key) && entry.size === 0) index.entries.delete(value);
  }
}
