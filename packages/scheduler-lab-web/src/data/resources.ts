/** The lab's own resources, as the client names resources. */
import type { ResourceType } from '@pilothouse/apimachinery';
import type { HeldCycle, QueuedPod, SchedulingBreakpoint, SchedulingReview, SchedulingTrace } from '@pilothouse/scheduler-lab/api/types';

const lab = { group: 'lab.pilothouse.dev', version: 'v1', namespaced: true } as const;

export const schedulingTraces: ResourceType<SchedulingTrace> = { ...lab, plural: 'schedulingtraces', kind: 'SchedulingTrace' };
export const queuedPods: ResourceType<QueuedPod> = { ...lab, plural: 'queuedpods', kind: 'QueuedPod' };
export const schedulingReviews: ResourceType<SchedulingReview> = { ...lab, plural: 'schedulingreviews', kind: 'SchedulingReview' };
export const schedulingBreakpoints: ResourceType<SchedulingBreakpoint> = { ...lab, plural: 'schedulingbreakpoints', kind: 'SchedulingBreakpoint' };
export const heldCycles: ResourceType<HeldCycle> = { ...lab, plural: 'heldcycles', kind: 'HeldCycle' };
