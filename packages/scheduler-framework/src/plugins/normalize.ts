import { maxNodeScore } from '../contract.ts';

/** Scales to 0…100 by the largest score; `reverse`: the largest becomes 0. Whole-number division. */
export function scaleByMax(scores: Float64Array, reverse: boolean): void {
  let max = 0;
  for (const score of scores) if (score > max) max = score;
  if (max === 0) {
    if (reverse) scores.fill(maxNodeScore);
    return;
  }
  for (let i = 0; i < scores.length; i++) {
    const scaled = divide(maxNodeScore * scores[i], max);
    scores[i] = reverse ? maxNodeScore - scaled : scaled;
  }
}

/** Whole-number division as Go's, exact while both are below 2^53. */
export function divide(a: number, b: number): number {
  const q = Math.trunc(a / b);
  return a >= 0 && b > 0 && q * b > a ? q - 1 : q;
}
