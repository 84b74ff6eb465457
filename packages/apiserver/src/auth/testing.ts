/** Objects in memory that speak the contracts, for the tests of what only reads. */
import { groupResource, type KubeObject, type ResourceType } from '@pilothouse/apimachinery';
import type { ObjectFeed, RequestAttributes, User } from '../contract.ts';

type Change = (object: any, old: any) => void;

export interface MemoryObjects extends ObjectFeed {
  put<T extends KubeObject>(type: ResourceType<T>, object: T): void;
  remove(type: ResourceType, name: string, namespace?: string): void;
}

/** `list` and `get` answer from what has been put. */
export function memoryObjects(): MemoryObjects {
  const held = new Map<string, Map<string, any>>();
  const followers = new Map<string, Change[]>();
  const objects = (type: ResourceType) => {
    const key = groupResource(type);
    let map = held.get(key);
    if (!map) held.set(key, (map = new Map()));
    return map;
  };
  const tell = (type: ResourceType, object: any, old: any) => followers.get(groupResource(type))?.forEach((change) => change(object, old));
  return {
    put(type, object) {
      const key = `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
      const old = objects(type).get(key);
      objects(type).set(key, object);
      tell(type, object, old);
    },
    remove(type, name, namespace = '') {
      const old = objects(type).get(`${namespace}/${name}`);
      objects(type).delete(`${namespace}/${name}`);
      if (old) tell(type, undefined, old);
    },
    get: async (type, name, namespace = '') => objects(type).get(`${namespace}/${name}`),
    peek: (type, name, namespace = '') => objects(type).get(`${namespace}/${name}`),
    list: async (type, namespace) => [...objects(type).values()].filter((o) => namespace === undefined || o.metadata.namespace === namespace),
    async follow(type, change) {
      followers.set(groupResource(type), [...(followers.get(groupResource(type)) ?? []), change as Change]);
      for (const object of objects(type).values()) change(object, undefined);
    },
  };
}

/** A request for a resource; what is not said is empty. */
export const resourceRequest = (user: User, verb: string, resource: string, more: Partial<RequestAttributes> = {}): RequestAttributes => {
  const [plural, subresource = ''] = resource.split('/');
  return { user, verb, isResource: true, path: '', group: '', version: 'v1', resource: plural, subresource, namespace: '', name: '', ...more };
};
