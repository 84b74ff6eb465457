/** Objects as they will be once what was decided is written: they stand in for the API's version until that moves on. */
import type { ObjectMeta } from '@pilothouse/api-schemas/types/meta/v1';
import { type ObjectLister, objectKey } from '../objects.ts';

export class AssumedObjects<T extends { metadata: ObjectMeta }> {
  readonly #lister: ObjectLister<T>;
  readonly #assumed = new Map<string, T>();

  constructor(lister: ObjectLister<T>) {
    this.#lister = lister;
  }

  get(key: string): T | undefined {
    const object = this.#lister.get(key);
    const assumed = this.#assumed.get(key);
    if (!assumed) return object;
    if (object && revision(object) <= revision(assumed)) return assumed;
    this.#assumed.delete(key);
    return object;
  }

  list(): T[] {
    return this.#assumed.size ? this.#lister.list().map((o) => this.get(objectKey(o)) ?? o) : [...this.#lister.list()];
  }

  assume(object: T): void {
    this.#assumed.set(objectKey(object), object);
  }

  /** Back to what the API has. */
  forget(key: string): void {
    this.#assumed.delete(key);
  }
}

/** Resource versions compare as numbers. */
const revision = (object: { metadata: ObjectMeta }) => Number(object.metadata.resourceVersion ?? 0);
export const isNewer = (a: { metadata: ObjectMeta }, b: { metadata: ObjectMeta }): boolean => revision(a) > revision(b);
