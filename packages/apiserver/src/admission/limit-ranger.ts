/** Defaults for what containers ask for, and bounds on it, from the namespace's LimitRanges. */
import type { Container, LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { compareQuantities, formatQuantity, isZeroQuantity, limitRanges, parseQuantity, quantityToNumber } from '@pilothouse/apimachinery';
import { andThen, type Awaitable } from '@pilothouse/base';
import type { AdmissionAttributes, AdmissionPlugin } from '../contract.ts';
import { podLimits, podRequests, type Resources } from '@pilothouse/apimachinery/quota/pod-resources';
import { isAbout, joined, refuse } from './refuse.ts';

const annotation = 'kubernetes.io/limit-ranger';

function concerns(a: AdmissionAttributes): 'pod' | 'claim' | undefined {
  if (isAbout(a, 'pods')) return (a.operation === 'CREATE' && !a.subresource) || (a.operation === 'UPDATE' && a.subresource === 'resize') ? 'pod' : undefined;
  return isAbout(a, 'persistentvolumeclaims') && !a.subresource && !a.object?.metadata?.deletionTimestamp ? 'claim' : undefined;
}

const itemsOf = (range: LimitRange) => range.spec?.limits ?? [];
const sorted = (resources: unknown) => Object.entries((resources ?? {}) as Resources).sort(([a], [b]) => (a < b ? -1 : 1));
const show = (amount: string) => formatQuantity(parseQuantity(amount));

/** Fills in what containers leave open; the words say what was set, for the pod's annotation. */
function setDefaults(container: Container, item: LimitRangeItem, what: string): string[] {
  const set = (part: 'requests' | 'limits', defaults: unknown): string[] => {
    const missing = sorted(defaults).filter(([name]) => (container.resources?.[part] as Resources | undefined)?.[name] === undefined);
    if (!missing.length) return [];
    container.resources ??= {};
    container.resources[part] = { ...container.resources[part], ...Object.fromEntries(missing) };
    return [`${missing.map(([name]) => name).join(', ')} ${part === 'requests' ? 'request' : 'limit'} for ${what} ${container.name}`];
  };
  return [...set('requests', item.defaultRequest), ...set('limits', item.default)];
}

function defaultPod(range: LimitRange, pod: Pod): void {
  // A range may hold one item per type, so that there is one set of defaults.
  const merged: LimitRangeItem = { type: 'Container', default: {}, defaultRequest: {} };
  for (const item of itemsOf(range).filter((i) => i.type === 'Container')) {
    Object.assign(merged.default!, item.default);
    Object.assign(merged.defaultRequest!, item.defaultRequest);
  }
  const words = [...(pod.spec?.containers ?? []).flatMap((c) => setDefaults(c, merged, 'container')), ...(pod.spec?.initContainers ?? []).flatMap((c) => setDefaults(c, merged, 'init container'))];
  if (words.length) pod.metadata.annotations = { ...pod.metadata.annotations, [annotation]: `LimitRanger plugin set: ${words.join('; ')}` };
}

function below(type: string, name: string, min: string, requests: Resources, limits: Resources): string | undefined {
  const text = `minimum ${name} usage per ${type} is ${show(min)}`;
  if (requests[name] === undefined) return `${text}.  No request is specified`;
  if (compareQuantities(requests[name], min) < 0) return `${text}, but request is ${show(requests[name])}`;
  if (limits[name] !== undefined && compareQuantities(limits[name], min) < 0) return `${text}, but limit is ${show(limits[name])}`;
  return undefined;
}

function above(type: string, name: string, max: string, requests: Resources, limits: Resources): string | undefined {
  const text = `maximum ${name} usage per ${type} is ${show(max)}`;
  if (limits[name] === undefined) return `${text}.  No limit is specified`;
  if (compareQuantities(limits[name], max) > 0) return `${text}, but limit is ${show(limits[name])}`;
  if (requests[name] !== undefined && compareQuantities(requests[name], max) > 0) return `${text}, but request is ${show(requests[name])}`;
  return undefined;
}

function overRatio(type: string, name: string, ratio: string, requests: Resources, limits: Resources): string | undefined {
  const text = `${name} max limit to request ratio per ${type} is ${show(ratio)}`;
  if (requests[name] === undefined || isZeroQuantity(requests[name])) return `${text}, but no request is specified or request is 0`;
  if (limits[name] === undefined || isZeroQuantity(limits[name])) return `${text}, but no limit is specified or limit is 0`;
  const observed = quantityToNumber(limits[name]) / quantityToNumber(requests[name]);
  return observed > quantityToNumber(ratio) ? `${text}, but provided ratio is ${observed.toFixed(6)}` : undefined;
}

function bounds(item: LimitRangeItem, requests: Resources, limits: Resources): (string | undefined)[] {
  return [
    ...sorted(item.min).map(([name, min]) => below(item.type, name, min, requests, limits)),
    ...sorted(item.max).map(([name, max]) => above(item.type, name, max, requests, limits)),
    ...sorted(item.maxLimitRequestRatio).map(([name, ratio]) => overRatio(item.type, name, ratio, requests, limits)),
  ];
}

/** The pod as ranges see it: without overhead, and of what it states as a whole only processor time and memory. */
function bare(pod: Pod): Pod {
  const { overhead: _, resources, ...spec } = pod.spec!;
  const whole = (list: unknown) => Object.fromEntries(Object.entries((list ?? {}) as Resources).filter(([name]) => name === 'cpu' || name === 'memory'));
  return { ...pod, spec: { ...spec, ...(resources && { resources: { requests: whole(resources.requests), limits: whole(resources.limits) } }) } };
}

export function limitPod(range: LimitRange, pod: Pod): string[] {
  const found: (string | undefined)[] = [];
  for (const item of itemsOf(range)) {
    if (item.type === 'Container') for (const container of [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])]) found.push(...bounds(item, (container.resources?.requests ?? {}) as Resources, (container.resources?.limits ?? {}) as Resources));
    else if (item.type === 'Pod') found.push(...bounds(item, podRequests(bare(pod)), podLimits(bare(pod))));
  }
  return found.filter((f): f is string => f !== undefined);
}

