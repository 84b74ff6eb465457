import { goQuote } from '@pilothouse/apimachinery';

/** Completed, failed and succeeding indexes of a job: `0,2-5,7`, increasing. Answers the intervals, or why the text is wrong. */
export function parseIndexes(text: string, completions: number): [from: number, to: number][] | string {
  if (text === '') return [];
  const intervals: [number, number][] = [];
  for (const part of text.split(',')) {
    const interval = parseInterval(part, completions);
    if (typeof interval === 'string') return interval;
    const last = intervals.at(-1);
    if (last && last[1] >= interval[0]) return nonIncreasing(last[1], interval[0]);
    intervals.push(interval);
  }
  return intervals;
}

const nonIncreasing = (previous: number, current: number) => `non-increasing order, previous: ${previous}, current: ${current}`;

function parseInterval(part: string, completions: number): [number, number] | string {
  const limits = part.split('-');
  if (limits.length > 2) return `the fragment ${goQuote(part)} violates the requirement that an index interval can have at most two parts separated by '-'`;
  const numbers: number[] = [];
  for (const limit of limits) {
    if (!/^\+?\d+$/.test(limit)) return `cannot convert string to integer for index: ${goQuote(limit)}`;
    if (Number(limit) >= completions) return `too large index: ${goQuote(limit)}`;
    numbers.push(Number(limit));
  }
  const [from, to = from] = numbers;
  return numbers.length === 2 && from >= to ? nonIncreasing(from, to) : [from, to];
}

/** The first index that is in both lists; undefined: none, or one of the texts is wrong by itself. */
export function overlapOf(completed: string, failed: string, completions: number): number | undefined {
  const a = parseIndexes(completed, completions);
  const b = parseIndexes(failed, completions);
  if (typeof a === 'string' || typeof b === 'string') return undefined;
  for (const [from, to] of a) for (const [start, end] of b) if (from <= end && start <= to) return Math.max(from, start);
  return undefined;
}
