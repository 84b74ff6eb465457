/** Feeds the graph of owners: an informer per resource, of built-in ones, custom ones, and those of other API servers. */
import { groupResource, type KubeObject, type ResourceType } from '@pilothouse/apimachinery';
import { createInformer, discover, type Informer } from '@pilothouse/client';
import type { ControllerContext } from '@pilothouse/controller-runtime';
import { messageOf } from '@pilothouse/base';
import { apiServiceType, apiVersionOfType, builtinEntries, type CatalogEntry, crdType, customEntry, type ResourceCatalog, resourceCatalog } from '../../resource-catalog.ts';
import type { Identity, OwnerGraph } from './graph.ts';

/** Events own nothing and are owned by nothing, and there are many. */
const ignored = new Set(['events', 'events.events.k8s.io']);
const neededVerbs = ['list', 'watch', 'delete'];
/** What other API servers have is asked for so often: nobody tells when it changes. */
const discoveryEveryMs = 30_000;

export interface Followed {
  /** Informers so far; those of resources that come later are not waited for. */
  informers: readonly Informer<KubeObject>[];
  /** All resources, with those of other API servers. */
  catalog: ResourceCatalog;
}

export function followAll(graph: OwnerGraph, context: ControllerContext): Followed {
  const informers: Informer<KubeObject>[] = [];
  for (const { type, verbs } of builtinEntries) {
    if (ignored.has(groupResource(type)) || !neededVerbs.every((verb) => verbs.includes(verb))) continue;
    const informer = context.informers.informer<KubeObject>(type, { metadataOnly: true });
    const off = feed(graph, type, informer);
    context.signal.addEventListener('abort', off, { once: true });
    informers.push(informer);
  }
  const passing = followPassing(graph, context, (informer) => informers.push(informer));
  const off = context.informer(crdType).handle({
    add: (crd) => passing.update(crd.metadata.name!, customEntry(crd)),
    update: (crd) => passing.update(crd.metadata.name!, customEntry(crd)),
    delete: (crd) => passing.update(crd.metadata.name!, undefined),
  });
  context.signal.addEventListener('abort', off, { once: true });
  const remote = followRemote(context, passing.update);
  const own = resourceCatalog(context.lister(crdType));
  return {
    informers,
    catalog: {
      entries: () => [...own.entries(), ...remote()],
      find: (apiVersion, kind) => own.find(apiVersion, kind) ?? remote().find(({ type }) => type.kind === kind && apiVersionOfType(type) === apiVersion),
    },
  };
}

/** Resources that come and go, by name; each has an informer of its own, which ends with it. */
function followPassing(graph: OwnerGraph, context: ControllerContext, began: (informer: Informer<KubeObject>) => void) {
  const { clock, random, log } = context;
  const followed = new Map<string, { type: ResourceType<any>; informer: Informer<KubeObject>; stop(): void }>();
  const follow = ({ type }: CatalogEntry) => {
    const stop = new AbortController();
    const informer = createInformer<KubeObject>({ client: context.client, runtime: { clock, random, log }, type, metadataOnly: true });
    feed(graph, type, informer);
    const onAbort = () => stop.abort(context.signal.reason);
    context.signal.addEventListener('abort', onAbort, { once: true });
    void informer.run(stop.signal);
    began(informer);
    return {
      type, informer,
      stop() {
        context.signal.removeEventListener('abort', onAbort);
        stop.abort(new Error('the resource is gone'));
      },
    };
  };
  return {
    /** The resource of this name is served so, or no more. */
    update(name: string, entry: CatalogEntry | undefined): void {
      const current = followed.get(name);
      if (current && entry && current.type.version === entry.type.version) return;
      current?.stop();
      followed.delete(name);
      if (entry) followed.set(name, follow(entry));
      else current?.informer.lister.list().forEach((object) => graph.forget(object.metadata.uid!));
    },
  };
}

/** What other API servers serve, as far as it is known; asked for as long as there are any. */
function followRemote(context: ControllerContext, update: (name: string, entry: CatalogEntry | undefined) => void): () => readonly CatalogEntry[] {
  let entries: CatalogEntry[] = [];
  let asking = false;
  const versions = () => new Set(context.lister(apiServiceType).list().filter(({ spec }) => spec?.service).map(({ spec }) => `${spec!.group ?? ''}/${spec!.version}`));
  const ask = async (): Promise<void> => {
    const remote = versions();
    if (asking || (!remote.size && !entries.length)) return;
    asking = true;
    try {
      const { resources, stale } = remote.size ? await discover(context.client, { signal: context.signal }) : { resources: [], stale: [] };
      const of = ({ type }: Pick<CatalogEntry, 'type'>) => `${type.group}/${type.version}`;
      // What cannot be discovered just now is taken to be as it was.
      const next = [...resources.filter((resource) => remote.has(of(resource))).map((resource) => ({ ...resource, custom: true })), ...entries.filter((entry) => remote.has(of(entry)) && stale.includes(of(entry)))];
      const names = new Set(next.map(({ type }) => groupResource(type)));
      for (const { type } of entries) if (!names.has(groupResource(type))) update(groupResource(type), undefined);
      for (const entry of next) if (neededVerbs.every((verb) => entry.verbs.includes(verb))) update(groupResource(entry.type), entry);
      entries = next;
    } catch (error) {
      if (!context.signal.aborted) context.log.warn('Could not ask which resources other API servers have', { reason: messageOf(error) });
    } finally {
      asking = false;
    }
  };
  const touch = () => void ask();
  const off = context.informer(apiServiceType).handle({ add: touch, update: touch, delete: touch });
  const ticking = context.clock.every(discoveryEveryMs, touch);
  context.signal.addEventListener('abort', () => {
    off();
    ticking.cancel();
  }, { once: true });
  return () => entries;
}

function feed(graph: OwnerGraph, type: ResourceType<any>, informer: Informer<KubeObject>): () => void {
  const apiVersion = apiVersionOfType(type);
  const identity = ({ metadata }: KubeObject): Identity => ({ apiVersion, kind: type.kind, name: metadata.name!, uid: metadata.uid!, namespace: metadata.namespace ?? '' });
  return informer.handle({
    add: (object) => graph.observe(identity(object), object.metadata),
    update(object, old) {
      if (object.metadata.uid !== old.metadata.uid) graph.forget(old.metadata.uid!);
      graph.observe(identity(object), object.metadata, object.metadata.uid === old.metadata.uid ? old.metadata : undefined);
    },
    delete: (object) => graph.forget(object.metadata.uid!),
  });
}
