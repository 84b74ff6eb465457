/** Times and durations as text: RFC 3339, and Go's durations. */
import { CelError } from '../eval/errors.ts';
import { type Duration, type Timestamp } from '../eval/values.ts';

const second = 1_000_000_000n;
const unitNanos: Record<string, bigint> = { ns: 1n, us: 1000n, µs: 1000n, μs: 1000n, ms: 1_000_000n, s: second, m: 60n * second, h: 3600n * second };

/** `1h2m3.5s` in nanoseconds; undefined where it is none. */
export function durationNanos(text: string): bigint | undefined {
  const match = /^([+-]?)(.+)$/.exec(text);
  if (!match) return undefined;
  if (match[2] === '0') return 0n;
  let total = 0n;
  let rest = match[2];
  while (rest) {
    const part = /^(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/.exec(rest);
    if (!part || (!part[1] && !part[2])) return undefined;
    const unit = unitNanos[part[3]];
    total += BigInt(part[1] || 0) * unit;
    if (part[2]) total += (BigInt(part[2]) * unit) / 10n ** BigInt(part[2].length);
    rest = rest.slice(part[0].length);
  }
  return total > 2n ** 63n ? undefined : match[1] === '-' ? -total : total;
}

/** @throws CelError */
export function parseDuration(text: string): bigint {
  const nanos = durationNanos(text);
  if (nanos === undefined) throw new CelError("type conversion error from 'string' to 'google.protobuf.Duration'");
  return nanos;
}

/** Seconds and an `s`. */
export function formatDuration({ nanos }: Duration): string {
  const magnitude = nanos < 0n ? -nanos : nanos;
  const fraction = String(magnitude % second).padStart(9, '0').replace(/0+$/, '');
  return `${nanos < 0n ? '-' : ''}${magnitude / second}${fraction && `.${fraction}`}s`;
}

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/;

/** RFC 3339 in nanoseconds since the epoch; undefined where it is none. */
export function timestampNanos(text: string): bigint | undefined {
  const match = rfc3339.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, sec, fraction = '', zone] = match;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  if (date.getUTCMonth() !== Number(month) - 1 || Number(hour) > 23 || Number(minute) > 59 || Number(sec) > 59) return undefined;
  const offset = zone === 'Z' ? 0 : (zone[0] === '-' ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4)));
  const seconds = BigInt(date.getTime() / 1000 + Number(hour) * 3600 + (Number(minute) - offset) * 60 + Number(sec));
  return seconds * second + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
}

/** @throws CelError */
export function parseTimestamp(text: string): bigint {
  const nanos = timestampNanos(text);
  if (nanos === undefined) throw new CelError("type conversion error from 'string' to 'google.protobuf.Timestamp'");
  return nanos;
}

/** RFC 3339 in UTC, with as much of a fraction as there is. */
export function formatTimestamp({ nanos }: Timestamp): string {
  const rest = ((nanos % second) + second) % second;
  const date = new Date(Number((nanos - rest) / 1_000_000n));
  const fraction = String(rest).padStart(9, '0').replace(/0+$/, '');
  return `${String(date.getUTCFullYear()).padStart(4, '0')}-${date.toISOString().slice(-19, -5)}${fraction && `.${fraction}`}Z`;
}
