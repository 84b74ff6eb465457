/** What comes from the watches goes to the cache and the queue. */
import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { Informer } from '@pilothouse/client';
import { clusterEvent, nodeUpdateEvents, podUpdateEvents } from '@pilothouse/scheduler-framework';
import type { SchedulerCache } from './cache.ts';
import type { WatchedObjects } from './cluster-objects.ts';
import type { SchedulingQueue } from './queue/scheduling-queue.ts';
import { assignedDeleted } from './scheduler.ts';

const nodeAdded = clusterEvent('Node', 'Add');
const nodeDeleted = clusterEvent('Node', 'Delete');
const assignedAdded = clusterEvent('AssignedPod', 'Add');

export interface HandlerParts {
  pods: Informer<Pod>;
  nodes: Informer<Node>;
  watched: WatchedObjects;
  cache: SchedulerCache;
  queue: SchedulingQueue;
  /** Whether some profile schedules the pod. */
  isOurs: (pod: Pod) => boolean;
  /** A pod that waits for permission is not to be bound any more; false where it does not wait. */
  rejectWaiting: (uid: string) => boolean;
}

/** Returns the end of it. */
export function handleEvents({ pods, nodes, watched, cache, queue, isOurs, rejectWaiting }: HandlerParts): () => void {
  const assigned = (pod: Pod) => Boolean(pod.spec?.nodeName);
  const atMost = (pod: Pod) => (other: { priority: number }) => other.priority <= (pod.spec?.priority ?? 0);

  const addAssigned = (pod: Pod) => {
    cache.addPod(pod);
    queue.move(assignedAdded, undefined, pod);
  };
  /** The pod goes away between being assumed and being bound. */
  const dropAssumed = (pod: Pod) => {
    if (!rejectWaiting(pod.metadata.uid!)) cache.forget(pod.metadata.uid!);
    queue.move(assignedDeleted, pod, undefined);
  };
  const updateWaiting = (pod: Pod, old: Pod) => {
    if (pod.metadata.resourceVersion === old.metadata.resourceVersion) return;
    if (cache.isAssumed(pod.metadata.uid!)) {
      if (pod.metadata.deletionTimestamp && !old.metadata.deletionTimestamp) dropAssumed(pod);
      return;
    }
    queue.update(old, pod);
    const nominated = old.status?.nominatedNodeName;
    if (nominated && nominated !== pod.status?.nominatedNodeName) queue.move(assignedDeleted, old, undefined, atMost(old));
  };

  const ends = [
    nodes.handle({
      add: (node) => {
        cache.setNode(node);
        queue.move(nodeAdded, undefined, node);
      },
      update: (node, old) => {
        cache.setNode(node);
        for (const event of nodeUpdateEvents(node, old)) queue.move(event, old, node);
      },
      delete: (node) => {
        queue.move(nodeDeleted, node, undefined);
        cache.removeNode(node.metadata.name!);
      },
    }),
    pods.handle({
      add: (pod) => {
        if (assigned(pod)) addAssigned(pod);
        else if (isOurs(pod)) queue.add(pod);
      },
      update: (pod, old) => {
        if (assigned(old)) {
          cache.updatePod(pod);
          for (const event of podUpdateEvents(pod, old)) queue.move(event, old, pod);
        } else if (assigned(pod)) {
          addAssigned(pod);
          if (isOurs(old)) queue.delete(pod.metadata.uid!);
        } else if (isOurs(old)) updateWaiting(pod, old);
      },
      delete: (pod) => {
        if (assigned(pod)) {
          cache.removePod(pod);
          queue.move(assignedDeleted, pod, undefined);
        } else if (isOurs(pod)) {
          queue.delete(pod.metadata.uid!);
          if (cache.isAssumed(pod.metadata.uid!)) dropAssumed(pod);
          else if (pod.status?.nominatedNodeName) queue.move(assignedDeleted, pod, undefined, atMost(pod));
        }
      },
    }),
    watched.listen((event, old, now) => queue.move(event, old, now)),
  ];
  return () => ends.forEach((end) => end());
}
