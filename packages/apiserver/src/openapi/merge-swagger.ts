/** OpenAPI v2 documents of several servers made one. Pure. Facts: kube-openapi pkg/aggregator. */
import { equalJson } from '@pilothouse/apimachinery';
import type { JsonSchema } from './schemas.ts';

type Named = Record<string, JsonSchema>;

const gvkKey = 'x-kubernetes-group-version-kind';
/** What is named in a document, and how it is referred to. */
const sections = ['definitions', 'parameters'] as const;

/** Calls for each reference in the value. */
function eachReference(value: unknown, seen: (reference: string) => void): void {
  if (Array.isArray(value)) for (const item of value) eachReference(item, seen);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      if (key === '$ref' && typeof inner === 'string') seen(inner);
      else eachReference(inner, seen);
    }
  }
}

/** Names of the definitions that the document refers to, through others too. */
function usedDefinitions(document: JsonSchema): Set<string> {
  const { definitions = {}, ...rest } = document as { definitions?: Named };
  const used = new Set<string>();
  const visit = (value: unknown): void =>
    eachReference(value, (reference) => {
      const name = reference.startsWith('#/definitions/') ? reference.slice('#/definitions/'.length) : undefined;
      if (name === undefined || used.has(name)) return;
      used.add(name);
      visit(definitions[name]);
    });
  visit(rest);
  return used;
}

/** The document with the paths that are kept alone, and without the definitions that only others used. */
export function keepPaths(document: JsonSchema, keep: (path: string) => boolean): JsonSchema {
  const before = usedDefinitions(document);
  const paths = Object.fromEntries(Object.entries((document.paths ?? {}) as Named).filter(([path]) => keep(path)));
  const kept: JsonSchema = { ...document, paths };
  const now = usedDefinitions(kept);
  kept.definitions = Object.fromEntries(Object.entries((document.definitions ?? {}) as Named).filter(([name]) => now.has(name) || !before.has(name)));
  return kept;
}

function withoutKinds(definition: JsonSchema): JsonSchema {
  const { [gvkKey]: _, ...rest } = definition;
  return rest;
}
const alike = (a: JsonSchema, b: JsonSchema): boolean => equalJson(withoutKinds(a), withoutKinds(b));

/** New names for what stands under the same name in both and differs. */
function renames(into: Named, from: Named): Map<string, string> {
  const found = new Map<string, string>();
  const taken = new Set(Object.keys(into));
  for (const name of Object.keys(from).sort()) {
    if (!Object.hasOwn(into, name) || alike(into[name], from[name])) continue;
    let i = 2;
    while (Object.hasOwn(into, `${name}_v${i}`) && !alike(into[`${name}_v${i}`], from[name])) i++;
    if (!Object.hasOwn(into, `${name}_v${i}`)) while (taken.has(`${name}_v${i}`) || Object.hasOwn(from, `${name}_v${i}`)) i++;
    found.set(name, `${name}_v${i}`);
    taken.add(`${name}_v${i}`);
  }
  return found;
}

/** A copy that refers to things by their new names. */
function renamed<T>(value: T, names: ReadonlyMap<string, string>): T {
  if (Array.isArray(value)) return value.map((item) => renamed(item, names)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, key === '$ref' && typeof inner === 'string' ? (names.get(inner) ?? inner) : renamed(inner, names)])) as T;
}

/** Kinds of both, each once. */
const mergedKinds = (a: unknown, b: unknown): unknown[] => {
  const all = [...(Array.isArray(a) ? a : []), ...(Array.isArray(b) ? b : [])];
  return all.filter((kind, i) => all.findIndex((other) => equalJson(other, kind)) === i);
};

/** Adds a document to another: paths that are there already stay, what has a name that means something else gets another. Changes `into`. */
export function mergeSwagger(into: JsonSchema, document: JsonSchema): void {
  const held = (into.paths ??= {}) as Named;
  const isNew = (path: string): boolean => !Object.hasOwn(held, path);
  const all = Object.keys((document.paths ?? {}) as Named);
  if (!all.some(isNew)) return;
  let from = all.every(isNew) ? document : keepPaths(document, isNew);
  for (const section of sections) {
    const own = (into[section] ?? {}) as Named;
    const names = renames(own, (from[section] ?? {}) as Named);
    if (names.size) {
      from = renamed(from, new Map([...names].map(([old, now]) => [`#/${section}/${old}`, `#/${section}/${now}`])));
      from[section] = Object.fromEntries(Object.entries(from[section] as Named).map(([name, definition]) => [names.get(name) ?? name, definition]));
    }
    for (const [name, definition] of Object.entries((from[section] ?? {}) as Named)) {
      const existing = own[name];
      if (!existing) own[name] = definition;
      else if (section === 'definitions' && definition[gvkKey] !== undefined) own[name] = { ...existing, [gvkKey]: mergedKinds(existing[gvkKey], definition[gvkKey]) };
    }
    if (Object.keys(own).length) into[section] = own;
  }
  Object.assign(held, from.paths);
}
