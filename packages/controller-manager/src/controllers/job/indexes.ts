/** Sets of completion indexes as the Job status writes them: `1,3-5,7`. Pure. */

/** Sorted, disjoint, not touching. */
export type Intervals = readonly (readonly [first: number, last: number])[];

/** Indexes from `completions` on are left out, as is what cannot be read. */
export function parseIndexes(text: string | undefined, completions: number): Intervals {
  const intervals: [number, number][] = [];
  for (const part of text ? text.split(',') : []) {
    const match = /^([0-9]+)(?:-([0-9]+))?$/.exec(part);
    if (!match) continue;
    const first = Number(match[1]);
    if (first >= completions) break;
    intervals.push([first, Math.min(Number(match[2] ?? match[1]), completions - 1)]);
  }
  return merge(intervals, []);
}

export function merge(a: Intervals, b: Intervals): Intervals {
  const result: [number, number][] = [];
  for (const [first, last] of [...a, ...b].sort((x, y) => x[0] - y[0])) {
    const end = result.at(-1);
    if (end && first <= end[1] + 1) end[1] = Math.max(end[1], last);
    else result.push([first, last]);
  }
  return result;
}

export const withIndexes = (intervals: Intervals, indexes: Iterable<number>): Intervals => merge(intervals, [...indexes].map((i) => [i, i] as const));
export const countOf = (intervals: Intervals): number => intervals.reduce((total, [first, last]) => total + last - first + 1, 0);
export const hasIndex = (intervals: Intervals, index: number): boolean => intervals.some(([first, last]) => first <= index && index <= last);

/** Two neighbours are written with a comma, more with a dash. */
export const formatIndexes = (intervals: Intervals): string => intervals.map(([first, last]) => (first === last ? String(first) : last === first + 1 ? `${first},${last}` : `${first}-${last}`)).join(',');

/** How many indexes are in both. */
export function overlap(a: Intervals, b: Intervals): number {
  let total = 0;
  for (const [first, last] of a) for (const [from, to] of b) total += Math.max(0, Math.min(last, to) - Math.max(first, from) + 1);
  return total;
}

/** The first `count` indexes below `completions` that are not in the set. */
export function firstMissing(intervals: Intervals, count: number, completions: number): number[] {
  const missing: number[] = [];
  let next = 0;
  for (const [first, last] of [...intervals, [completions, completions] as const]) {
    for (; next < Math.min(first, completions) && missing.length < count; next++) missing.push(next);
    next = Math.max(next, last + 1);
  }
  return missing;
}
