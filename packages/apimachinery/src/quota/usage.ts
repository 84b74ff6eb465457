/** What each kind of object uses of a quota, as both its admission and its count go by. Pure. */
import type { PersistentVolumeClaim, Pod, Service } from '@pilothouse/api-schemas/types/core/v1';
import { formatQuantity, maxQuantity, parseQuantity, quantityOf, quantityValue } from '../quantity.ts';
import type { Amounts } from './amounts.ts';
import { podLimits, podRequests } from './pod-resources.ts';
import { claimInScope, podInScope, type ScopeRequirement } from './scopes.ts';

export interface QuotaUsage {
  /** Whether a quota's name for a resource is one this kind uses. */
  counts(name: string): boolean;
  usage(object: any, nowMs: number): Amounts;
  inScope(scope: ScopeRequirement, object: any): boolean;
}

const always = (name: string): Amounts => ({ [name]: '1' });

/** Names that were there before `count/…`. */
const legacyNames: Readonly<Record<string, string>> = { configmaps: 'configmaps', secrets: 'secrets', replicationcontrollers: 'replicationcontrollers', resourcequotas: 'resourcequotas' };

/** Counts objects: `count/deployments.apps`. */
function objectCount(group: string, plural: string): QuotaUsage {
  const count = `count/${plural}${group ? `.${group}` : ''}`;
  const legacy = group ? undefined : legacyNames[plural];
  return {
    counts: (name) => name === count || name === legacy,
    usage: () => ({ ...always(count), ...(legacy && always(legacy)) }),
    inScope: () => false,
  };
}

const native = (name: string) => !name.includes('/') || name.split('/')[0].endsWith('kubernetes.io');
const podNames = new Set(['count/pods', 'pods', 'cpu', 'memory', 'ephemeral-storage', 'requests.cpu', 'requests.memory', 'requests.ephemeral-storage', 'limits.cpu', 'limits.memory', 'limits.ephemeral-storage']);

/** A resource that is neither Kubernetes' own nor named like a quota. */
const isExtended = (name: string) => (!native(name) && !name.startsWith('requests.')) || name.startsWith(implicitDevices);

/** Devices of a class asked for as if they were a resource. */
const implicitDevices = 'deviceclass.resource.kubernetes.io/';

/** Amounts of a pod's requests and limits under the names that quotas use. */
export function computeUsage(requests: Amounts, limits: Amounts): Amounts {
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

const podUsage: QuotaUsage = {
  counts: (name) => podNames.has(name) || name.startsWith('hugepages-') || name.startsWith('requests.hugepages-') || (name.startsWith('requests.') && !native(name)) || name.startsWith(`requests.${implicitDevices}`),
  usage: (pod: Pod, nowMs) => ({ 'count/pods': '1', ...(isCharged(pod, nowMs) && computeUsage(podRequests(pod), podLimits(pod))) }),
  inScope: podInScope,
};

const serviceNames = new Set(['count/services', 'services', 'services.nodeports', 'services.loadbalancers']);
const serviceUsage: QuotaUsage = {
  counts: (name) => serviceNames.has(name),
  usage(service: Service) {
    const { type, ports = [], allocateLoadBalancerNodePorts } = service.spec ?? {};
    const nodePorts = type === 'NodePort' ? ports.length : type !== 'LoadBalancer' ? 0 : allocateLoadBalancerNodePorts === false ? ports.filter((p) => p.nodePort).length : ports.length;
    return { 'count/services': '1', services: '1', 'services.nodeports': String(nodePorts), 'services.loadbalancers': type === 'LoadBalancer' ? '1' : '0' };
  },
  inScope: () => false,
};

const byClass = '.storageclass.storage.k8s.io/';
const claimUsage: QuotaUsage = {
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
const deviceUsage: QuotaUsage = {
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

const special: Readonly<Record<string, QuotaUsage>> = { pods: podUsage, services: serviceUsage, persistentvolumeclaims: claimUsage, 'resourceclaims.resource.k8s.io': deviceUsage };
const counted = new Map<string, QuotaUsage>();

/** How objects of a resource are charged: some by what they hold, all by their number. */
export function quotaUsageOf({ group, plural }: { group: string; plural: string }): QuotaUsage {
  const name = group ? `${plural}.${group}` : plural;
  const own = special[name];
  if (own) return own;
  let usage = counted.get(name);
  if (!usage) counted.set(name, (usage = objectCount(group, plural)));
  return usage;
}
