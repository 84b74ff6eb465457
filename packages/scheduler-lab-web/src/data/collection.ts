/** A resource followed from the page, as signals that change at most once a frame, and less often where there is much of it. */
import type { KubeObject, ResourceType } from '@pilothouse/apimachinery';
import type { Runtime } from '@pilothouse/base';
import { messageOf } from '@pilothouse/base/errors';
import type { Client, InformerHandler } from '@pilothouse/client/contract';
import { createInformer } from '@pilothouse/client/informer/informer';
import { computed, type ReadonlySignal, signal } from '@preact/signals';

export interface Collection<T extends KubeObject> {
  readonly items: ReadonlySignal<readonly T[]>;
  readonly synced: ReadonlySignal<boolean>;
  /** By `namespace/name`, or `name`; follows changes when read inside an effect or a view. */
  get(key: string): T | undefined;
  handle(handler: InformerHandler<T>): () => void;
  /** Stops following; what was seen stays. */
  close(): void;
}

export interface CollectionOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

/** Beyond so many objects, changes are drawn a few times a second only. */
const many = 1000;
const manyPauseMs = 250;

/** Fields that nobody looks at and that make up half of an object. */
const slim = <T extends KubeObject>(object: T): T => {
  delete object.metadata.managedFields;
  return object;
};

export function collect<T extends KubeObject>(client: Client, runtime: Runtime, type: ResourceType<T>, options: CollectionOptions = {}): Collection<T> {
  const stop = new AbortController();
  const informer = createInformer<T>({ client, runtime, type, transform: slim, ...options });
  const version = signal(0);
  const synced = signal(false);
  let due = false;
  const changed = () => {
    if (due) return;
    due = true;
    // A hidden tab draws no frames, and need not.
    const draw = () => requestAnimationFrame(() => {
      due = false;
      version.value++;
    });
    if (informer.lister.size > many) runtime.clock.after(manyPauseMs, draw);
    else draw();
  };
  informer.handle({ add: changed, update: changed, delete: changed });
  informer.run(stop.signal).catch((error) => runtime.log.warn('Following failed', { resource: type.plural, reason: messageOf(error) }));
  informer.whenSynced(stop.signal).then(
    () => {
      synced.value = true;
      changed();
    },
    () => undefined,
  );
  /** What reads through it is run again after changes. */
  const current = () => {
    void version.value;
    return informer.lister;
  };
  return {
    items: computed(() => current().list()),
    synced,
    get: (key) => current().get(key),
    handle: (handler) => informer.handle(handler),
    close: () => stop.abort(new Error('no longer needed')),
  };
}
