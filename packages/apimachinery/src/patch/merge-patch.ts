/** JSON Merge Patch (RFC 7386) as kube-apiserver applies it. */
import { jsonKind } from '../go-format.ts';
import { badRequestError } from '../status.ts';

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The patched object; the given one is left as it is and shares unchanged parts. @throws StatusError 400 for a patch that is no object */
export function applyMergePatch(document: Json, patch: unknown): Json {
  if (patch === null) throw badRequestError('Invalid JSON Patch');
  if (!isObject(patch)) throw badRequestError(`error decoding patch: json: cannot unmarshal ${jsonKind(patch)} into Go value of type map[string]interface {}`);
  return mergeObjects(document, patch);
}

function mergeObjects(document: Json, patch: Json): Json {
  const merged: Json = { ...document };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) {
      delete merged[key];
      continue;
    }
    const current = Object.hasOwn(merged, key) ? merged[key] : undefined;
    const next = isObject(current) ? (isObject(value) ? mergeObjects(current, value) : value) : withoutNulls(value);
    if (key === '__proto__') Object.defineProperty(merged, key, { value: next, enumerable: true, configurable: true, writable: true });
    else merged[key] = next;
  }
  return merged;
}

/** What a patch adds carries no nulls as values of keys; those in lists stay. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, child]) => child !== null).map(([key, child]) => [key, withoutNulls(child)]));
}
