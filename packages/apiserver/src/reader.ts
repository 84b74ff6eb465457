import type { KubeObject, ResourceType } from '@pilothouse/apimachinery';
import type { ObjectFeed } from './contract.ts';
import { objectOf, viewOf } from './handlers/view.ts';
import type { StoreFeed } from './cache/store-feed.ts';
import type { ResourceRegistry, ServedResource } from './registry.ts';

/** How long a read of an object that is not there waits for the caches to be sure. */
const patienceMs = 3_000;

/** Reads and follows objects from the caches. Rejects for resources that are not served or not stored. */
export function objectFeed(registry: ResourceRegistry, feed: StoreFeed): ObjectFeed {
  const find = (type: ResourceType): ServedResource => {
    const resource = registry.of(type);
    if (!resource?.stored) throw new Error(`Read ${type.plural}.${type.group}: the resource is not served`);
    return resource;
  };
  /** What the cache has not seen yet may exist: a namespace made a moment ago. */
  const getLate = async <T extends KubeObject>(resource: ServedResource, name: string, namespace: string): Promise<T | undefined> => {
    await feed.waitFor(await registry.store.revision(), patienceMs);
    const entry = resource.stored!.cache.get(namespace, name);
    return entry && (viewOf(resource, entry).object as T);
  };
  return {
    get<T extends KubeObject>(type: ResourceType<T>, name: string, namespace = ''): T | Promise<T | undefined> {
      const resource = find(type);
      const entry = resource.stored!.cache.get(namespace, name);
      return entry ? (viewOf(resource, entry).object as T) : getLate(resource, name, namespace);
    },
    list<T extends KubeObject>(type: ResourceType<T>, namespace = ''): readonly T[] {
      const resource = find(type);
      const found: T[] = [];
      resource.stored!.cache.scan(namespace, undefined, (entry) => void found.push(viewOf(resource, entry).object as T));
      return found;
    },
    peek<T extends KubeObject>(type: ResourceType<T>, name: string, namespace = ''): T | undefined {
      const resource = find(type);
      const entry = resource.stored!.cache.get(namespace, name);
      return entry && (viewOf(resource, entry).object as T);
    },
    async follow<T extends KubeObject>(type: ResourceType<T>, change: (object: T | undefined, old: T | undefined) => void, signal?: AbortSignal): Promise<void> {
      const resource = find(type);
      const end = resource.stored!.cache.follow((object, old) => change(object && (objectOf(resource, object) as T), old && (objectOf(resource, old) as T)));
      if (signal?.aborted) end();
      else signal?.addEventListener('abort', end, { once: true });
    },
  };
}
