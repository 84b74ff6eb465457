import type { Clock } from '@pilothouse/base';

const most = 8_192;

/** Remembers answers by question for as long as `lifeMs` says of each. What fails is not remembered; who asks the same at once shares the answer. */
export function briefCache<T>(clock: Pick<Clock, 'monotonic'>, lifeMs: (value: T) => number): (key: string, ask: () => Promise<T>) => Promise<T> {
  const held = new Map<string, { until: number; value: Promise<T> }>();
  return (key, ask) => {
    const known = held.get(key);
    if (known && clock.monotonic() < known.until) return known.value;
    held.delete(key);
    if (held.size >= most) held.delete(held.keys().next().value!);
    const entry = { until: Infinity, value: ask() };
    held.set(key, entry);
    entry.value.then(
      (value) => {
        entry.until = clock.monotonic() + lifeMs(value);
      },
      () => {
        if (held.get(key) === entry) held.delete(key);
      },
    );
    return entry.value;
  };
}
