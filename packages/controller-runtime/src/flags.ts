import type { ControllerContext } from './contract.ts';

/** Milliseconds from a flag that holds seconds or a Go duration. */
export function durationFlagMs(context: ControllerContext, flag: string, defaultMs = 0): number {
  const value = context.flags[flag];
  return typeof value === 'number' ? value : typeof value === 'string' ? (goDurationMs(value) ?? defaultMs) : defaultMs;
}

const unitsMs: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a Go duration such as `1m30s`; undefined where it is none. */
export function goDurationMs(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^([0-9.]+(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9.]+)(ns|us|µs|ms|s|m|h)/g)) total += Number(amount) * unitsMs[unit];
  return total;
}
