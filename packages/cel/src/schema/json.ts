/** Values of programs as JSON: what patches are made of. */
import { CelError } from '../eval/errors.ts';
import { Double, Duration, isInt, isList, MapValue, Optional, Timestamp, typeOfValue, Uint, type Value } from '../eval/values.ts';
import { formatDuration, formatTimestamp } from '../library/time-texts.ts';

/** @throws CelError for what JSON cannot say */
export function toJson(value: Value): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (isInt(value)) return Number(value);
  if (value instanceof Uint || value instanceof Double) return Number(value.value);
  if (isList(value)) return Array.from(value, toJson);
  if (value instanceof MapValue) {
    const json: Record<string, unknown> = {};
    for (const key of value.keys()) {
      if (typeof key !== 'string') throw new CelError(`unsupported key type ${typeOfValue(key).name}: keys of JSON are strings`);
      Object.defineProperty(json, key, { value: toJson(value.find(key)!), enumerable: true, writable: true, configurable: true });
    }
    return json;
  }
  if (value instanceof Timestamp) return formatTimestamp(value);
  if (value instanceof Duration) return formatDuration(value);
  if (value instanceof Optional && value.value !== undefined) return toJson(value.value);
  if (value instanceof Uint8Array) return btoa(String.fromCharCode(...value));
  throw new CelError(`a value of type ${typeOfValue(value).name} cannot be written as JSON`);
}
