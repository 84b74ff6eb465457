/**
 * Sets of fields, kept in the very form that FieldsV1 has in JSON: a tree whose keys are path elements. An element is a
 * member of the set where its subtree is empty or holds `.`; a set is thus decoded and encoded at no cost.
 * Trees are immutable and shared. Facts: sigs.k8s.io/structured-merge-diff fieldpath.
 */
import { canonicalElement, compareElements, elementText, fieldElement, self } from './element.ts';

export interface FieldSet {
  readonly [element: string]: FieldSet;
}
/** A tree under construction. */
export interface MutableFieldSet {
  [element: string]: FieldSet;
}

/** The subtree of a member that has nothing below it. */
export const leaf: FieldSet = Object.freeze({});
export const emptySet: FieldSet = leaf;

export function isEmpty(set: FieldSet): boolean {
  for (const _ in set) return false;
  return true;
}
const isMember = (node: FieldSet): boolean => self in node || isEmpty(node);

/** A node from its parts; undefined where there is nothing. */
function node(member: boolean, children: MutableFieldSet): FieldSet | undefined {
  if (isEmpty(children)) return member ? leaf : undefined;
  if (member) children[self] = leaf;
  return children;
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmpty(b)) return a;
  if (isEmpty(a)) return b;
  const out: MutableFieldSet = { ...a };
  for (const element in b) {
    const mine = a[element];
    out[element] = mine === undefined ? (b[element] as FieldSet) : unionNodes(mine, b[element] as FieldSet);
  }
  return out;
}
function unionNodes(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a;
  if (isEmpty(a)) return isMember(b) ? b : { [self]: leaf, ...b };
  if (isEmpty(b)) return self in a ? a : { [self]: leaf, ...a };
  return union(a, b);
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const out: MutableFieldSet = {};
  for (const element in a) {
    const other = b[element];
    if (other === undefined || element === self) continue;
    const mine = a[element] as FieldSet;
    const both = node(isMember(mine) && isMember(other), intersection(mine, other) as MutableFieldSet);
    if (both) out[element] = both;
  }
  return out;
}

/** What is in `a` and not in `b`; removing a member leaves what is below it. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(b) || isEmpty(a)) return a;
  let out: MutableFieldSet | undefined;
  for (const element in a) {
    const other = b[element];
    if (other === undefined || element === self) continue;
    const mine = a[element] as FieldSet;
    const children = difference(withoutSelf(mine), other);
    const rest = node(isMember(mine) && !isMember(other), { ...children });
    out ??= { ...a };
    if (rest) out[element] = rest;
    else delete out[element];
  }
  return out ?? a;
}
function withoutSelf(set: FieldSet): FieldSet {
  if (!(self in set)) return set;
  const { [self]: _, ...rest } = set;
  return rest;
}

/** What is in `a` and neither in `b` nor below a member of `b`. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  let out: MutableFieldSet | undefined;
  for (const element in b) {
    const mine = a[element];
    if (mine === undefined || element === self) continue;
    const other = b[element] as FieldSet;
    out ??= { ...a };
    const rest = isMember(other) ? undefined : node(isMember(mine), { ...withoutSelf(recursiveDifference(mine, other)) });
    if (rest) out[element] = rest;
    else delete out[element];
  }
  return out ?? a;
}

export function equalSets(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true;
  let count = 0;
  for (const element in a) {
    const other = b[element];
    if (other === undefined || !equalSets(a[element] as FieldSet, other)) return false;
    count++;
  }
  for (const _ in b) count--;
  return count === 0;
}

/** The same set with elements in the order in which Kubernetes writes them. */
export function sorted(set: FieldSet): FieldSet {
  const elements = Object.keys(set);
  let ordered = true;
  for (let i = 1; i < elements.length && ordered; i++) ordered = compareElements(elements[i - 1] as string, elements[i] as string) < 0;
  if (!ordered) elements.sort(compareElements);
  let out: MutableFieldSet | undefined = ordered ? undefined : {};
  for (const element of elements) {
    const child = set[element] as FieldSet;
    const inner = child === leaf ? child : sorted(child);
    if (out) out[element] = inner;
    else if (inner !== child) {
      out = { ...set };
      out[element] = inner;
    }
  }
  return out ?? set;
}

