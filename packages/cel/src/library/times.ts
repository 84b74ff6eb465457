/** Parts of moments and durations. */
import { declare, type FunctionDecl, member } from '../check/declarations.ts';
import { CelError } from '../eval/errors.ts';
import { intOf } from '../eval/integers.ts';
import type { Duration, Timestamp, Value } from '../eval/values.ts';
import { durationType, intType, stringType, timestampType } from '../types.ts';

const milli = 1_000_000n;

/** Minutes that a zone is ahead of UTC at a moment. `zone`: `02:00`, `-08:00`, or a name. */
function offsetMinutes(zone: string, at: Date): number {
  const fixed = /^([+-]?)(\d\d?):(\d\d)$/.exec(zone);
  if (fixed) return (fixed[1] === '-' ? -1 : 1) * (Number(fixed[2]) * 60 + Number(fixed[3]));
  try {
    const parts = new Intl.DateTimeFormat('en-US', { timeZone: zone || 'UTC', hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' }).formatToParts(at);
    const of = (type: string) => Number(parts.find((part) => part.type === type)!.value);
    const local = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
    return Math.round((local - Math.floor(at.getTime() / 1000) * 1000) / 60_000);
  } catch {
    throw new CelError(`unknown time zone ${zone}`);
  }
}

function dateIn({ nanos }: Timestamp, zone?: string): Date {
  const millis = (nanos - (((nanos % milli) + milli) % milli)) / milli;
  const date = new Date(Number(millis));
  return zone === undefined ? date : new Date(date.getTime() + offsetMinutes(zone, date) * 60_000);
}

const dayOfYear = (date: Date): number => {
  const start = new Date(date);
  start.setUTCMonth(0, 1);
  return Math.round((Math.floor(date.getTime() / 86_400_000) * 86_400_000 - Math.floor(start.getTime() / 86_400_000) * 86_400_000) / 86_400_000);
};

const parts: readonly [name: string, id: string, of: (date: Date) => number][] = [
  ['getFullYear', 'year', (date) => date.getUTCFullYear()],
  ['getMonth', 'month', (date) => date.getUTCMonth()],
  ['getDayOfYear', 'day_of_year', dayOfYear],
  ['getDayOfMonth', 'day_of_month', (date) => date.getUTCDate() - 1],
  ['getDate', 'day_of_month_1_based', (date) => date.getUTCDate()],
  ['getDayOfWeek', 'day_of_week', (date) => date.getUTCDay()],
  ['getHours', 'hours', (date) => date.getUTCHours()],
  ['getMinutes', 'minutes', (date) => date.getUTCMinutes()],
  ['getSeconds', 'seconds', (date) => date.getUTCSeconds()],
  ['getMilliseconds', 'milliseconds', (date) => date.getUTCMilliseconds()],
];
/** Whole units of a duration; its milliseconds are those of the last second. */
const durationParts: Record<string, (nanos: bigint) => bigint> = {
  getHours: (nanos) => nanos / 3_600_000_000_000n,
  getMinutes: (nanos) => nanos / 60_000_000_000n,
  getSeconds: (nanos) => nanos / 1_000_000_000n,
  getMilliseconds: (nanos) => (nanos / milli) % 1000n,
};

export const timeFunctions: FunctionDecl[] = parts.map(([name, id, of]) => {
  const duration = durationParts[name];
  return declare(
    name,
    member(`timestamp_to_${id}`, [timestampType], intType, (time: Timestamp): Value => of(dateIn(time))),
    member(id === 'seconds' ? 'timestamp_to_seconds_tz' : `timestamp_to_${id}_with_tz`, [timestampType, stringType], intType, (time: Timestamp, zone: string): Value => of(dateIn(time, zone))),
    ...(duration ? [member(`duration_to_${id}`, [durationType], intType, ({ nanos }: Duration): Value => intOf(duration(nanos)))] : []),
  );
});
