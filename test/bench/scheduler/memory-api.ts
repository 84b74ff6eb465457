/** A client and informers over tables in memory: writes return at once and are seen by the informers. For measuring a scheduler alone. */
import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { type KubeObject, nodes, pods, type ResourceType } from '@pilothouse/apimachinery';
import type { Client, Informer, InformerFactory, InformerHandler } from '@pilothouse/client';

/** One resource's objects and those who follow them. */
class Table<T extends KubeObject> implements Informer<T> {
  readonly objects = new Map<string, T>();
  readonly #handlers = new Set<InformerHandler<T>>();
  readonly synced = true;
  readonly lastResourceVersion = '1';
  readonly lister = {
    get: (key: string) => this.objects.get(key),
    list: () => [...this.objects.values()],
    inNamespace: (namespace: string) => [...this.objects.values()].filter((o) => o.metadata.namespace === namespace),
    byIndex: () => [],
    ownedBy: () => [],
    size: 0,
  };
  handle(handler: InformerHandler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.objects.values()) handler.add?.(object, true);
    return () => void this.#handlers.delete(handler);
  }
  addIndex(): void {}
  async whenSynced(): Promise<void> {}
  put(object: T): void {
    const key = keyOf(object);
    const old = this.objects.get(key);
    this.objects.set(key, object);
    for (const handler of this.#handlers) old ? handler.update?.(object, old) : handler.add?.(object, false);
  }
  remove(key: string): void {
    const object = this.objects.get(key);
    if (!object) return;
    this.objects.delete(key);
    for (const handler of this.#handlers) handler.delete?.(object);
  }
}

const keyOf = ({ metadata }: KubeObject) => (metadata.namespace ? `${metadata.namespace}/${metadata.name}` : metadata.name!);

export interface MemoryApi {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly pods: Table<Pod>;
  readonly nodes: Table<Node>;
  /** Pods bound so far. */
  readonly bound: { pod: string; node: string }[];
}

/** `onBound` is told after each binding. */
export function memoryApi(onBound: (count: number) => void): MemoryApi {
  const tables = new Map<string, Table<any>>();
  const table = <T extends KubeObject>(type: ResourceType<T>): Table<T> => {
    const key = `${type.group}/${type.plural}`;
    let found = tables.get(key);
    if (!found) tables.set(key, (found = new Table<T>()));
    return found;
  };
  const podTable = table(pods);
  const bound: MemoryApi['bound'] = [];
  const client: Partial<Client> = {
    create: async (_type, object) => object,
    async createSubresource(_type, name, _subresource, body, options) {
      const node = (body as { target: { name: string } }).target.name;
      const pod = podTable.objects.get(`${options!.namespace}/${name}`)!;
      podTable.put({ ...pod, spec: { ...pod.spec!, nodeName: node } });
      bound.push({ pod: name, node });
      onBound(bound.length);
      return undefined as never;
    },
    async patch(type, name, patch, options) {
      const object = table(type).objects.get(`${options!.namespace}/${name}`) as Pod | undefined;
      const status = (patch as { status?: object }).status;
      if (object && status) podTable.put({ ...object, status: { ...object.status, ...status } as Pod['status'] });
      return object as never;
    },
    async delete(type, name, options) {
      table(type).remove(`${options!.namespace}/${name}`);
    },
    close: async () => {},
  };
  return {
    client: client as Client,
    informers: { informer: (type) => table(type), start() {}, async whenSynced() {}, async close() {} },
    pods: podTable,
    nodes: table(nodes),
    bound,
  };
}
