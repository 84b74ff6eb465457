/** What each kind of object uses of a quota. */
import type { Container, PersistentVolumeClaim, Pod, Service } from '@pilothouse/api-schemas/types/core/v1';
import { formatQuantity, maxQuantity, parseQuantity, quantityOf, quantityValue } from '@pilothouse/apimachinery';
import type { AdmissionAttributes } from '../../contract.ts';
import { podLimits, podRequests } from '../pod-resources.ts';
import type { Amounts } from './amounts.ts';
import { claimInScope, podInScope, type ScopeRequirement } from './scopes.ts';

export interface Evaluator {
  /** Whether the request may change what is used. */
  handles(a: AdmissionAttributes): boolean;
  /** Whether a quota's name for a resource is one this kind uses. */
  counts(name: string): boolean;
  usage(object: any, nowMs: number): Amounts;
  inScope(scope: ScopeRequirement, object: any): boolean;
  /** What the object must state because a quota limits it. */
  missing?(object: any, limited: readonly string[]): string | undefined;
}

const plain = (a: AdmissionAttributes) => !a.subresource;
const always = (name: string): Amounts => ({ [name]: '1' });

/** Names that were there before `count/…`. */
const legacyNames: Readonly<Record<string, string>> = { configmaps: 'configmaps', secrets: 'secrets', replicationcontrollers: 'replicationcontrollers', resourcequotas: 'resourcequotas' };

/** Counts objects: `count/deployments.apps`. */
export function objectCount(group: string, plural: string): Evaluator {
  const count = `count/${plural}${group ? `.${group}` : ''}`;
  const legacy = group ? undefined : legacyNames[plural];
  return {
    handles: (a) => a.operation === 'CREATE' && plain(a),
    counts: (name) => name === count || name === legacy,
    usage: () => ({ ...always(count), ...(legacy && always(legacy)) }),
    inScope: () => false,
  };
}

const native = (name: string) => !name.includes('/') || name.split('/')[0].endsWith('kubernetes.io');
const podNames = new Set(['count/pods', 'pods', 'cpu', 'memory', 'ephemeral-storage', 'requests.cpu', 'requests.memory', 'requests.ephemeral-storage', 'limits.cpu', 'limits.memory', 'limits.ephemeral-storage']);
/** A quota on these makes every container state them. */
const stated = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'];

/** A resource that is neither Kubernetes' own nor named like a quota. */
const isExtended = (name: string) => !native(name) && !name.startsWith('requests.');

function computeUsage(requests: Amounts, limits: Amounts): Amounts {
  const used: Amounts = { pods: '1' };
  for (const [name, amount] of Object.entries(requests)) {
    if (['cpu', 'memory', 'ephemeral-storage'].includes(name) || name.startsWith('hugepages-')) used[name] = used[`requests.${name}`] = amount;
    else if (isExtended(name)) used[`requests.${name}`] = amount;
  }
  for (const name of ['cpu', 'memory', 'ephemeral-storage']) if (limits[name] !== undefined) used[`limits.${name}`] = limits[name];
  return used;
}

