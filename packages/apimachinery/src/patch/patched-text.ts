/**
 * A patched object as the text that errors about it quote. Go's patch library keeps what it does not look into as it
 * stood and writes the keys of what it does look into in their order. Facts: gopkg.in/evanphx/json-patch.v4.
 */
import { goJson } from '../go-format.ts';

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The result of a merge patch. */
export const mergePatchedText = (document: Json, patch: unknown): string => goJson(isObject(patch) ? merged(document, patch) : pruned(patch));

function merged(current: Json, patch: Json): Json {
  const out: Json = {};
  for (const key of [...new Set([...Object.keys(current), ...Object.keys(patch)])].sort()) {
    const before = Object.hasOwn(current, key) ? current[key] : undefined;
    if (!Object.hasOwn(patch, key)) out[key] = before;
    else if (patch[key] !== null) out[key] = !isObject(before) ? pruned(patch[key]) : isObject(patch[key]) ? merged(before, patch[key]) : patch[key];
  }
  return out;
}

/** What the patch brings in, without nulls and in order at every level. */
function pruned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pruned);
  return isObject(value) ? merged({}, value) : value;
}

/** The result of a JSON patch. `visited` says which containers an operation looked into. */
export function jsonPatchedText(document: unknown, visited: (container: object) => boolean): string {
  const shown = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || !visited(value)) return value;
    if (Array.isArray(value)) return value.map(shown);
    return Object.fromEntries(Object.keys(value).sort().map((key) => [key, shown((value as Json)[key])]));
  };
  return goJson(shown(document));
}
