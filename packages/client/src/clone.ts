/**
 * A deep copy of JSON data. Several times faster than `structuredClone`; fields set to `undefined` are left out, as
 * they would be on the wire. Use it before changing anything that came out of a cache.
 */
export function clone<T>(value: T): T {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(clone) as T;
  const copy: Record<string, unknown> = {};
  for (const key in value) {
    const member = (value as Record<string, unknown>)[key];
    if (member !== undefined) copy[key] = typeof member === 'object' ? clone(member) : member;
  }
  return copy as T;
}
