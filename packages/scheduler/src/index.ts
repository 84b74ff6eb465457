export type { Extender } from './extenders/extender.ts';
export { httpExtender, type PostJson } from './extenders/http-extender.ts';
export { collectPendingPods, noMetrics, schedulerMetrics, type SchedulerMetrics } from './metrics.ts';
export { SchedulingQueue } from './queue/scheduling-queue.ts';
export { type RunningScheduler, type SchedulerOptions, startScheduler } from './start.ts';
