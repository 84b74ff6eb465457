import type { OwnerReference } from '@pilothouse/apimachinery';
import { type ControllerContext, defineController, done, readOnly, requeueAfter } from '@pilothouse/controller-runtime';
import { apiServiceType, crdType } from '../../resource-catalog.ts';
import { type CollectorParts, examine, orphan, UnknownKind } from './collect.ts';
import { followAll } from './followed.ts';
import { type GraphNode, OwnerGraph } from './graph.ts';

/** After this long collecting begins, even if some resource cannot be listed. */
const initialSyncMs = 30_000;

interface State extends CollectorParts {
  /** Looks at a node that no informer has seen, by uid: how often. */
  retries: Map<string, number>;
}

/** Deletes what has lost its owners. @see https://kubernetes.io/docs/concepts/architecture/garbage-collection/ */
export const garbageCollectorController = defineController<State | undefined>({
  name: 'garbage-collector-controller',
  aliases: ['garbagecollector'],
  serviceAccount: 'generic-garbage-collector',
  workers: 20,
  watches: [readOnly(crdType), readOnly(apiServiceType)],
  async start(context) {
    if (context.flags['enable-garbage-collector'] === false) return undefined;
    const examineLater = (node: GraphNode) => context.enqueue(`examine/${node.identity.uid}`);
    const graph = new OwnerGraph({
      examine: (node, options) => (options?.later ? context.enqueueAfter(`examine/${node.identity.uid}`, 1000) : examineLater(node)),
      orphan: (node) => context.enqueue(`orphan/${node.identity.uid}`),
      misplaced: (child, ref) => reportMisplaced(child, ref, context),
    });
    const { informers, catalog } = followAll(graph, context);
    const giveUp = new AbortController();
    const timer = context.clock.after(initialSyncMs, () => giveUp.abort(new Error('not all resources could be listed in time')));
    await Promise.all(informers.map((informer) => informer.whenSynced(giveUp.signal))).catch(() => context.log.warn('Not all resources could be listed, collecting garbage anyway'));
    timer.cancel();
    return { client: context.client, clock: context.clock, signal: context.signal, graph, catalog, examine: examineLater, retries: new Map() };
  },
  async reconcile(key, _context, state) {
    if (!state) return done;
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

function reportMisplaced({ identity }: GraphNode, ref: OwnerReference, { recorder }: ControllerContext): void {
  const owner = `[${ref.apiVersion}/${ref.kind}, namespace: ${identity.namespace}, name: ${ref.name}, uid: ${ref.uid}]`;
  recorder.event({ apiVersion: identity.apiVersion, kind: identity.kind, namespace: identity.namespace, name: identity.name, uid: identity.uid }, 'Warning', 'OwnerRefInvalidNamespace', `ownerRef ${owner} does not exist in namespace ${JSON.stringify(identity.namespace)}`);
}
