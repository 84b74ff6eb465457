/** What calls of Kubernetes' libraries may cost. */
import type { SizedNode, SizeOf } from './estimate.ts';
import { addRanges, type Estimate, fixed, maxUint64, type Range, scale, timesRange, unknownRange } from './ranges.ts';

const traversal = 0.1;
const one: Estimate = { cost: fixed(1n) };
const addressSize: Range = { min: 4n, max: 16n };

interface CallFacts {
  overload: string;
  target: SizedNode | undefined;
  args: readonly SizedNode[];
  /** Asks what is declared where the node itself does not tell. */
  size(node: SizedNode): Range;
}
type Rule = (facts: CallFacts) => Estimate | undefined;

const constant: Rule = () => one;
const scanArgument = (factor = 1): Rule => ({ args, size }) => (args.length ? { cost: scale(size(args[0]), factor * traversal) } : undefined);
const sameSize = (range: Range): Estimate => ({ cost: scale(range, traversal), size: range });

const selector: Rule = ({ args, size }) => {
  if (args.length !== 1) return undefined;
  const length = size(args[0]);
  return { cost: addRanges(addRanges(fixed(10n), scale(length, traversal)), scale(scale(length, 0.5), 50)) };
};

/** The elements of a list, as something to ask the size of. */
function elementOf({ type, path }: SizedNode): SizedNode | undefined {
  return type.params.length ? { type: type.params[0], path: path.length ? [...path, '@items'] : [] } : undefined;
}
const walk: Rule = ({ target, size }) => {
  if (!target) return undefined;
  const element = elementOf(target);
  if (!element) return { cost: scale(size(target), traversal) };
  const each = ['string', 'bytes'].includes(element.type.kind) ? addRanges(fixed(1n), scale(size(element), traversal)) : fixed(1n);
  return { cost: timesRange(size(target), each) };
};

const ceilDivide = (a: bigint, b: bigint): bigint => BigInt(Math.ceil(Number(a) / Number(b)));
const replace: Rule = ({ target, args, size }) => {
  if (!target || args.length < 2) return undefined;
  const text = size(target);
  const from = size(args[0]);
  const to = size(args[1]);
  const everywhere = (length: bigint) => (length < maxUint64 ? length + 1n : length);
  const most = from.min === 0n ? { count: everywhere(text.max), kept: text.max } : to.max <= from.min ? { count: 0n, kept: text.max } : { count: ceilDivide(text.max, from.min), kept: 0n };
  const least = from.max === 0n ? { count: everywhere(text.min), kept: text.min } : from.max <= to.min ? { count: 0n, kept: text.min } : { count: ceilDivide(text.min, from.max), kept: 0n };
  return { cost: scale(text, 2 * traversal), size: addRanges(timesRange({ min: least.count, max: most.count }, to), { min: least.kept, max: most.kept }) };
};
const split: Rule = ({ target, args, size }) => {
  if (!target) return undefined;
  const text = size(target);
  const limit = args[1]?.expr?.kind === 'literal' ? args[1].expr.value : undefined;
  const max = typeof limit === 'number' ? BigInt.asUintN(64, BigInt(limit)) : text.max;
  return { cost: scale(text, 2 * traversal), size: { min: 0n, max } };
};
const join: Rule = ({ target, args, size }) => {
  if (!target) return undefined;
  const list = size(target);
  const element = elementOf(target);
  let total = element ? timesRange(list, size(element)) : fixed(0n);
  const less = (count: bigint) => (count > 0n ? count - 1n : 0n);
  if (args.length) total = addRanges(total, timesRange(size(args[0]), { min: less(list.min), max: less(list.max) }));
  return sameSize(total);
};
const find: Rule = ({ target, args, size }) => {
  if (!target || !args.length) return undefined;
  const text = size(target);
  return { cost: timesRange(scale(addRanges(text, fixed(1n)), traversal), scale(size(args[0]), 0.25)), size: { min: 0n, max: text.max } };
};
const ofTarget: Rule = ({ target, size }) => target && sameSize(size(target));
const ofArgument: Rule = ({ args, size }) => (args.length === 1 ? sameSize(size(args[0])) : undefined);
const comparedIp = scale(addRanges(addressSize, addressSize), traversal);
const containsIp: Rule = ({ overload, args, size }) => ({ cost: overload === 'cidr_contains_ip_string' ? addRanges(comparedIp, scale(size(args[0]), traversal)) : comparedIp });
const containsCidr: Rule = ({ overload, args, size }) => {
  const cost = addRanges(addRanges(comparedIp, scale(addressSize, traversal)), fixed(1n));
  return { cost: overload === 'cidr_contains_cidr_string' ? addRanges(cost, scale(size(args[0]), traversal)) : cost };
};
const validate: Rule = ({ args, size }) => ({ cost: scale(scale(size(args[0]), traversal), 128 * 0.25) });

