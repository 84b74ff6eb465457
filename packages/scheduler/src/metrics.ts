import { exponentialBuckets, type MetricsRegistry } from '@pilothouse/base';
import type { SchedulingQueue } from './queue/scheduling-queue.ts';

/** What the scheduler counts, under kube-scheduler's names. */
export interface SchedulerMetrics {
  /** `queue_incoming_pods_total` */
  queued(queue: 'active' | 'backoff' | 'unschedulable' | 'gated', event: string): void;
  /** `schedule_attempts_total`, `scheduling_attempt_duration_seconds` */
  attempted(profile: string, result: 'scheduled' | 'unschedulable' | 'error', seconds: number): void;
  /** `pod_scheduling_attempts`, `pod_scheduling_sli_duration_seconds` */
  bound(attempts: number, seconds: number): void;
  /** `preemption_attempts_total`, `preemption_victims` */
  preempted(victims: number): void;
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
  return {
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

/** `scheduler_pending_pods`, read from the queue when somebody asks. */
export function collectPendingPods(registry: MetricsRegistry, queue: Pick<SchedulingQueue, 'sizes'>): void {
  registry.collect('gauge', 'scheduler_pending_pods', "[STABLE] Number of pending pods, by the queue type. 'active' means number of pods in activeQ; 'backoff' means number of pods in backoffQ; 'unschedulable' means number of pods in unschedulablePods that the scheduler attempted to schedule and failed; 'gated' is the number of unschedulable pods that the scheduler never attempted to schedule because they are gated.", ['queue'], () => {
    const { active, backoff, unschedulable, gated } = queue.sizes;
    return [[['active'], active], [['backoff'], backoff], [['unschedulable'], unschedulable], [['gated'], gated]];
  });
}

export const noMetrics: SchedulerMetrics = { queued() {}, attempted() {}, bound() {}, preempted() {} };
