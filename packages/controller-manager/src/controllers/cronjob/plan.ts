/** When a CronJob is due. Pure. */
import { formatTime, parseTime } from '@pilothouse/base';
import type { CronJob, Job } from '@pilothouse/api-schemas/types/batch/v1';
import { cronJobs } from '@pilothouse/apimachinery';
import { clone } from '@pilothouse/client';
import { controllerReference } from '@pilothouse/controller-runtime';
import type { Schedule } from './schedule.ts';

/** A look at the clock is taken a little after the time, lest it be taken before. */
const deltaMs = 100;

export interface Due {
  earliestMs: number;
  /** The last time that has passed since the CronJob last ran. */
  recentMs?: number;
  missed: 'none' | 'few' | 'many';
}

/** @throws Error for a schedule that runs more than once a second, or never */
export function mostRecent(cron: CronJob, schedule: Schedule, nowMs: number, options: { useDeadline: boolean }): Due {
  let earliestMs = parseTime(cron.status?.lastScheduleTime ?? cron.metadata.creationTimestamp ?? '');
  const deadline = cron.spec?.startingDeadlineSeconds;
  if (options.useDeadline && deadline !== undefined) earliestMs = Math.max(earliestMs, nowMs - deadline * 1000);
  const first = schedule.next(earliestMs);
  const second = first === undefined ? undefined : schedule.next(first);
  if (first !== undefined && nowMs < first) return { earliestMs, missed: 'none' };
  if (first !== undefined && second !== undefined && nowMs < second) return { earliestMs, recentMs: first, missed: 'none' };
  // A schedule that never comes (31 February) is refused in the same words.
  const between = first === undefined || second === undefined ? 0 : Math.round((second - first) / 1000);
  if (first === undefined || between < 1) throw new Error('time difference between two schedules is less than 1 second');
  const count = Math.floor((nowMs - first) / 1000 / between) + 1;
  let recentMs: number | undefined;
  // Not all that were missed are walked through, only the last.
  for (let t = schedule.next(first + (count - 2) * between * 1000); t !== undefined && t <= nowMs; t = schedule.next(t)) recentMs = t;
  return { earliestMs, recentMs, missed: count > 100 ? 'many' : 'few' };
}

/** Milliseconds until the CronJob must be looked at again. */
export function nextCheckMs(cron: CronJob, schedule: Schedule, nowMs: number): number | undefined {
  let from: number;
  try {
    const due = mostRecent(cron, schedule, nowMs, { useDeadline: false });
    from = due.recentMs ?? (due.missed === 'none' ? due.earliestMs : nowMs);
  } catch {
    from = nowMs;
  }
  const next = schedule.next(from);
  return next === undefined ? undefined : next + deltaMs - nowMs;
}

/** Named after its time, so that it is made once however often it is tried. */
export const jobName = (cron: CronJob, scheduledMs: number): string => `${cron.metadata.name}-${Math.floor(scheduledMs / 60_000)}`;

export function jobFor(cron: CronJob, scheduledMs: number): Job {
  const { metadata, spec } = clone(cron.spec!.jobTemplate);
  return {
    metadata: {
      name: jobName(cron, scheduledMs), namespace: cron.metadata.namespace, labels: metadata?.labels,
      annotations: { ...metadata?.annotations, 'batch.kubernetes.io/cronjob-scheduled-timestamp': inZone(scheduledMs, cron.spec?.timeZone) },
      ownerReferences: [controllerReference(cronJobs, cron)],
    },
    spec,
  };
}

/** RFC 3339 with the zone's offset. */
function inZone(ms: number, zone: string | undefined): string {
  if (!zone || zone === 'UTC' || zone === 'Etc/UTC') return formatTime(ms);
  const name = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' }).formatToParts(ms).find((part) => part.type === 'timeZoneName')?.value ?? 'GMT';
  const match = /GMT([+-])(\d{2}):(\d{2})/.exec(name);
  if (!match) return formatTime(ms);
  const offsetMs = (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3])) * 60_000;
  return `${formatTime(ms + offsetMs).slice(0, -1)}${match[1]}${match[2]}:${match[3]}`;
}

/** RFC 1123 with a numeric zone, in UTC. */
export const rfc1123 = (ms: number): string => new Date(ms).toUTCString().replace('GMT', '+0000');
