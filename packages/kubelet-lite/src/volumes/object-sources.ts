/**
 * The config maps and secrets that this node's pods use, each followed by a watch of its own for as long as a pod
 * refers to it (the node authorizer allows a kubelet no wider watch).
 */
import type { ConfigMap, Pod, Secret } from '@pilothouse/api-schemas/types/core/v1';
import { configMaps, isNotFound, notFoundError, type ResourceType, secrets } from '@pilothouse/apimachinery';
import type { Runtime } from '@pilothouse/base';
import { type Client, createInformer, type RunningInformer } from '@pilothouse/client';

export interface ObjectSources {
  /** Follows what the pod refers to; repeatable with a newer version of the pod. */
  register(pod: Pod): void;
  unregister(uid: string): void;
  configMap(namespace: string, name: string): Promise<ConfigMap>;
  secret(namespace: string, name: string): Promise<Secret>;
  isNotFound(error: unknown): boolean;
  close(): Promise<void>;
}

interface Entry {
  users: Set<string>;
  informer: RunningInformer<any>;
  stop: AbortController;
  done: Promise<void>;
}

/** Names of what a pod refers to: `ConfigMap/ns/name`, `Secret/ns/name`. */
export function referencesOf(pod: Pod): Set<string> {
  const refs = new Set<string>();
  const namespace = pod.metadata.namespace;
  const add = (kind: 'ConfigMap' | 'Secret', name: string | undefined) => name && refs.add(`${kind}/${namespace}/${name}`);
  const spec = pod.spec!;
  for (const c of [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])]) {
    for (const from of c.envFrom ?? []) {
      add('ConfigMap', from.configMapRef?.name);
      add('Secret', from.secretRef?.name);
    }
    for (const e of c.env ?? []) {
      add('ConfigMap', e.valueFrom?.configMapKeyRef?.name);
      add('Secret', e.valueFrom?.secretKeyRef?.name);
    }
  }
  for (const v of spec.volumes ?? []) {
    add('ConfigMap', v.configMap?.name);
    add('Secret', v.secret?.secretName);
    for (const s of v.projected?.sources ?? []) {
      add('ConfigMap', s.configMap?.name);
      add('Secret', s.secret?.name);
    }
  }
  for (const s of spec.imagePullSecrets ?? []) add('Secret', s.name);
  return refs;
}

/** `changed` is told of each change of an object, with the uids of the pods that use it. */
export function createObjectSources(options: { client: Client; runtime: Runtime; changed(podUids: readonly string[]): void }): ObjectSources {
  const entries = new Map<string, Entry>();
  const byPod = new Map<string, Set<string>>();

  const follow = (key: string): Entry => {
    const [kind, namespace, name] = key.split('/');
    const informer = createInformer<any>({ client: options.client, runtime: options.runtime, type: kind === 'Secret' ? secrets : configMaps, namespace, fieldSelector: `metadata.name=${name}` });
    const stop = new AbortController();
    const entry: Entry = { users: new Set(), informer, stop, done: informer.run(stop.signal).catch(() => undefined) };
    const tell = () => options.changed([...entry.users]);
    informer.handle({ add: (_, initial) => !initial && tell(), update: tell, delete: tell });
    entries.set(key, entry);
    return entry;
  };
  const release = (key: string, uid: string) => {
    const entry = entries.get(key);
    if (!entry?.users.delete(uid) || entry.users.size) return;
    entries.delete(key);
    entry.stop.abort(new Error('no pod uses it'));
  };
  const read = async <T extends ConfigMap | Secret>(kind: string, type: ResourceType<T>, namespace: string, name: string): Promise<T> => {
    const entry = entries.get(`${kind}/${namespace}/${name}`);
    if (!entry?.informer.synced) return options.client.get(type, name, { namespace });
    const found = entry.informer.lister.get(`${namespace}/${name}`) as T | undefined;
    // What is newly made may not have reached the watch.
    return found ?? options.client.get(type, name, { namespace });
  };

  return {
    register(pod) {
      const uid = pod.metadata.uid!;
      const wanted = referencesOf(pod);
      const had = byPod.get(uid);
      if (!wanted.size && !had) return;
      for (const key of wanted) (entries.get(key) ?? follow(key)).users.add(uid);
      for (const key of had ?? []) if (!wanted.has(key)) release(key, uid);
      byPod.set(uid, wanted);
    },
    unregister(uid) {
      for (const key of byPod.get(uid) ?? []) release(key, uid);
      byPod.delete(uid);
    },
    configMap: async (namespace, name) => read('ConfigMap', configMaps, namespace, name).catch((e) => Promise.reject(worded(e, 'configmap', name))),
    secret: async (namespace, name) => read('Secret', secrets, namespace, name).catch((e) => Promise.reject(worded(e, 'secret', name))),
    isNotFound,
    async close() {
      const all = [...entries.values()];
      entries.clear();
      for (const entry of all) entry.stop.abort(new Error('the kubelet is closing'));
      await Promise.all(all.map((e) => e.done));
    },
  };
}

/** The kubelet reads through its cache, whose errors name the kind in the singular. */
const worded = (error: unknown, singular: string, name: string) => (isNotFound(error) ? notFoundError({ group: '', plural: singular }, name) : error);
