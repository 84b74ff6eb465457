export type { Extender } from './extenders/extender.ts';
export { httpExtender } from './extenders/http-extender.ts';
export type { PostJson } from './extenders/post.ts';
export { collectSchedulerState, noMetrics, schedulerMetrics, type SchedulerMetrics } from './metrics.ts';
export { SchedulingQueue } from './queue/scheduling-queue.ts';
export { type RunningScheduler, type SchedulerOptions, startScheduler } from './start.ts';
