/**
 * Cron schedules as Kubernetes reads them (robfig/cron v3: five fields, `@hourly` and the like, `@every`, and `TZ=`
 * before them), with its handling of daylight saving. Pure.
 */

export interface Schedule {
  /** The next time after `ms`; undefined where there is none within five years. */
  next(ms: number): number | undefined;
}

interface Field {
  name: string;
  min: number;
  max: number;
  names?: Record<string, number>;
}

const months = Object.fromEntries(['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'].map((name, i) => [name, i + 1]));
const weekdays = Object.fromEntries(['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'].map((name, i) => [name, i]));
const fields: readonly Field[] = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of month', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12, names: months },
  { name: 'day of week', min: 0, max: 6, names: weekdays },
];
const descriptors: Record<string, string> = { '@yearly': '0 0 1 1 *', '@annually': '0 0 1 1 *', '@monthly': '0 0 1 * *', '@weekly': '0 0 * * 0', '@daily': '0 0 * * *', '@midnight': '0 0 * * *', '@hourly': '0 * * * *' };

/** @throws Error saying what is wrong with it */
export function parseSchedule(text: string, defaultZone: string): Schedule {
  let zone = defaultZone;
  let rest = text;
  const prefix = /^(?:CRON_)?TZ=(\S*)\s+/.exec(text);
  if (prefix) {
    zone = prefix[1] === 'Local' ? defaultZone : prefix[1] || 'UTC';
    rest = text.slice(prefix[0].length).trim();
    if (!isTimeZone(zone)) throw new Error(`provided bad location ${zone}: unknown time zone ${zone}`);
  } else if (!text) throw new Error('empty spec string');
  if (rest.startsWith('@every ')) {
    const everyMs = durationMs(rest.slice('@every '.length));
    return { next: (ms) => Math.floor(ms / 1000) * 1000 + Math.max(1000, Math.floor(everyMs / 1000) * 1000) };
  }
  if (rest.startsWith('@')) {
    if (!descriptors[rest]) throw new Error(`unrecognized descriptor: ${rest}`);
    rest = descriptors[rest];
  }
  const parts = rest.split(/\s+/).filter(Boolean);
  if (parts.length !== fields.length) throw new Error(`expected exactly 5 fields, found ${parts.length}: [${parts.join(' ')}]`);
  const [minute, hour, dayOfMonth, month, dayOfWeek] = parts.map((part, i) => parseField(part, fields[i]));
  return { next: (ms) => nextTime(ms, { minute, hour, dayOfMonth, month, dayOfWeek }, zoneOf(zone)) };
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

interface Values {
  allowed: ReadonlySet<number>;
  /** Written with a star, which says nothing about days. */
  star: boolean;
}

function parseField(text: string, field: Field): Values {
  const allowed = new Set<number>();
  let star = false;
  for (const part of text.split(',')) {
    const [range, stepText, ...more] = part.split('/');
    const [low, high, ...evenMore] = range.split('-');
    if (more.length) throw new Error(`too many slashes: ${part}`);
    if (evenMore.length) throw new Error(`too many hyphens: ${part}`);
    let first: number;
    let last: number;
    if (low === '*' || low === '?') {
      [first, last] = [field.min, field.max];
      star ||= stepText === undefined || stepText === '1';
    } else {
      first = numberIn(low, field);
      last = high === undefined ? first : numberIn(high, field);
      if (stepText !== undefined && high === undefined) last = field.max;
    }
    const step = stepText === undefined ? 1 : plainNumber(stepText);
    if (first < field.min) throw new Error(`beginning of range (${first}) below minimum (${field.min}): ${part}`);
    if (last > field.max) throw new Error(`end of range (${last}) above maximum (${field.max}): ${part}`);
    if (first > last) throw new Error(`beginning of range (${first}) beyond end of range (${last}): ${part}`);
    if (step === 0) throw new Error(`step of range should be a positive number: ${part}`);
    for (let i = first; i <= last; i += step) allowed.add(i);
  }
  return { allowed, star };
}

const numberIn = (text: string, field: Field): number => field.names?.[text.toLowerCase()] ?? plainNumber(text);

function plainNumber(text: string): number {
  if (!/^[0-9]+$/.test(text)) throw new Error(`failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

const units: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function durationMs(text: string): number {
  if (!/^([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$/.test(text)) throw new Error(`failed to parse duration @every ${text}: time: invalid duration ${JSON.stringify(text)}`);
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9.]+)(ns|us|µs|ms|s|m|h)/g)) total += Number(amount) * units[unit];
  return total;
}

interface Wall {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

interface Zone {
  wall(ms: number): Wall;
  /** The time that a wall clock shows so; one that is skipped is taken with the offset before or after, as Go does. */
  time(wall: Wall): number;
}

const quarterMs = 15 * 60_000;
const mostOffsets = 1000;
const zones = new Map<string, Zone>();

function zoneOf(name: string): Zone {
  let zone = zones.get(name);
  if (!zone) zones.set(name, (zone = makeZone(name)));
  return zone;
}

function makeZone(name: string): Zone {
  const utc = (w: Wall) => Date.UTC(w.year, w.month - 1, w.day, w.hour, w.minute, w.second);
  const utcWall = (ms: number): Wall => {
    const d = new Date(ms);
    return { year: d.getUTCFullYear(), month: d.getUTCMonth() + 1, day: d.getUTCDate(), hour: d.getUTCHours(), minute: d.getUTCMinutes(), second: d.getUTCSeconds() };
  };
  if (name === 'UTC' || name === 'Etc/UTC') return { wall: utcWall, time: utc };
  const format = new Intl.DateTimeFormat('en-US', { timeZone: name, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' });
  const offsets = new Map<number, number>();
  /** Asking costs much, and zones change on the quarter of an hour. */
  const offset = (ms: number): number => {
    const quarter = Math.floor(ms / quarterMs);
    let found = offsets.get(quarter);
    if (found === undefined) {
      const start = quarter * quarterMs;
      const parts = Object.fromEntries(format.formatToParts(start).map(({ type, value }) => [type, Number(value)]));
      found = utc(parts as unknown as Wall) - start;
      if (offsets.size >= mostOffsets) offsets.clear();
      offsets.set(quarter, found);
    }
    return found;
  };
  const wall = (ms: number): Wall => utcWall(ms + offset(ms));
  return {
    wall,
    time(w) {
      const naive = utc(w);
      const guess = offset(naive);
      const first = naive - guess;
      const actual = offset(first);
      if (actual === guess) return first;
      const second = naive - actual;
      return offset(second) === actual ? second : first;
    },
  };
}

interface Spec {
  minute: Values;
  hour: Values;
  dayOfMonth: Values;
  month: Values;
  dayOfWeek: Values;
}

/** Moves from field to field, the largest first, starting over where one wraps (robfig's algorithm). */
function nextTime(startMs: number, spec: Spec, zone: Zone): number | undefined {
  let ms = Math.floor(startMs / 1000) * 1000 + 1000;
  let w = zone.wall(ms);
  const lastYear = w.year + 5;
  let moved = false;
  const go = (next: number) => {
    ms = next;
    w = zone.wall(ms);
  };
  const dayFits = () => {
    const ofMonth = spec.dayOfMonth.allowed.has(w.day);
    const ofWeek = spec.dayOfWeek.allowed.has(new Date(Date.UTC(w.year, w.month - 1, w.day)).getUTCDay());
    return spec.dayOfMonth.star || spec.dayOfWeek.star ? ofMonth && ofWeek : ofMonth || ofWeek;
  };
  wrap: while (w.year <= lastYear) {
    while (!spec.month.allowed.has(w.month)) {
      if (!moved) go(zone.time({ year: w.year, month: w.month, day: 1, hour: 0, minute: 0, second: 0 }));
      moved = true;
      go(zone.time({ ...w, month: w.month + 1 }));
      if (w.month === 1) continue wrap;
    }
    while (!dayFits()) {
      if (!moved) go(zone.time({ ...w, hour: 0, minute: 0, second: 0 }));
      moved = true;
      go(zone.time({ ...w, day: w.day + 1 }));
      // A change of the clock may have left midnight.
      if (w.hour !== 0) go(ms + (w.hour > 12 ? 24 - w.hour : -w.hour) * 3_600_000);
      if (w.day === 1) continue wrap;
    }
    while (!spec.hour.allowed.has(w.hour)) {
      if (!moved) go(zone.time({ ...w, minute: 0, second: 0 }));
      moved = true;
      go(ms + 3_600_000);
      if (w.hour === 0) continue wrap;
    }
    while (!spec.minute.allowed.has(w.minute)) {
      if (!moved) go(ms - (ms % 60_000));
      moved = true;
      go(ms + 60_000);
      if (w.minute === 0) continue wrap;
    }
    while (w.second !== 0) {
      moved = true;
      go(ms + 1000);
      if (w.second === 0) continue wrap;
    }
    return ms;
  }
  return undefined;
}