const quick = new Set(['kubernetes.Quantity', 'kubernetes.Semver', ...['Authorizer', 'PathCheck', 'GroupCheck', 'ResourceCheck', 'Decision'].map((name) => `kubernetes.authorization.${name}`)]);
const equality: Rule = ({ args }) => {
  const [left, right] = args;
  if (args.length !== 2 || left.type.name !== right.type.name) return undefined;
  const { kind, name } = left.type;
  if (kind === 'opaque') return name === 'net.IP' || name === 'net.CIDR' ? one : undefined;
  if (kind !== 'struct') return undefined;
  if (quick.has(name)) return one;
  if (name === 'kubernetes.NamedFormat') return { cost: scale({ min: 1n, max: 64n }, traversal) };
  if (name === 'kubernetes.URL') return { cost: scale({ min: 1n, max: right.size?.max ?? 1n }, traversal) };
  return undefined;
};

const same = (rule: Rule, ...names: string[]): [string, Rule][] => names.map((name) => [name, rule]);
const rules = new Map<string, Rule>([
  ...same(() => ({ cost: fixed(350_000n) }), 'check'),
  ...same(constant, 'serviceAccount', 'path', 'group', 'resource', 'subresource', 'namespace', 'name', 'allowed', 'reason', 'error', 'errored'),
  ...same(selector, 'fieldSelector', 'labelSelector'),
  ...same(walk, 'isSorted', 'sum', 'max', 'min', 'indexOf', 'lastIndexOf', 'includes'),
  ...same(ofArgument, 'url', 'jsonpatch.escapeKey'),
  ...same(ofTarget, 'lowerAscii', 'upperAscii', 'substring', 'trim'),
  ['replace', replace],
  ['split', split],
  ['join', join],
  ...same(find, 'find', 'findAll'),
  ...same(scanArgument(), 'cidr', 'isIP', 'isCIDR', 'quantity', 'isQuantity', 'semver', 'isSemver'),
  ['ip', (facts) => (facts.overload === 'cidr_ip' ? one : scanArgument()(facts))],
  ['ip.isCanonical', scanArgument(2)],
  ...same(constant, 'masked', 'prefixLength', 'family', 'isUnspecified', 'isLoopback', 'isLinkLocalMulticast', 'isLinkLocalUnicast', 'isGlobalUnicast'),
  ['containsIP', containsIp],
  ['containsCIDR', containsCidr],
  ['validate', validate],
  ...same(constant, 'format.named', 'sign', 'asInteger', 'isInteger', 'asApproximateFloat', 'isGreaterThan', 'isLessThan', 'compareTo', 'add', 'sub', 'major', 'minor', 'patch'),
  ...same(constant, 'getScheme', 'getHostname', 'getHost', 'getPort', 'getEscapedPath', 'getQuery'),
  ['_==_', equality],
]);

/** Undefined where the function is none of Kubernetes', or nothing special. Arguments' own costs are not in it. */
export function kubernetesCallEstimate(name: string, overload: string, target: SizedNode | undefined, args: readonly SizedNode[], sizeOf: SizeOf): Estimate | undefined {
  return rules.get(name)?.({ overload, target, args, size: (node) => node.size ?? (node.path.length ? sizeOf(node.path) : undefined) ?? unknownRange });
}
