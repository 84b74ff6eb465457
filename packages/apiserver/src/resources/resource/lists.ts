import { duplicate, type FieldError, tooMany } from '@pilothouse/apimachinery';

type Judge<T> = (item: T, path: string) => void;

/** At most `size` items, each as `judge` says; of too many none is looked at. */
export function validateList<T>(errors: FieldError[], items: readonly T[] | undefined | null, path: string, size: number, judge: Judge<T>): void {
  if (!items) return;
  if (items.length > size) return void errors.push(tooMany(path, items.length, size));
  items.forEach((item, i) => judge(item, `${path}[${i}]`));
}

/** A list whose items differ in their key; `shown` is how a repeated one is reported, by default the key itself. */
export function validateSet<T>(errors: FieldError[], items: readonly T[] | undefined | null, path: string, size: number, keyOf: (item: T) => string, judge: Judge<T>, shown: (item: T) => unknown = keyOf): void {
  validateList(errors, items, path, size, judge);
  if (!items || items.length > size) return;
  const keys = new Set<string>();
  items.forEach((item, i) => {
    const key = keyOf(item);
    if (keys.has(key)) errors.push(duplicate(`${path}[${i}]`, shown(item)));
    keys.add(key);
  });
}

/** Paths of maps show long keys shortened in the middle. */
function shortened(key: string, length: number): string {
  if (key.length <= length) return key;
  const rest = length - 3;
  return `${key.slice(0, Math.floor((rest + 1) / 2))}...${key.slice(key.length - Math.floor(rest / 2))}`;
}

/** A map: keys are reported at the map itself, values under their key. */
export function validateMap<T>(errors: FieldError[], map: Readonly<Record<string, T>> | undefined, path: string, { size, keyLength }: { size: number; keyLength: number }, judgeKey: Judge<string>, judge: Judge<T> = () => {}): void {
  const keys = Object.keys(map ?? {});
  if (keys.length > size) return void errors.push(tooMany(path, keys.length, size));
  for (const key of keys) {
    judgeKey(key, path);
    judge(map![key], `${path}[${shortened(key, keyLength)}]`);
  }
}
