import { exponentialBuckets, type MetricsRegistry } from '@pilothouse/base';
import type { ControllerMetrics } from './run.ts';

/** Controllers that wait for their own writes: the subsystem and the kind that their metric names. */
const waiting: Readonly<Record<string, readonly [subsystem: string, kind: string]>> = {
  'replicaset-controller': ['replicaset_controller', 'ReplicaSet'],
  'replicationcontroller-controller': ['replicaset_controller', 'ReplicaSet'],
  'daemonset-controller': ['daemonset_controller', 'DaemonSet'],
  'statefulset-controller': ['statefulset_controller', 'StatefulSet'],
  'job-controller': ['job_controller', 'Job'],
};

/** Work queues under client-go's names, running controllers under the controller manager's. */
export function controllerMetrics(registry: MetricsRegistry): ControllerMetrics {
  const seconds = exponentialBuckets(1e-8, 10, 12);
  const adds = registry.counter('workqueue_adds_total', '[ALPHA] Total number of adds handled by workqueue', ['name']);
  const retries = registry.counter('workqueue_retries_total', '[ALPHA] Total number of retries handled by workqueue', ['name']);
  const waited = registry.histogram('workqueue_queue_duration_seconds', '[ALPHA] How long in seconds an item stays in workqueue before being requested.', seconds, ['name']);
  const worked = registry.histogram('workqueue_work_duration_seconds', '[ALPHA] How long in seconds processing an item from workqueue takes.', seconds, ['name']);
  const running = registry.gauge('running_managed_controllers', '[ALPHA] Indicates where instances of a controller are currently running', ['manager', 'name']);
  const skips = new Map([...new Map(Object.values(waiting))].map(([subsystem, kind]) => [subsystem, registry.counter(`${subsystem}_stale_sync_skips_total`, `[ALPHA] Total number of ${kind} syncs skipped due to a stale watch cache.`, ['group', 'resource'])]));
  const depths = new Map<string, () => number>();
  const underWay = new Map<string, () => readonly number[]>();
  registry.collect('gauge', 'workqueue_depth', '[ALPHA] Current depth of workqueue', ['name'], () => [...depths].map(([name, read]) => [[name], read()] as const));
  registry.collect('gauge', 'workqueue_unfinished_work_seconds', "[ALPHA] How many seconds of work has done that is in progress and hasn't been observed by work_duration. Large values indicate stuck threads. One can deduce the number of stuck threads by observing the rate at which this increases.", ['name'], () =>
    [...underWay].map(([name, read]) => [[name], read().reduce((sum, one) => sum + one, 0)] as const));
  registry.collect('gauge', 'workqueue_longest_running_processor_seconds', '[ALPHA] How many seconds has the longest running processor for workqueue been running.', ['name'], () =>
    [...underWay].map(([name, read]) => [[name], Math.max(0, ...read())] as const));
  return {
    adds: (controller) => void adds.with(controller).value++,
    retries: (controller) => void retries.with(controller).value++,
    queueDuration: (controller, value) => waited.with(controller).observe(value),
    workDuration: (controller, value) => worked.with(controller).observe(value),
    staleSkip(controller, resource) {
      const [plural, ...group] = resource.split('.');
      const counter = skips.get(waiting[controller]?.[0]);
      if (counter) counter.with(group.join('.'), plural).value++;
    },
    depth: (controller, read) => void depths.set(controller, read),
    underWay: (controller, read) => void underWay.set(controller, read),
    running(controller, value) {
      running.with('kube-controller-manager', controller).value = value ? 1 : 0;
    },
  };
}
