import { goQuote } from '@pilothouse/apimachinery';

/** Why a text is no cron schedule, in the words of the parser that Kubernetes uses; undefined where it is one. */
export function cronError(schedule: string): string | undefined {
  const text = schedule.replace(/^(TZ|CRON_TZ)=\S*\s*/, '');
  if (text === '') return 'empty spec string';
  if (/^(TZ|CRON_TZ)=/.test(schedule) && !/\s/.test(schedule)) return 'invalid schedule format: runtime error: slice bounds out of range';
  if (text.startsWith('@')) return descriptorError(text);
  const fields = text.trim().split(/\s+/);
  if (fields.length !== 5) return `expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`;
  for (const [i, bounds] of fieldBounds.entries()) {
    const error = fields[i]
      .split(',')
      .map((part) => (part === '' ? undefined : rangeError(part, bounds)))
      .find((e) => e !== undefined);
    if (error) return error;
  }
  return undefined;
}

interface Bounds {
  min: number;
  max: number;
  names?: Record<string, number>;
}

const months = Object.fromEntries(['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'].map((name, i) => [name, i + 1]));
const days = Object.fromEntries(['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'].map((name, i) => [name, i]));
/** Minute, hour, day of month, month, day of week. */
const fieldBounds: readonly Bounds[] = [{ min: 0, max: 59 }, { min: 0, max: 23 }, { min: 1, max: 31 }, { min: 1, max: 12, names: months }, { min: 0, max: 6, names: days }];

const descriptors = new Set(['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly']);

function descriptorError(text: string): string | undefined {
  if (descriptors.has(text)) return undefined;
  const every = '@every ';
  if (!text.startsWith(every)) return `unrecognized descriptor: ${text}`;
  const duration = text.slice(every.length);
  return /^[-+]?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(duration) || duration === '0' ? undefined : `failed to parse duration ${text}: time: invalid duration ${goQuote(duration)}`;
}

function rangeError(part: string, bounds: Bounds): string | undefined {
  const [range, step, ...more] = part.split('/');
  const ends = range.split('-');
  const star = ends[0] === '*' || ends[0] === '?';
  let from: number | string = star ? bounds.min : parse(ends[0], bounds);
  if (typeof from === 'string') return from;
  let to: number | string = star ? bounds.max : from;
  if (!star && ends.length === 2) to = parse(ends[1], bounds);
  if (typeof to === 'string') return to;
  if (!star && ends.length > 2) return `too many hyphens: ${part}`;
  if (more.length) return `too many slashes: ${part}`;
  let by: number | string = 1;
  if (step !== undefined) {
    by = parse(step, { min: 0, max: 0 });
    if (typeof by === 'string') return by;
    if (!star && ends.length === 1) to = bounds.max;
  }
  from = Number(from);
  if (from < bounds.min) return `beginning of range (${from}) below minimum (${bounds.min}): ${part}`;
  if (to > bounds.max) return `end of range (${to}) above maximum (${bounds.max}): ${part}`;
  if (from > to) return `beginning of range (${from}) beyond end of range (${to}): ${part}`;
  return by === 0 ? `step of range should be a positive number: ${part}` : undefined;
}

function parse(text: string, { names }: Bounds): number | string {
  const named = names?.[text.toLowerCase()];
  if (named !== undefined) return named;
  if (!/^[-+]?\d+$/.test(text)) return `failed to parse int from ${text}: strconv.Atoi: parsing ${goQuote(text)}: invalid syntax`;
  return Number(text) < 0 ? `negative number (${Number(text)}) not allowed: ${text}` : Number(text);
}
