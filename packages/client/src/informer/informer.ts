import { messageOf, type Runtime } from '@pilothouse/base';
import { type KubeObject, keyOf, type WatchEvent } from '@pilothouse/apimachinery';
import { clone } from '../clone.ts';
import type { Informer, InformerHandler } from '../contract.ts';
import { type ReflectorOptions, reflect } from './reflector.ts';
import { ObjectStore } from './store.ts';

export interface InformerOptions<T extends KubeObject> extends Omit<ReflectorOptions<T>, 'replace' | 'apply' | 'progress'> {
  runtime: Runtime;
  transform?: (object: T) => T;
}

export interface RunningInformer<T extends KubeObject> extends Informer<T> {
  /** Follows the API until `signal` aborts; call once. */
  run(signal: AbortSignal): Promise<void>;
}

/** A cache of one selection of a resource, and calls for each of its changes. */
export function createInformer<T extends KubeObject>(options: InformerOptions<T>): RunningInformer<T> {
  const { log } = options.runtime;
  const store = new ObjectStore<T>();
  const handlers = new Set<InformerHandler<T>>();
  const waiting = new Set<() => void>();
  let synced = false;
  let resourceVersion = '';

  const prepared = (object: T): T => (options.transform ? options.transform(clone(object)) : object);
  const deliver = (call: (handler: InformerHandler<T>) => void) => {
    for (const handler of handlers) guarded(() => call(handler));
  };
  /** A handler's mistake must not end the informer. */
  const guarded = (call: () => void) => {
    try {
      call();
    } catch (error) {
      log.error('Informer handler failed', { resource: options.type.plural, err: error, reason: messageOf(error) });
    }
  };
  const put = (object: T): (() => void) | undefined => {
    const key = keyOf(object);
    const old = store.get(key);
    if (old && old.metadata.resourceVersion === object.metadata.resourceVersion && old.metadata.uid === object.metadata.uid) return undefined;
    const kept = prepared(object);
    store.set(key, kept);
    const initial = !synced;
    return old ? () => deliver((handler) => handler.update?.(kept, old)) : () => deliver((handler) => handler.add?.(kept, initial));
  };
  const drop = (key: string, last?: T): (() => void) | undefined => {
    const old = store.delete(key);
    if (!old) return undefined;
    const gone = last ? prepared(last) : old;
    return () => deliver((handler) => handler.delete?.(gone));
  };

  const informer: RunningInformer<T> = {
    lister: store,
    get synced() {
      return synced;
    },
    get lastResourceVersion() {
      return resourceVersion;
    },
    handle(handler) {
      handlers.add(handler);
      if (store.size && handler.add) for (const object of store.list()) guarded(() => handler.add!(object, true));
      return () => void handlers.delete(handler);
    },
    addIndex: (name, valuesOf) => store.addIndex(name, valuesOf),
    whenSynced(signal) {
      if (synced) return Promise.resolve();
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const settled = () => {
          signal?.removeEventListener('abort', onAbort);
          waiting.delete(settled);
          resolve();
        };
        const onAbort = () => {
          waiting.delete(settled);
          reject(signal!.reason);
        };
        waiting.add(settled);
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    },
    run: (signal) =>
      reflect<T>(
        {
          ...options,
          replace(items, version) {
            // The whole new state is in place before the first handler hears of it.
            const calls: (() => void)[] = [];
            const present = new Set<string>();
            for (const item of items) {
              present.add(keyOf(item));
              const call = put(item);
              if (call) calls.push(call);
            }
            for (const key of [...store.keys()]) {
              if (present.has(key)) continue;
              const call = drop(key);
              if (call) calls.push(call);
            }
            resourceVersion = version;
            for (const call of calls) call();
            synced = true;
            for (const settled of [...waiting]) settled();
          },
          apply(event: WatchEvent<T>) {
            resourceVersion = event.object.metadata.resourceVersion ?? resourceVersion;
            const call = event.type === 'DELETED' ? drop(keyOf(event.object), event.object) : put(event.object);
            call?.();
          },
          progress(version) {
            resourceVersion = version;
          },
        },
        signal,
      ),
  };
  return informer;
}
