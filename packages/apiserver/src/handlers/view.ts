import type { KubeObject } from '@pilothouse/apimachinery';
import type { CachedObject } from '../cache/cached-object.ts';
import { encodeObject } from '../cache/encoding.ts';
import type { ServedResource } from '../registry.ts';

/** An object as a served version shows it. */
export interface View {
  /** JSON with a line's end. */
  readonly bytes: Buffer;
  /** Shared: never to be mutated. */
  readonly object: KubeObject;
}

const converted = new WeakMap<CachedObject, Map<string, View>>();

/** A cached object in the resource's version; made once per object and version. */
export function viewOf(resource: ServedResource, entry: CachedObject): View {
  if (!resource.conversion) return entry;
  let views = converted.get(entry);
  if (!views) converted.set(entry, (views = new Map()));
  let view = views.get(resource.view);
  if (!view) {
    const { object } = entry;
    const shown = resource.conversion.fromStorage(object);
    view = shown === object ? entry : viewOfObject(shown);
    views.set(resource.view, view);
  }
  return view;
}

/** What `viewOf` shows, for those that look at it and let it go. */
export const objectOf = (resource: ServedResource, entry: CachedObject): KubeObject => (resource.conversion ? viewOf(resource, entry).object : entry.parsed);

/**
 * Makes ready what `viewOf` shows, where another server has to be asked for it; undefined: it need not.
 * @throws StatusError 500 where that server fails
 */
export function prepareViews(resource: ServedResource, entries: readonly CachedObject[]): Promise<void> | undefined {
  const remote = resource.conversion?.remote;
  if (!remote) return undefined;
  const missing = entries.filter((entry) => !converted.get(entry)?.has(resource.view));
  if (!missing.length) return undefined;
  return remote.fromStorage(missing.map(({ object }) => object)).then((shown) => {
    missing.forEach((entry, i) => {
      let views = converted.get(entry);
      if (!views) converted.set(entry, (views = new Map()));
      views.set(resource.view, shown[i] === entry.object ? entry : viewOfObject(shown[i]));
    });
  });
}

/** The object as it is stored. @throws StatusError 500 where another server has to be asked for it, and fails */
export function storedForm({ conversion }: ServedResource, object: KubeObject): KubeObject | Promise<KubeObject> {
  if (!conversion) return object;
  return conversion.remote ? conversion.remote.toStorage(object) : conversion.toStorage(object);
}

/** An object that is in the served version already. */
export function viewOfObject(object: KubeObject): View {
  let bytes: Buffer | undefined;
  return {
    object,
    get bytes() {
      bytes ??= encodeObject(object);
      return bytes;
    },
  };
}