/** Checks what a client sent and brings it into the canonical form. @throws Error for what is no FieldsV1 */
export function readFieldSet(value: unknown): FieldSet {
  return sorted(withoutSelf(read(value)));
}
function read(value: unknown): FieldSet {
  if (value === null || value === undefined) return leaf;
  if (typeof value !== 'object' || Array.isArray(value)) throw new Error('expected a JSON object');
  const given = value as Record<string, unknown>;
  // Most sets come in canonical form: nothing is copied until something differs.
  let out: MutableFieldSet | undefined;
  let count = 0;
  for (const key in given) {
    if (key === self) {
      if (out) out[self] = leaf;
      continue;
    }
    const element = canonicalElement(key);
    const child = element === undefined ? leaf : read(given[key]);
    if (!out && (element !== key || child !== given[key])) out = prefixOf(given, key);
    if (element === undefined) continue;
    count++;
    if (out) out[element] = out[element] ? unionNodes(out[element], child) : child;
  }
  if (count === 0 && (out || self in given)) return leaf;
  return out ?? (given as unknown as FieldSet);
}
/** The entries before a key, which were found canonical. */
function prefixOf(given: Record<string, unknown>, end: string): MutableFieldSet {
  const out: MutableFieldSet = {};
  for (const key in given) {
    if (key === end) break;
    out[key] = key === self ? leaf : (given[key] as FieldSet);
  }
  return out;
}

/** Every member's path as text (`.spec.replicas`): an item's own members first, then what lies deeper. */
export function pathsOf(set: FieldSet): string[] {
  const paths: string[] = [];
  const visit = (tree: FieldSet, prefix: string): void => {
    const elements = Object.keys(tree).filter((element) => element !== self).sort(compareElements);
    for (const element of elements) if (isMember(tree[element] as FieldSet)) paths.push(prefix + elementText(element));
    for (const element of elements) visit(tree[element] as FieldSet, prefix + elementText(element));
  };
  visit(set, '');
  return paths;
}

/** A set of fields given by their names: `fieldSet(['status'], ['metadata', 'labels'])`. */
export function fieldSet(...paths: readonly string[][]): FieldSet {
  let set: FieldSet = emptySet;
  for (const path of paths) {
    let tree: FieldSet = leaf;
    for (const name of [...path].reverse()) tree = { [fieldElement(name)]: tree };
    set = union(set, tree);
  }
  return set;
}

/** Keeps or drops fields that a resource or subresource does not let its writers set. */
export type FieldFilter = (set: FieldSet) => FieldSet;

/** Drops the fields and all below them: what a strategy resets. */
export function excludeFields(...paths: readonly string[][]): FieldFilter {
  const excluded = fieldSet(...paths);
  return (set) => recursiveDifference(set, excluded);
}

/** Keeps what one of the paths leads to, with all below it; `*` stands for any one element. */
export function includeFields(...paths: readonly string[][]): FieldFilter {
  const pick = (set: FieldSet, patterns: readonly (readonly string[])[]): FieldSet => {
    if (patterns.some((pattern) => pattern.length === 0)) return set;
    const out: MutableFieldSet = {};
    for (const element in set) {
      if (element === self) continue;
      const below = patterns.filter(([first]) => first === '*' || fieldElement(first as string) === element).map((pattern) => pattern.slice(1));
      if (!below.length) continue;
      const child = set[element] as FieldSet;
      const kept = node(isMember(child), { ...withoutSelf(pick(child, below)) });
      if (kept) out[element] = kept;
    }
    return out;
  };
  return (set) => pick(set, paths);
}