function limitClaim(range: LimitRange, claim: PersistentVolumeClaim): string[] {
  const found: (string | undefined)[] = [];
  const requests = (claim.spec?.resources?.requests ?? {}) as Resources;
  for (const item of itemsOf(range).filter((i) => i.type === 'PersistentVolumeClaim')) {
    found.push(...sorted(item.min).map(([name, min]) => below(item.type, name, min, requests, {})));
    found.push(
      ...sorted(item.max).map(([name, max]) => {
        const text = `maximum ${name} usage per ${item.type} is ${show(max)}`;
        if (requests[name] === undefined) return `${text}.  No request is specified`;
        return compareQuantities(requests[name], max) > 0 ? `${text}, but request is ${show(requests[name])}` : undefined;
      }),
    );
  }
  return found.filter((f): f is string => f !== undefined);
}

/** Hands on the namespace's ranges, by name; not where it has none. */
const withRanges = (a: AdmissionAttributes, then: (ranges: readonly LimitRange[]) => void): Awaitable<void> => andThen(a.read.list(limitRanges, a.namespace), (found) => {
  if (found.length) then([...found].sort((x, y) => (x.metadata.name! < y.metadata.name! ? -1 : 1)));
});

export const limitRanger: AdmissionPlugin = {
  name: 'LimitRanger',
  operations: ['CREATE', 'UPDATE'],
  mutate(a) {
    if (concerns(a) !== 'pod') return;
    return withRanges(a, (ranges) => {
      for (const range of ranges) defaultPod(range, a.object);
    });
  },
  validate(a) {
    const kind = concerns(a);
    if (!kind) return;
    return withRanges(a, (ranges) => {
      for (const range of ranges) {
        const found = kind === 'pod' ? limitPod(range, a.object) : limitClaim(range, a.object);
        if (found.length) throw refuse(a, joined(found));
      }
    });
  },
};
