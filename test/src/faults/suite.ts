/** What a suite of faults is: something that is done to the servers, for a while, by a seed, and what was found wrong. */
import { type Random, seededRandom } from '@pilothouse/base';

export interface FaultContext {
  /** Repeats the run: the same seed makes the same cases in the same order. */
  seed: string;
  /** Cases go on until this long has passed, in milliseconds; a suite that is not made of cases runs once. */
  forMs: number;
  /** Runs this case alone, where the suite is made of cases. */
  only?: number;
  log(text: string): void;
}

/** Something that must not be. */
export interface Finding {
  /** What of the contract is broken, in one line; findings with the same title count as one. */
  title: string;
  /** How to see it again: requests, answers, the case's number. */
  detail: string;
}

export interface FaultReport {
  /** How many cases, connections or requests were tried. */
  tried: number;
  findings: Finding[];
  /** What was measured, in a line each. */
  notes?: string[];
}

export interface FaultSuite {
  name: string;
  /** Why it cannot run on this machine; undefined: it can. Absent: it can anywhere. */
  missing?(): string | undefined;
  run(context: FaultContext): Promise<FaultReport>;
}

/** Chance, with what generators need of it. */
export interface Dice extends Random {
  /** True once in `n` times. */
  once(n: number): boolean;
  /** One of the list. */
  pick<T>(list: readonly T[]): T;
  /** From `low` to `high`, both included. */
  between(low: number, high: number): number;
}

/** @param seed the same seed gives the same throws */
export function dice(seed: string): Dice {
  const random = seededRandom(seed);
  return { ...random, once: (n) => random.below(n) === 0, pick: (list) => list[random.below(list.length)], between: (low, high) => low + random.below(high - low + 1) };
}
