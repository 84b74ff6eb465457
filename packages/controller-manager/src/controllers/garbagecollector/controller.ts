import { groupResource, type KubeObject, type OwnerReference, type ResourceType } from '@pilothouse/apimachinery';
import { createInformer, type Informer } from '@pilothouse/client';
import { type ControllerContext, defineController, done, readOnly, requeueAfter } from '@pilothouse/controller-runtime';
import { apiVersionOfType, type CatalogEntry, crdType, customEntry, builtinEntries, resourceCatalog } from '../../resource-catalog.ts';
import { type CollectorParts, examine, orphan, UnknownKind } from './collect.ts';
import { type GraphNode, type Identity, OwnerGraph } from './graph.ts';

/** Events own nothing and are owned by nothing, and there are many. */
const ignored = new Set(['events', 'events.events.k8s.io']);
/** After this long collecting begins, even if some resource cannot be listed. */
const initialSyncMs = 30_000;

interface State extends CollectorParts {
  /** Looks at a node that no informer has seen, by uid: how often. */
  retries: Map<string, number>;
}

/** Deletes what has lost its owners. @see https://kubernetes.io/docs/concepts/architecture/garbage-collection/ */
export const garbageCollectorController = defineController<State>({
  name: 'garbage-collector-controller',
  aliases: ['garbagecollector'],
  serviceAccount: 'generic-garbage-collector',
  workers: 20,
  watches: [readOnly(crdType)],
  async start(context) {
    const examineLater = (node: GraphNode) => context.enqueue(`examine/${node.identity.uid}`);
    const graph = new OwnerGraph({
      examine: (node, options) => (options?.later ? context.enqueueAfter(`examine/${node.identity.uid}`, 1000) : examineLater(node)),
      orphan: (node) => context.enqueue(`orphan/${node.identity.uid}`),
      misplaced: (child, ref) => reportMisplaced(child, ref, context),
    });
    const catalog = resourceCatalog(context.lister(crdType));
    const followed = followAll(graph, context);
    const giveUp = new AbortController();
    const timer = context.clock.after(initialSyncMs, () => giveUp.abort(new Error('not all resources could be listed in time')));
    await Promise.all(followed.map((informer) => informer.whenSynced(giveUp.signal))).catch(() => context.log.warn('Not all resources could be listed, collecting garbage anyway'));
    timer.cancel();
    return { client: context.client, clock: context.clock, signal: context.signal, graph, catalog, examine: examineLater, retries: new Map() };
  },
  async reconcile(key, _context, state) {
    const [task, uid] = key.split('/');
    const node = state.graph.get(uid);
    if (!node) {
      state.retries.delete(uid);
      return done;
    }
    if (task === 'orphan') {
      await orphan(node, state);
      return done;
    }
    let settled: boolean;
    try {
      settled = await examine(node, state);
    } catch (error) {
      if (!(error instanceof UnknownKind)) throw error;
      settled = false;
    }
    if (settled) {
      state.retries.delete(uid);
      return done;
    }
    const tries = state.retries.get(uid) ?? 0;
    state.retries.set(uid, tries + 1);
    return requeueAfter(Math.min(5 * 2 ** tries, 1_000_000));
  },
});

/** Feeds the graph from an informer per resource; resources that CRDs bring and take are followed and left. */
function followAll(graph: OwnerGraph, context: ControllerContext): Informer<KubeObject>[] {
  const followed: Informer<KubeObject>[] = [];
  for (const { type, verbs } of builtinEntries) {
    if (ignored.has(groupResource(type)) || !['list', 'watch', 'delete'].every((verb) => verbs.includes(verb))) continue;
    const informer = context.informers.informer<KubeObject>(type, { metadataOnly: true });
    const off = feed(graph, type, informer);
    context.signal.addEventListener('abort', off, { once: true });
    followed.push(informer);
  }
  const customs = new Map<string, { entry: CatalogEntry; stop(): void }>();
  const follow = (entry: CatalogEntry) => {
    const stop = new AbortController();
    const { clock, random, log } = context;
    const informer = createInformer<KubeObject>({ client: context.client, runtime: { clock, random, log }, type: entry.type, metadataOnly: true });
    feed(graph, entry.type, informer);
    const onAbort = () => stop.abort(context.signal.reason);
    context.signal.addEventListener('abort', onAbort, { once: true });
    void informer.run(stop.signal);
    const end = () => {
      context.signal.removeEventListener('abort', onAbort);
      stop.abort(new Error('the resource is gone'));
    };
    return { entry, informer, stop: end, forget: () => informer.lister.list().forEach((object) => graph.forget(object.metadata.uid!)) };
  };
  const update = (name: string, entry: CatalogEntry | undefined) => {
    const current = customs.get(name);
    if (current && entry && current.entry.type.version === entry.type.version) return;
    current?.stop();
    customs.delete(name);
    if (!entry) return (current as ReturnType<typeof follow> | undefined)?.forget();
    const started = follow(entry);
    customs.set(name, started);
    followed.push(started.informer);
  };
  const off = context.informer(crdType).handle({
    add: (crd) => update(crd.metadata.name!, customEntry(crd)),
    update: (crd) => update(crd.metadata.name!, customEntry(crd)),
    delete: (crd) => update(crd.metadata.name!, undefined),
  });
  context.signal.addEventListener('abort', off, { once: true });
  return followed;
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

function reportMisplaced({ identity }: GraphNode, ref: OwnerReference, { recorder }: ControllerContext): void {
  const owner = `[${ref.apiVersion}/${ref.kind}, namespace: ${identity.namespace}, name: ${ref.name}, uid: ${ref.uid}]`;
  recorder.event({ apiVersion: identity.apiVersion, kind: identity.kind, namespace: identity.namespace, name: identity.name, uid: identity.uid }, 'Warning', 'OwnerRefInvalidNamespace', `ownerRef ${owner} does not exist in namespace ${JSON.stringify(identity.namespace)}`);
}
