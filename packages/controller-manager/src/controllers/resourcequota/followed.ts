/** Caches of just those resources that some quota limits. */
import { groupResource, type KubeObject, type ResourceType } from '@pilothouse/apimachinery';
import { createInformer, type Informer } from '@pilothouse/client';
import type { ControllerContext } from '@pilothouse/controller-runtime';
import type { CatalogEntry } from '../../resource-catalog.ts';

/** Resources whose objects are charged by what they hold; of the others it is enough to know that they are there. */
const whole = new Set(['pods', 'services', 'persistentvolumeclaims', 'resourceclaims.resource.k8s.io']);

export interface Followed {
  /** The cache of a resource, begun when first asked for. */
  follow(entry: CatalogEntry): Informer<KubeObject>;
  /** Ends the cache of a resource that is served no more. */
  leave(type: ResourceType<any>): void;
}

export type ChangeListener = (type: ResourceType<any>, object: KubeObject, change: { old?: KubeObject; deleted?: boolean }) => void;

export function followOnDemand(context: ControllerContext, onChange: ChangeListener): Followed {
  const followed = new Map<string, { version: string; informer: Informer<KubeObject>; stop(): void }>();

  const begin = ({ type, custom }: CatalogEntry) => {
    const stop = new AbortController();
    const end = () => {
      context.signal.removeEventListener('abort', end);
      stop.abort(new Error('the resource is followed no longer'));
    };
    context.signal.addEventListener('abort', end, { once: true });
    let informer: Informer<KubeObject>;
    if (custom) {
      // Not shared, so that it can end with its definition.
      const { clock, random, log } = context;
      const own = createInformer<KubeObject>({ client: context.client, runtime: { clock, random, log }, type, metadataOnly: true });
      void own.run(stop.signal);
      informer = own;
    } else informer = context.informers.informer<KubeObject>(type, { metadataOnly: !whole.has(groupResource(type)) });
    const off = informer.handle({
      add: (object, initial) => !initial && onChange(type, object, {}),
      update: (object, old) => onChange(type, object, { old }),
      delete: (object) => onChange(type, object, { deleted: true }),
    });
    stop.signal.addEventListener('abort', off, { once: true });
    return { version: type.version, informer, stop: end };
  };

  return {
    follow(entry) {
      const name = groupResource(entry.type);
      let found = followed.get(name);
      if (found && found.version !== entry.type.version) {
        found.stop();
        found = undefined;
      }
      if (!found) followed.set(name, (found = begin(entry)));
      return found.informer;
    },
    leave(type) {
      const name = groupResource(type);
      followed.get(name)?.stop();
      followed.delete(name);
    },
  };
}
