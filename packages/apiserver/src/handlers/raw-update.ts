import { type KubeObject, notFoundError } from '@pilothouse/apimachinery';
import { RevisionConflict, StoreUnavailable } from '@pilothouse/storage';
import type { CachedObject } from '../cache/cached-object.ts';
import { cloneJson } from '../objects/clone.ts';
import { fromEntry, putObject, readObject, unwritten } from '../objects/storage.ts';
import type { ServedResource } from '../registry.ts';
import type { ServerCore } from './call.ts';

/**
 * Changes one object past its strategy, as the server's own subresources do: `change` is given a copy of the newest state
 * (in the stored version) and is called again when another write came first. `copy`: what of it `change` does not share with the
 * cached object; default all. @throws StatusError 404
 */
export async function rawUpdate<T extends KubeObject>(core: ServerCore, resource: ServedResource, target: { namespace: string; name: string; dryRun: boolean }, change: (object: T) => void, copy: (object: T) => T = cloneJson): Promise<CachedObject> {
  const stored = resource.stored!;
  let current = stored.cache.get(target.namespace, target.name);
  let fresh = false;
  for (;;) {
    if (!current && !fresh) {
      current = await readObject(core.store, stored, target.namespace, target.name);
      fresh = true;
    }
    if (!current) throw notFoundError(resource.subject, target.name);
    try {
      const object = copy(current.parsed as T);
      change(object);
      if (target.dryRun) return unwritten(stored, object, current.revision);
      return await putObject(core.store, stored, object, current.revision);
    } catch (error) {
      if (error instanceof RevisionConflict) {
        current = error.current && fromEntry(stored, error.current);
        fresh = true;
        continue;
      }
      // What may have been done must not be answered by what is found afterwards.
      if (fresh || error instanceof StoreUnavailable) throw error;
      const before: CachedObject = current;
      current = await readObject(core.store, stored, target.namespace, target.name);
      fresh = true;
      if (current?.revision === before.revision) throw error;
    }
  }
}