/** Pods that have ended, or should have by now, use nothing but their place in storage. */
function isCharged(pod: Pod, nowMs: number): boolean {
  if (pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded') return false;
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  return !deletionTimestamp || deletionGracePeriodSeconds === undefined || nowMs <= Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

const podEvaluator: Evaluator = {
  handles: (a) => (plain(a) && a.operation === 'CREATE') || (a.subresource === 'resize' && a.operation === 'UPDATE'),
  counts: (name) => podNames.has(name) || name.startsWith('hugepages-') || name.startsWith('requests.hugepages-') || (name.startsWith('requests.') && !native(name)),
  usage: (pod: Pod, nowMs) => ({ 'count/pods': '1', ...(isCharged(pod, nowMs) && computeUsage(podRequests(pod), podLimits(pod))) }),
  inScope: podInScope,
  missing(pod: Pod, limited) {
    const wanted = stated.filter((name) => limited.includes(name)).sort();
    // What the pod states as a whole its containers need not.
    const whole = computeUsage((pod.spec?.resources?.requests ?? {}) as Amounts, (pod.spec?.resources?.limits ?? {}) as Amounts);
    const lacking = wanted.flatMap((name) => {
      if (name in whole) return [];
      const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].filter((c: Container) => !(name in computeUsage((c.resources?.requests ?? {}) as Amounts, (c.resources?.limits ?? {}) as Amounts)));
      return containers.length ? [`${name} for: ${[...new Set(containers.map((c) => c.name))].sort().join(',')}`] : [];
    });
    return lacking.length ? `must specify ${lacking.join('; ')}` : undefined;
  },
};

const serviceNames = new Set(['count/services', 'services', 'services.nodeports', 'services.loadbalancers']);
const serviceEvaluator: Evaluator = {
  handles: (a) => plain(a) && (a.operation === 'CREATE' || a.operation === 'UPDATE'),
  counts: (name) => serviceNames.has(name),
  usage(service: Service) {
    const { type, ports = [], allocateLoadBalancerNodePorts } = service.spec ?? {};
    const nodePorts = type === 'NodePort' ? ports.length : type !== 'LoadBalancer' ? 0 : allocateLoadBalancerNodePorts === false ? ports.filter((p) => p.nodePort).length : ports.length;
    return { 'count/services': '1', services: '1', 'services.nodeports': String(nodePorts), 'services.loadbalancers': type === 'LoadBalancer' ? '1' : '0' };
  },
  inScope: () => false,
};

const byClass = '.storageclass.storage.k8s.io/';
const claimEvaluator: Evaluator = {
  handles(a) {
    if (plain(a)) return a.operation === 'CREATE' || a.operation === 'UPDATE';
    return a.subresource === 'status' && a.operation === 'UPDATE' && a.old?.status?.allocatedResources?.storage !== a.object?.status?.allocatedResources?.storage;
  },
  counts: (name) => ['count/persistentvolumeclaims', 'persistentvolumeclaims', 'requests.storage'].includes(name) || name.endsWith(`${byClass}requests.storage`) || name.endsWith(`${byClass}persistentvolumeclaims`),
  usage(claim: PersistentVolumeClaim) {
    const className = claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? claim.spec?.storageClassName;
    const used: Amounts = { 'count/persistentvolumeclaims': '1', persistentvolumeclaims: '1' };
    if (className) used[`${className}${byClass}persistentvolumeclaims`] = '1';
    const requested = claim.spec?.resources?.requests?.storage as string | undefined;
    if (requested !== undefined) {
      const allocated = claim.status?.allocatedResources?.storage as string | undefined;
      const largest = allocated === undefined ? parseQuantity(requested) : maxQuantity(requested, allocated);
      // Counted in whole bytes.
      const bytes = formatQuantity(largest.scale < 0 ? quantityOf(quantityValue(largest), largest.format) : largest);
      used['requests.storage'] = bytes;
      if (className) used[`${className}${byClass}requests.storage`] = bytes;
    }
    return used;
  },
  inScope: claimInScope,
};

const byDeviceClass = '.deviceclass.resource.k8s.io/devices';
/** A request for all devices is charged with as many as a claim can hold. */
const allDevices = 32;

interface DeviceRequest {
  deviceClassName?: string;
  allocationMode?: string;
  count?: number;
}

/** Devices by class; of alternatives the most expensive counts for each class. */
const deviceEvaluator: Evaluator = {
  handles: (a) => plain(a) && (a.operation === 'CREATE' || a.operation === 'UPDATE'),
  counts: (name) => name === 'count/resourceclaims.resource.k8s.io' || name.endsWith(byDeviceClass),
  usage(claim: { spec?: { devices?: { requests?: { exactly?: DeviceRequest; firstAvailable?: DeviceRequest[] }[] } } }) {
    const totals = new Map<string, number>();
    for (const request of claim.spec?.devices?.requests ?? []) {
      const most = new Map<string, number>();
      for (const { deviceClassName = '', allocationMode, count = 1 } of request.exactly ? [request.exactly] : (request.firstAvailable ?? [])) most.set(deviceClassName, Math.max(most.get(deviceClassName) ?? 0, allocationMode === 'All' ? allDevices : count));
      for (const [name, count] of most) totals.set(name, (totals.get(name) ?? 0) + count);
    }
    return { 'count/resourceclaims.resource.k8s.io': '1', ...Object.fromEntries([...totals].map(([name, count]) => [`${name}${byDeviceClass}`, String(count)])) };
  },
  inScope: () => false,
};

const special: Readonly<Record<string, Evaluator>> = { pods: podEvaluator, services: serviceEvaluator, persistentvolumeclaims: claimEvaluator, 'resourceclaims.resource.k8s.io': deviceEvaluator };
const counted = new Map<string, Evaluator>();

export function evaluatorOf({ group, plural }: { group: string; plural: string }): Evaluator {
  const own = special[group ? `${plural}.${group}` : plural];
  if (own) return own;
  const key = `${group}/${plural}`;
  let evaluator = counted.get(key);
  if (!evaluator) counted.set(key, (evaluator = objectCount(group, plural)));
  return evaluator;
}
