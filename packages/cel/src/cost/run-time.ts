/** What calls cost when they run, by upstream's rules: Kubernetes' libraries first, then the standard functions. */
import { isList, MapValue, Optional, type Opaque, type Value } from '../eval/values.ts';

export const listBaseCost = 10;
export const mapBaseCost = 30;
export const structBaseCost = 40;
/** Per character. */
export const traversal = 0.1;
export const regexPerCharacter = 0.25;
/** Asking the authorizer. */
export const checkCost = 350_000;

/** The target comes first in `args`. */
type Cost = number | ((args: readonly Value[], result: Value) => number);

export function sizeOf(value: Value): number {
  if (typeof value === 'string' || isList(value) || value instanceof Uint8Array) return value.length;
  if (value === null || typeof value !== 'object') return 1;
  if (value instanceof MapValue) return value.size;
  if (value instanceof Optional) return value.value === undefined ? 1 : sizeOf(value.value);
  return (value as Opaque).costSize ?? 1;
}

const scan = (value: Value, factor = 1): number => Math.ceil(sizeOf(value) * factor * traversal);
const once: Cost = ([first]) => scan(first);
const twice: Cost = ([first]) => scan(first, 2);
const matching = (text: Value, pattern: number): number => Math.ceil((1 + sizeOf(text)) * traversal) * Math.ceil(pattern * regexPerCharacter);
const regex: Cost = ([text, pattern]) => matching(text, sizeOf(pattern));

/** A walk through everything in a value. */
function walk(value: Value): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return Math.trunc(value.length * traversal);
  if (isList(value)) return value.reduce<number>((sum, element) => sum + walk(element), 0);
  if (value instanceof MapValue) {
    let sum = 0;
    for (const key of value.keys()) sum += walk(key) + walk(value.find(key)!);
    return sum;
  }
  return 1;
}

const selector: Cost = ([, text]) => {
  const length = sizeOf(text);
  return listBaseCost + Math.ceil(length * traversal) + Math.ceil(Math.ceil(length * 0.5) * (listBaseCost + structBaseCost));
};
const containsIP = (overload: string): Cost => ([cidr, other]) => Math.ceil(2 * sizeOf(cidr) * traversal) + (overload === 'cidr_contains_ip_string' ? scan(other) : 0);
const containsCIDR = (overload: string): Cost => ([cidr, other]) => Math.ceil(2 * sizeOf(cidr) * traversal) + scan(cidr) + 1 + (overload === 'cidr_contains_cidr_string' ? scan(other) : 0);

const each = (cost: (overload: string) => Cost, ...names: string[]): [string, (overload: string) => Cost][] => names.map((name) => [name, cost]);
const same = (cost: Cost, ...names: string[]) => each(() => cost, ...names);

/** By function: Kubernetes' own. */
const kubernetes = new Map<string, (overload: string) => Cost>([
  ...same(checkCost, 'check'),
  ...same(1, 'serviceAccount', 'path', 'group', 'resource', 'subresource', 'namespace', 'name', 'allowed', 'reason', 'error', 'errored'),
  ...same(selector, 'fieldSelector', 'labelSelector'),
  ...same(([first]) => walk(first), 'isSorted', 'sum', 'max', 'min', 'indexOf', 'lastIndexOf', 'includes'),
  ...same(once, 'url', 'lowerAscii', 'upperAscii', 'substring', 'trim', 'jsonpatch.escapeKey'),
  ...same(twice, 'replace', 'split'),
  ...same((_, result) => scan(result, 2), 'join'),
  ...same(regex, 'find', 'findAll'),
  ...same(once, 'cidr', 'isIP', 'isCIDR', 'quantity', 'isQuantity', 'semver', 'isSemver'),
  ...each((overload) => (overload === 'cidr_ip' ? 1 : once), 'ip'),
  ...same(twice, 'ip.isCanonical'),
  ...same(1, 'masked', 'prefixLength', 'family', 'isUnspecified', 'isLoopback', 'isLinkLocalMulticast', 'isLinkLocalUnicast', 'isGlobalUnicast'),
  ...each(containsIP, 'containsIP'),
  ...each(containsCIDR, 'containsCIDR'),
  ...same(([format, text]) => matching(text, (format as { maxRegexSize?: number }).maxRegexSize ?? 128), 'validate'),
  ...same(1, 'format.named', 'sign', 'asInteger', 'isInteger', 'asApproximateFloat', 'isGreaterThan', 'isLessThan', 'compareTo', 'add', 'sub', 'major', 'minor', 'patch'),
  ...same(1, 'getScheme', 'getHostname', 'getHost', 'getPort', 'getEscapedPath', 'getQuery'),
]);

const smaller: Cost = ([a, b]) => Math.ceil(Math.min(sizeOf(a), sizeOf(b)) * traversal);
const isOpaque = (value: Value): boolean => typeof value === 'object' && value !== null && 'celType' in value && !(value instanceof MapValue);
const equality: Cost = (args, result) => (isOpaque(args[0]) ? 1 : smaller(args, result));
const ordered = ['less', 'less_equals', 'greater', 'greater_equals'].flatMap((name) => [`${name}_string`, `${name}_bytes`]);

/** A call that makes a list. */
const making = (size: number, factor = 1): number => Math.trunc(size * factor) + 1 + listBaseCost;
const compared = (factor: number): Cost => ([a, b]) => 1 + Math.trunc(sizeOf(a) * sizeOf(b) * factor);
/** Every element against every other. */
const selfCompared = (list: Value): number => {
  const size = sizeOf(list);
  const first = isList(list) ? list[0] : undefined;
  return making(size * size, 2 + (typeof first === 'string' || first instanceof Uint8Array ? traversal : 0));
};
const comparable = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'];

/** By overload: the standard ones, and the libraries of lists and sets that cel-go brings. */
const standard = new Map<string, Cost>([
  ...['starts_with_string', 'ends_with_string', 'string_to_bytes', 'bytes_to_string', 'strings_quote', 'string_format'].map((id) => [id, once] as const),
  ['in_list', ([, list]) => sizeOf(list)],
  ...ordered.map((id) => [id, smaller] as const),
  ['equals', equality],
  ['not_equals', smaller],
  ...['add_string', 'add_bytes'].map((id) => [id, (([a, b]: readonly Value[]) => Math.ceil((sizeOf(a) + sizeOf(b)) * traversal)) as Cost] as const),
  ['matches_string', regex],
  ['contains_string', ([text, part]) => scan(text) * scan(part)],
  ...['list_slice', 'lists_range', 'list_reverse'].map((id) => [id, ((_: readonly Value[], result: Value) => making(sizeOf(result))) as Cost] as const),
  ...['list_flatten', 'list_flatten_int'].map((id) => [id, (([list, depth = 1]: readonly Value[]) => making(sizeOf(list), Number(depth))) as Cost] as const),
  ['list_distinct', ([list]) => selfCompared(list)],
  ...comparable.map((type) => [`list_${type}_sort`, (([list]: readonly Value[]) => selfCompared(list)) as Cost] as const),
  ...comparable.map((type) => [`list_${type}_sortByAssociatedKeys`, (([, keys]: readonly Value[]) => selfCompared(keys)) as Cost] as const),
  ...([['list_sets_contains_list', 1], ['list_sets_intersects_list', 1], ['list_sets_equivalent_list', 2]] as const).map(([id, factor]) => [id, compared(factor)] as const),
]);

/** `overload` is empty where more than one may be meant. */
export const callCost = (name: string, overload: string): Cost => kubernetes.get(name)?.(overload) ?? standard.get(overload) ?? 1;
