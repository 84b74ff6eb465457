import type { CachedObject } from './cached-object.ts';
import type { CacheEvent } from './event-ring.ts';
import type { CacheWatcher } from './watcher.ts';

/**
 * Watchers by what they can possibly be interested in, so that an event is offered only to those: watchers of one
 * object, of one value of the trigger field (pods by node), of one namespace, of everything.
 */
export class WatcherIndex {
  readonly #trigger: string | undefined;
  readonly #wide = new Set<CacheWatcher>();
  readonly #byNamespace = new Map<string, Set<CacheWatcher>>();
  readonly #byName = new Map<string, Set<CacheWatcher>>();
  readonly #byTrigger = new Map<string, Set<CacheWatcher>>();
  #size = 0;

  /** `trigger`: the field by whose value watchers are told apart. */
  constructor(trigger?: string) {
    this.#trigger = trigger;
  }

  get size(): number {
    return this.#size;
  }

  /** `triggerValue`: the one value of the trigger field that the watcher's selector accepts. Returns its removal. */
  add(watcher: CacheWatcher, triggerValue?: string): () => void {
    const { name, namespace } = watcher.selection;
    if (name) return this.#into(this.#byName, name, watcher);
    if (triggerValue !== undefined && this.#trigger) return this.#into(this.#byTrigger, triggerValue, watcher);
    if (namespace) return this.#into(this.#byNamespace, namespace, watcher);
    this.#wide.add(watcher);
    this.#size++;
    return () => {
      if (this.#wide.delete(watcher)) this.#size--;
    };
  }

  dispatch(event: CacheEvent): void {
    if (!this.#size) return;
    const any = (event.object ?? event.old)!;
    for (const watcher of this.#wide) watcher.offer(event);
    offerAll(this.#byNamespace.get(any.namespace), event);
    offerAll(this.#byName.get(any.name), event);
    if (this.#byTrigger.size) {
      const value = this.#triggerOf(event.object);
      const before = this.#triggerOf(event.old);
      if (value !== undefined) offerAll(this.#byTrigger.get(value), event);
      if (before !== undefined && before !== value) offerAll(this.#byTrigger.get(before), event);
    }
  }

  all(): CacheWatcher[] {
    const all = [...this.#wide];
    for (const map of [this.#byNamespace, this.#byName, this.#byTrigger]) for (const set of map.values()) all.push(...set);
    return all;
  }

  #triggerOf(object: CachedObject | undefined): string | undefined {
    return object?.field(this.#trigger!);
  }

  #into(map: Map<string, Set<CacheWatcher>>, value: string, watcher: CacheWatcher): () => void {
    let set = map.get(value);
    if (!set) map.set(value, (set = new Set()));
    set.add(watcher);
    this.#size++;
    return () => {
      if (!set.delete(watcher)) return;
      this.#size--;
      if (!set.size && map.get(value) === set) map.delete(value);
    };
  }
}

function offerAll(watchers: Set<CacheWatcher> | undefined, event: CacheEvent): void {
  if (watchers) for (const watcher of watchers) watcher.offer(event);
}
