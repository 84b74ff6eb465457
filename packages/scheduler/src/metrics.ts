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

export const noMetrics: SchedulerMetrics = { queued() {}, attempted() {}, bound() {}, preempted() {} };
