import { type KubeObject, parseStored } from '@pilothouse/apimachinery';
import { replaceRevision } from './encoding.ts';

/** What a cache's index needs to know about its objects. */
export interface ObjectIndexer {
  /** Values of any type may stand in the objects, whole numbers of 64 bits among them. */
  untyped?: boolean;
  /** Applied to a freshly parsed object (defaults that newer versions added). */
  parsed(object: any): void;
  /** Values for field selectors, beside metadata.name and metadata.namespace. */
  fields: Readonly<Record<string, (object: any) => string>>;
}

/** One version of one object: its JSON, and, once somebody looked inside, its parsed form. Immutable. */
export class CachedObject {
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  /** JSON as the storage version is answered, with resourceVersion and a line's end. */
  readonly bytes: Buffer;
  readonly splice: number;
  readonly #indexer: ObjectIndexer;
  /**
   * The parsed form: held while the object is new, for those that follow the cache; weakly where others share it
   * (informers), who keep it alive. V8 collects what is held weakly only with the old generation, so that a weak
   * reference to what nobody shares would cost more than parsing again.
   */
  #held: KubeObject | undefined;
  #shared: WeakRef<KubeObject> | undefined;
  #labels: Readonly<Record<string, string>> | null | undefined;
  #fields: Record<string, string> | undefined;
  /** Other representations (conversions), made on demand and dropped under pressure. */
  #forms: Map<string, WeakRef<Buffer>> | undefined;

  constructor(init: { key: string; namespace: string; name: string; revision: number; bytes: Buffer; splice: number; indexer: ObjectIndexer; object?: KubeObject }) {
    this.key = init.key;
    this.namespace = init.namespace;
    this.name = init.name;
    this.revision = init.revision;
    this.bytes = init.bytes;
    this.splice = init.splice;
    this.#indexer = init.indexer;
    if (init.object) {
      this.#held = init.object;
      this.#labels = init.object.metadata.labels ?? null;
      this.#fields = this.#fieldsOf(init.object);
    }
  }

  /** The parsed object, for those that keep it; shared, never to be mutated. */
  get object(): KubeObject {
    const object = this.parsed;
    this.#shared ??= new WeakRef(object);
    return object;
  }

  /** The parsed object, for those that look at it and let it go; never to be mutated. */
  get parsed(): KubeObject {
    const known = this.#held ?? this.#shared?.deref();
    if (known) return known;
    this.#shared = undefined;
    const text = this.bytes.toString();
    const object = (this.#indexer.untyped ? parseStored(text) : JSON.parse(text)) as KubeObject;
    this.#indexer.parsed(object);
    return object;
  }

  /** The object is no longer new. */
  settle(): void {
    this.#held = undefined;
  }

  get labels(): Readonly<Record<string, string>> | undefined {
    if (this.#labels === undefined) this.#labels = this.parsed.metadata.labels ?? null;
    return this.#labels ?? undefined;
  }

  /** The value of a selectable field; undefined where the resource has no such field. */
  field(path: string): string | undefined {
    if (path === 'metadata.name') return this.name;
    if (path === 'metadata.namespace') return this.namespace;
    this.#fields ??= this.#fieldsOf(this.parsed);
    return this.#fields[path];
  }

  /** The same state under another revision: how a watch shows an object that went. */
  atRevision(revision: number): CachedObject {
    return new CachedObject({ key: this.key, namespace: this.namespace, name: this.name, revision, bytes: replaceRevision(this.bytes, this.splice, revision), splice: this.splice, indexer: this.#indexer });
  }

  /** A representation made once and shared as long as somebody holds it. */
  form(id: string, make: (entry: CachedObject) => Buffer): Buffer {
    this.#forms ??= new Map();
    const held = this.#forms.get(id)?.deref();
    if (held) return held;
    const made = make(this);
    this.#forms.set(id, new WeakRef(made));
    return made;
  }

  #fieldsOf(object: KubeObject): Record<string, string> {
    const values: Record<string, string> = {};
    for (const path in this.#indexer.fields) values[path] = this.#indexer.fields[path](object);
    return values;
  }
}
