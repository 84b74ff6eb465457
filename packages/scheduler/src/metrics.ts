import { exponentialBuckets, type MetricsRegistry } from '@pilothouse/base';
import type { SchedulerCache } from './cache.ts';
import type { SchedulingQueue } from './queue/scheduling-queue.ts';

/** What the scheduler counts, under kube-scheduler's names. */
export interface SchedulerMetrics {
  /** `queue_incoming_pods_total` */
  queued(queue: 'active' | 'backoff' | 'unschedulable' | 'gated', event: string): void;
  /** `schedule_attempts_total`, `scheduling_attempt_duration_seconds` */
  attempted(profile: string, result: 'scheduled' | 'unschedulable' | 'error', seconds: number): void;
  /** `pod_scheduling_attempts`, `pod_scheduling_sli_duration_seconds` */
  bound(attempts: number, seconds: number): void;
  /** `pod_scheduled_after_flush_total`: the pod was tried because it had waited long enough, not because something happened. */
  scheduledAfterFlush(): void;
  /** `scheduling_algorithm_duration_seconds` */
  chose(seconds: number): void;
  /** `framework_extension_point_duration_seconds`; the point and the status under upstream's names. */
  pointTook(profile: string, point: string, status: string, seconds: number): void;
  /** `permit_wait_duration_seconds` */
  waitedForPermit(result: string, seconds: number): void;
  /** `preemption_attempts_total`, `preemption_victims` */
  preempted(victims: number): void;
  /** `preemption_goroutines_execution_total`, `preemption_goroutines_duration_seconds`: victims were evicted, or could not be. */
  evicted(result: 'success' | 'error', seconds: number): void;
}

/** The same, counted in a registry. */
export function schedulerMetrics(registry: MetricsRegistry): SchedulerMetrics {
  const incoming = registry.counter('scheduler_queue_incoming_pods_total', '[STABLE] Number of pods added to scheduling queues by event and queue type.', ['queue', 'event']);
  const attempts = registry.counter('scheduler_schedule_attempts_total', "[STABLE] Number of attempts to schedule pods, by the result. 'unschedulable' means a pod could not be scheduled, while 'error' means an internal scheduler problem.", ['result', 'profile']);
  const attemptSeconds = registry.histogram('scheduler_scheduling_attempt_duration_seconds', '[STABLE] Scheduling attempt latency in seconds (scheduling algorithm + binding)', exponentialBuckets(0.001, 2, 15), ['result', 'profile']);
  const podAttempts = registry.histogram('scheduler_pod_scheduling_attempts', '[STABLE] Number of attempts to successfully schedule a pod.', exponentialBuckets(1, 2, 5)).with();
  const podSeconds = registry.histogram('scheduler_pod_scheduling_sli_duration_seconds', '[BETA] E2e latency for a pod being scheduled, from the time the pod enters the scheduling queue and might involve multiple scheduling attempts.', exponentialBuckets(0.01, 2, 20), ['attempts']);
  const preemptions = registry.counter('scheduler_preemption_attempts_total', '[STABLE] Total preemption attempts in the cluster till now').with();
  const victims = registry.histogram('scheduler_preemption_victims', '[STABLE] Number of selected preemption victims', exponentialBuckets(1, 2, 7)).with();
  const afterFlush = registry.counter('scheduler_pod_scheduled_after_flush_total', '[ALPHA] Number of pods that were successfully scheduled after being flushed from unschedulablePods due to timeout. This metric helps detect potential queueing hint misconfigurations or event handling issues.').with();
  const algorithm = registry.histogram('scheduler_scheduling_algorithm_duration_seconds', '[ALPHA] Scheduling algorithm latency in seconds', exponentialBuckets(0.001, 2, 15)).with();
  const points = registry.histogram('scheduler_framework_extension_point_duration_seconds', '[STABLE] Latency for running all plugins of a specific extension point.', exponentialBuckets(0.0001, 2, 12), ['extension_point', 'status', 'profile']);
  const permits = registry.histogram('scheduler_permit_wait_duration_seconds', '[BETA] Duration of waiting on permit.', exponentialBuckets(0.001, 2, 15), ['result']);
  const evictions = registry.counter('scheduler_preemption_goroutines_execution_total', '[ALPHA] Number of preemption goroutines executed.', ['result']);
  const evictionSeconds = registry.histogram('scheduler_preemption_goroutines_duration_seconds', '[ALPHA] Duration in seconds for running goroutines for the preemption.', exponentialBuckets(0.01, 2, 20), ['result']);
  return {
    scheduledAfterFlush: () => void afterFlush.value++,
    chose: (seconds) => algorithm.observe(seconds),
    pointTook: (profile, point, status, seconds) => points.with(point, status, profile).observe(seconds),
    waitedForPermit: (result, seconds) => permits.with(result).observe(seconds),
    evicted(result, seconds) {
      evictions.with(result).value++;
      evictionSeconds.with(result).observe(seconds);
    },
    queued: (queue, event) => void incoming.with(queue, event).value++,
    attempted(profile, result, seconds) {
      attempts.with(result, profile).value++;
      attemptSeconds.with(result, profile).observe(seconds);
    },
    bound(count, seconds) {
      podAttempts.observe(count);
      podSeconds.with(count >= 15 ? '15+' : String(count)).observe(seconds);
    },
    preempted(count) {
      preemptions.value++;
      victims.observe(count);
    },
  };
}

