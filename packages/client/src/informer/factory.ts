import type { Runtime } from '@pilothouse/base';
import type { KubeObject, ResourceType } from '@pilothouse/apimachinery';
import type { Client, InformerFactory, InformerSelection } from '../contract.ts';
import { createInformer, type RunningInformer } from './informer.ts';

export interface FactoryOptions {
  /** Takes initial states as streams (sendInitialEvents) where the server can; for sockets, so that no answer must be held whole. */
  watchList?: boolean;
}

/** One informer per resource and selection, shared by all that ask. Informers with a `transform` are shared by the same function only. */
export function createInformerFactory(client: Client, runtime: Runtime, factoryOptions: FactoryOptions = {}): InformerFactory {
  const informers = new Map<string, RunningInformer<any>>();
  const transforms = new Map<unknown, number>();
  const stop = new AbortController();
  const running: Promise<void>[] = [];
  let started = false;

  const numberOf = (transform: unknown) => {
    if (!transform) return 0;
    if (!transforms.has(transform)) transforms.set(transform, transforms.size + 1);
    return transforms.get(transform);
  };
  const run = (informer: RunningInformer<any>) => void running.push(informer.run(stop.signal));

  return {
    informer<T extends KubeObject>(type: ResourceType<T>, options: InformerSelection<T> = {}) {
      const { namespace = '', labelSelector = '', fieldSelector = '', transform, metadataOnly } = options;
      const key = [type.group, type.version, type.plural, namespace, labelSelector, fieldSelector, numberOf(transform)].join('|');
      const existing = informers.get(key) ?? (metadataOnly ? informers.get(`${key}|metadata`) : undefined);
      if (existing) return existing as RunningInformer<T>;
      const informer = createInformer<T>({
        client, runtime, type, metadataOnly,
        namespace: namespace || undefined, labelSelector: labelSelector || undefined, fieldSelector: fieldSelector || undefined,
        transform,
        watchList: factoryOptions.watchList,
      });
      informers.set(metadataOnly ? `${key}|metadata` : key, informer);
      if (started && !stop.signal.aborted) run(informer);
      return informer;
    },
    start() {
      if (started) return;
      started = true;
      for (const informer of informers.values()) run(informer);
    },
    async whenSynced(signal) {
      for (const informer of [...informers.values()]) await informer.whenSynced(signal);
    },
    async close() {
      stop.abort(new Error('the informers are closing'));
      await Promise.all(running);
    },
  };
}
