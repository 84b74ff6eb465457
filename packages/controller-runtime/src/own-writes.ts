import { groupResource, type KubeObject, type ResourceType } from '@pilothouse/apimachinery';
import type { Client, Informer } from '@pilothouse/client';

/**
 * What reconciling a key has written, and whether the caches show it: a controller that would look at what was before its
 * own writes waits instead (kep.k8s.io/5647). Deletions are not noted; expectations count them.
 */
export interface OwnWrites {
  /** A client that notes what is written through it for the key. */
  through(client: Client, key: string): Client;
  /** The resource (`pods`, `jobs.batch`) whose cache does not show what the key wrote; undefined: all do. */
  unseen(key: string): string | undefined;
}

/** `informerOf`: the cache of a resource, by `groupResource`; what has none is not waited for. */
export function ownWrites(informerOf: (resource: string) => Pick<Informer<KubeObject>, 'lastResourceVersion'> | undefined): OwnWrites {
  /** Key → resource → the newest version written. */
  const written = new Map<string, Map<string, bigint>>();
  const note = (key: string, type: ResourceType<any>, object: KubeObject): void => {
    const resource = groupResource(type);
    const version = versionOf(object.metadata?.resourceVersion);
    if (version === undefined || !informerOf(resource)) return;
    const versions = written.get(key) ?? new Map<string, bigint>();
    written.set(key, versions);
    if (version > (versions.get(resource) ?? -1n)) versions.set(resource, version);
  };
  return {
    through(client, key) {
      const noted = <T extends KubeObject>(type: ResourceType<T>, writing: Promise<T>): Promise<T> =>
        writing.then((object) => {
          note(key, type, object);
          return object;
        });
      const own: Pick<Client, 'create' | 'update' | 'updateStatus' | 'patch'> = {
        create: (type, object, options) => noted(type, client.create(type, object, options)),
        update: (type, object, options) => noted(type, client.update(type, object, options)),
        updateStatus: (type, object, options) => noted(type, client.updateStatus(type, object, options)),
        patch: (type, name, patch, options) => noted(type, client.patch(type, name, patch, options)),
      };
      return Object.assign(Object.create(client) as Client, own);
    },
    unseen(key) {
      for (const [resource, version] of written.get(key) ?? []) {
        const seen = versionOf(informerOf(resource)?.lastResourceVersion);
        if (seen !== undefined && seen < version) return resource;
      }
      written.delete(key);
      return undefined;
    },
  };
}

/** Versions are compared as numbers; one that is none cannot be waited for. */
const versionOf = (text: string | undefined): bigint | undefined => (text && /^[0-9]+$/.test(text) ? BigInt(text) : undefined);