/** What is read from the scheduler when somebody asks: `pending_pods`, `unschedulable_pods`, `cache_size`, `inflight_events`, `goroutines`. */
export function collectSchedulerState(registry: MetricsRegistry, { queue, cache, bindings }: { queue: Pick<SchedulingQueue, 'sizes' | 'waiting' | 'inFlightEvents'>; cache: Pick<SchedulerCache, 'sizes'>; bindings: () => number }): void {
  registry.collect('gauge', 'scheduler_pending_pods', "[STABLE] Number of pending pods, by the queue type. 'active' means number of pods in activeQ; 'backoff' means number of pods in backoffQ; 'unschedulable' means number of pods in unschedulablePods that the scheduler attempted to schedule and failed; 'gated' is the number of unschedulable pods that the scheduler never attempted to schedule because they are gated.", ['queue'], () => {
    const { active, backoff, unschedulable, gated } = queue.sizes;
    return [[['active'], active], [['backoff'], backoff], [['unschedulable'], unschedulable], [['gated'], gated]];
  });
  registry.collect('gauge', 'scheduler_unschedulable_pods', '[BETA] The number of unschedulable pods broken down by plugin name. A pod will increment the gauge for all plugins that caused it to not schedule and so this metric have meaning only when broken down by plugin.', ['plugin', 'profile'], () => {
    const counts = new Map<string, number>();
    for (const pod of queue.waiting()) for (const plugin of [...pod.unschedulablePlugins, ...pod.pendingPlugins]) counts.set(`${plugin}\n${pod.info.spec.schedulerName}`, (counts.get(`${plugin}\n${pod.info.spec.schedulerName}`) ?? 0) + 1);
    return [...counts].map(([key, count]) => [key.split('\n'), count]);
  });
  registry.collect('gauge', 'scheduler_cache_size', '[ALPHA] Number of nodes, pods, and assumed (bound) pods in the scheduler cache.', ['type'], () => {
    const { nodes, pods, assumed } = cache.sizes;
    return [[['assumed_pods'], assumed], [['nodes'], nodes], [['pods'], pods]];
  });
  registry.collect('gauge', 'scheduler_inflight_events', '[ALPHA] Number of events currently tracked in the scheduling queue.', ['event'], () => {
    const counts = new Map<string, number>([['PodPopped', queue.sizes.inFlight]]);
    for (const { label } of queue.inFlightEvents()) counts.set(label, (counts.get(label) ?? 0) + 1);
    return [...counts].map(([label, count]) => [[label], count]);
  });
  registry.collect('gauge', 'scheduler_goroutines', '[BETA] Number of running goroutines split by the work they do such as binding.', ['operation'], () => [[['binding'], bindings()]]);
}

export const noMetrics: SchedulerMetrics = { queued() {}, attempted() {}, bound() {}, scheduledAfterFlush() {}, chose() {}, pointTook() {}, waitedForPermit() {}, preempted() {}, evicted() {} };
