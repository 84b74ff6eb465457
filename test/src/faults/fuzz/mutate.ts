/** Changes to a value that was valid: each at a place of its own. */
import type { Dice } from '../suite.ts';
import { hostileText, hostileValue, Members, nativeKeys, RawJson } from './values.ts';

const isPlain = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof RawJson) && !(value instanceof Members);

/** Paths of all values below, the root's own (empty) first. */
export function pathsOf(value: unknown, path: readonly (string | number)[] = [], found: (string | number)[][] = []): (string | number)[][] {
  found.push([...path]);
  if (Array.isArray(value)) value.forEach((item, i) => pathsOf(item, [...path, i], found));
  else if (isPlain(value)) for (const key of Object.keys(value)) pathsOf(value[key], [...path, key], found);
  return found;
}

/** The value with the one at the path replaced by what `change` makes of it; `undefined` takes it out. Nothing given is changed. */
export function withChanged(value: unknown, path: readonly (string | number)[], change: (old: unknown) => unknown): unknown {
  if (!path.length) return change(value);
  const [step, ...rest] = path;
  if (Array.isArray(value)) return value.flatMap((item, i) => (i === step ? [withChanged(item, rest, change)].filter((x) => x !== undefined) : [item]));
  if (!isPlain(value)) return value;
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const next = key === step ? withChanged(value[key], rest, change) : value[key];
    if (next !== undefined) Object.defineProperty(out, key, { value: next, enumerable: true, configurable: true, writable: true });
  }
  return out;
}

function withMember(value: Record<string, unknown>, key: string, member: unknown): Members {
  return new Members([...Object.entries(value), [key, member]]);
}

/** One change somewhere. */
export function mutateOnce(value: unknown, dice: Dice): unknown {
  const path = dice.pick(pathsOf(value));
  return withChanged(value, path, (old) => {
    const kind = dice.below(10);
    if (kind === 0 && path.length) return undefined;
    if (kind === 1) return null;
    if (isPlain(old) && kind < 5) {
      if (dice.once(3)) return withMember(old, dice.pick(nativeKeys), hostileValue(dice));
      const keys = Object.keys(old);
      if (keys.length && dice.once(2)) return withMember(old, dice.pick(keys), dice.once(2) ? old[keys[0]] : hostileValue(dice));
      return withMember(old, hostileText(dice, false), hostileValue(dice));
    }
    if (Array.isArray(old) && kind < 6) return dice.once(2) ? [...old, ...old] : [...old, hostileValue(dice)];
    if (typeof old === 'string' && kind < 6) return dice.once(2) ? old + hostileText(dice, false) : hostileText(dice);
    if (typeof old === 'number' && kind < 6) return dice.pick([0, -old, old + 0.5, old * 1e6, 2 ** 31 - 1, -(2 ** 31)]);
    return hostileValue(dice);
  });
}

export function mutate(value: unknown, dice: Dice, times: number): unknown {
  let out = value;
  for (let i = 0; i < times; i++) out = mutateOnce(out, dice);
  return out;
}
