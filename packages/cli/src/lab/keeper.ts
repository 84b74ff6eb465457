/**
 * Keeps the lessons of a cluster. A lesson is a namespace labelled with its name; the page creates it, and everything
 * else is made here: hollow nodes with their kubelets, objects of the lesson, and the rights a learner needs inside.
 * A lesson ends when its namespace is deleted, or when nobody has renewed it: the page does so while it is open. What is
 * left of lessons of an earlier run is taken up again or cleaned away at the start.
 */
import type { Lease } from '@pilothouse/api-schemas/types/coordination/v1';
import type { Namespace } from '@pilothouse/api-schemas/types/core/v1';
import { isAlreadyExists, isNotFound, leases, namespaces, nodes } from '@pilothouse/apimachinery';
import { messageOf, type Runtime, type Scope } from '@pilothouse/base';
import { type Client, createInformer, createWorkQueue } from '@pilothouse/client';
import { type HollowNodes, startHollowNodes } from '@pilothouse/kubelet-lite/hollow';
import { lessons } from '@pilothouse/scheduler-lab-web/lessons/index';
import { type Lesson, lessonLabel, lessonLease, lessonTaint, problemAnnotation, whereOf } from '@pilothouse/scheduler-lab-web/lessons/lesson';
import { leadAs } from '../parts/controllers.ts';
import { grantLesson, revokeLesson } from './lesson-rights.ts';
import { clusterObjectTypes, createObject } from './lesson-objects.ts';

/** A lesson that was never renewed lives so long. */
const firstLifeMs = 15 * 60_000;
const sweepMs = 20_000;

/** When a lesson's time is over, in milliseconds since the epoch. The page renews the Lease; it cannot change the namespace. Pure. */
export function expiryOf(namespace: Namespace, lease: Lease | undefined): number {
  const until = Date.parse(lease?.spec?.renewTime ?? '') + (lease?.spec?.leaseDurationSeconds ?? 0) * 1000;
  return Number.isNaN(until) ? Date.parse(namespace.metadata.creationTimestamp ?? '') + firstLifeMs : until;
}

/** Runs until the scope closes; what lessons there are stay, for the next keeper. */
export async function keepLessons(client: Client, runtime: Runtime, scope: Scope): Promise<void> {
  const { clock, log } = runtime;
  const running = new Map<string, HollowNodes>();
  const queue = createWorkQueue({ clock });
  const informer = createInformer<Namespace>({ client, runtime, type: namespaces, labelSelector: lessonLabel });

  const setUp = async (name: string, lesson: Lesson) => {
    if (running.has(name)) return;
    const at = whereOf(name);
    await grantLesson(client, name, lesson.nodes.map((node) => at.node(node.name)));
    for (const object of [...(lesson.clusterObjects?.(at) ?? []), ...(lesson.objects?.(at) ?? [])]) {
      await createObject(client, { ...object, metadata: { ...object.metadata, labels: { ...object.metadata.labels, [lessonLabel]: name } } }).catch((error) => {
        if (!isAlreadyExists(error)) throw error;
      });
    }
    running.set(name, await startHollowNodes({
      client, runtime, server: false, count: lesson.nodes.length,
      names: lesson.nodes.map((node) => at.node(node.name)),
      labels: (i) => ({ ...lesson.nodes[i].labels, [lessonLabel]: name }),
      taints: (i) => [...(lesson.nodes[i].taints ?? []), lessonTaint(name)],
      capacity: (i) => ({ cpu: lesson.nodes[i].cpu ?? 4, memory: lesson.nodes[i].memory ?? '8Gi', pods: 20 }),
    }));
  };

  const takeDown = async (name: string) => {
    await running.get(name)?.close();
    running.delete(name);
    await client.deleteCollection(nodes, { labelSelector: `${lessonLabel}=${name}` });
    for (const type of clusterObjectTypes) await client.deleteCollection(type, { labelSelector: `${lessonLabel}=${name}` });
    await revokeLesson(client, name);
  };

  const reconcile = async (name: string): Promise<void> => {
    const namespace = informer.lister.get(name);
    if (!namespace || namespace.metadata.deletionTimestamp) {
      // Its pods go first, so that the kubelets see them off.
      if (!namespace) await takeDown(name);
      return;
    }
    const lease = await client.get(leases, lessonLease, { namespace: name }).catch((error) => {
      if (!isNotFound(error)) throw error;
      return undefined;
    });
    if (expiryOf(namespace, lease) <= clock.now()) {
      await client.delete(namespaces, name).catch((error) => {
        if (!isNotFound(error)) throw error;
      });
      return;
    }
    const lesson = lessons.find((l) => l.id === namespace.metadata.labels?.[lessonLabel]);
    if (lesson) await setUp(name, lesson);
  };

  const work = async () => {
    for (let key = await queue.get(); key !== undefined; key = await queue.get()) {
      try {
        await reconcile(key);
        queue.forget(key);
      } catch (error) {
        log.warn('Keeping a lesson failed', { namespace: key, err: messageOf(error) });
        // The page shows it to whoever waits for the lesson.
        await client.patch(namespaces, key, { metadata: { annotations: { [problemAnnotation]: messageOf(error).slice(0, 500) } } }).catch(() => undefined);
        queue.addRateLimited(key);
      }
      queue.done(key);
    }
  };

  /** Lessons whose time may be over, and nodes of lessons that are no more, by a keeper that did not live to see it. */
  const sweep = async () => {
    for (const namespace of informer.lister.list()) queue.add(namespace.metadata.name!);
    const found = await client.list(nodes, { labelSelector: lessonLabel });
    for (const node of found.items) {
      const name = node.metadata.labels![lessonLabel];
      if (!informer.lister.get(name)) queue.add(name);
    }
  };

  const add = (namespace: Namespace) => queue.add(namespace.metadata.name!);
  informer.handle({ add, update: add, delete: add });
  const stop = new AbortController();
  const following = informer.run(stop.signal);
  const worker = work();
  scope.defer(async () => {
    stop.abort(new Error('the keeper of lessons is stopping'));
    queue.shutDown();
    await Promise.allSettled([following, worker]);
    await Promise.allSettled([...running.values()].map((hollow) => hollow.close()));
  });
  await informer.whenSynced(scope.signal);
  const guarded = () => void sweep().catch((error) => log.warn('Looking for lessons that are over failed', { err: messageOf(error) }));
  guarded();
  const timer = clock.every(sweepMs, guarded);
  scope.defer(() => timer.cancel());
}

/** Stands for election, so that one keeper works where several labs serve a cluster, and then keeps lessons until the scope closes. */
export function startKeeper(client: Client, runtime: Runtime, scope: Scope): void {
  const own = scope.child('lessons');
  leadAs('pilothouse-lab', client, runtime, own, () => keepLessons(client, runtime, own)).catch((error) => {
    if (!own.closed) runtime.log.warn('Lessons are not kept', { err: messageOf(error) });
  });
}
