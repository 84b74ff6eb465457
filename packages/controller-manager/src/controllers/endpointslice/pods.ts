/** What a service's endpoints take from services and pods. Pure. */
import { isIP, isIPv6 } from 'node:net';
import type { Pod, Service, ServicePort } from '@pilothouse/api-schemas/types/core/v1';
import { keyOf, type LabelMatcher, matcherOfSet, type ResourceType, services } from '@pilothouse/apimachinery';
import type { Lister } from '@pilothouse/client';
import { type ControllerContext, isPodReady, isPodTerminal, semanticallyEqual, type Watch } from '@pilothouse/controller-runtime';

export const headlessLabel = 'service.kubernetes.io/headless';
export const triggerTimeAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';

/** A headless service has no address of its own. */
export const hasClusterIp = ({ spec }: Service): boolean => !!spec?.clusterIP && spec.clusterIP !== 'None';

/** Whether endpoints of the service are ours to keep: not without a selector, and not for a mere name. */
export const isSelecting = ({ spec }: Service): boolean => spec?.type !== 'ExternalName' && spec?.selector !== undefined && spec.selector !== null;

const selectors = new WeakMap<object, LabelMatcher>();
export function serviceSelector(service: Service): LabelMatcher {
  const selector = service.spec!.selector!;
  let matcher = selectors.get(selector);
  if (!matcher) selectors.set(selector, (matcher = matcherOfSet(selector)));
  return matcher;
}

const pairKey = (namespace: string | undefined, key: string, value: string): string => `${namespace ?? ''}\0${key}=${value}`;
/** Where services that select everything stand. */
const anything = (namespace: string | undefined): string => `${namespace ?? ''}\0`;

/** Pods by each of their labels: few have one in common, whatever the number of pods. */
const podsByLabel = { label: ({ metadata }: Pod): string[] => Object.entries(metadata.labels ?? {}).map(([key, value]) => pairKey(metadata.namespace, key, value)) };

/** Services by one pair of their selectors, which their pods must have. */
export const servicesBySelector = {
  selector(service: Service): string[] {
    if (!isSelecting(service)) return [];
    const [pair] = Object.entries(service.spec!.selector!);
    return [pair ? pairKey(service.metadata.namespace, ...pair) : anything(service.metadata.namespace)];
  },
};

/** Pods that a service selects, from a lister of `servicesOfPods`. */
export function podsOf(service: Service, pods: Lister<Pod>): Pod[] {
  const matcher = serviceSelector(service);
  let fewest: Pod[] | undefined;
  for (const [key, value] of Object.entries(service.spec!.selector!)) {
    const found = pods.byIndex('label', pairKey(service.metadata.namespace, key, value));
    if (!fewest || found.length < fewest.length) fewest = found;
  }
  return (fewest ?? pods.inNamespace(service.metadata.namespace ?? '')).filter((pod) => matcher.matches(pod.metadata.labels));
}

export function belongsInEndpoints(pod: Pod, includeTerminating: boolean): boolean {
  // What is bound to no node runs nowhere, whatever its status claims.
  if (!pod.spec?.nodeName || (!pod.status?.podIP && !pod.status?.podIPs?.length)) return false;
  if (isPodTerminal(pod)) return false;
  return includeTerminating || !pod.metadata.deletionTimestamp;
}

export const setsHostname = (pod: Pod, service: Service): boolean => !!pod.spec?.hostname && pod.spec.subdomain === service.metadata.name && pod.metadata.namespace === service.metadata.namespace;

/** The pod's port that a service port leads to; undefined where its name is not found. */
export function targetPort(pod: Pod, port: ServicePort): number | undefined {
  const target = port.targetPort;
  if (typeof target === 'number') return target;
  if (!target) return port.port;
  const sidecars = pod.spec?.initContainers?.filter((c) => c.restartPolicy === 'Always') ?? [];
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars]) {
    const found = container.ports?.find((p) => p.name === target && (p.protocol ?? 'TCP') === (port.protocol ?? 'TCP'));
    if (found) return found.containerPort;
  }
  return undefined;
}

export type AddressType = 'IPv4' | 'IPv6';

export const addressesOf = (pod: Pod, type: AddressType): string[] => (pod.status?.podIPs ?? (pod.status?.podIP ? [{ ip: pod.status.podIP }] : [])).map((entry) => entry.ip ?? '').filter((ip) => isIP(ip) && isIPv6(ip) === (type === 'IPv6'));

export function addressTypesOf(service: Service): AddressType[] {
  const families = (service.spec?.ipFamilies ?? []).filter((family): family is AddressType => family === 'IPv4' || family === 'IPv6');
  if (families.length) return families;
  if (hasClusterIp(service)) return [isIPv6(service.spec!.clusterIP!) ? 'IPv6' : 'IPv4'];
  return ['IPv4', 'IPv6'];
}

/** Whether anything of a pod changed that its endpoints show. */
function showsChange(pod: Pod, old: Pod): boolean {
  return (
    pod.metadata.deletionTimestamp !== old.metadata.deletionTimestamp || isPodReady(pod) !== isPodReady(old) || isPodTerminal(pod) !== isPodTerminal(old) || pod.spec?.nodeName !== old.spec?.nodeName ||
    pod.spec?.hostname !== old.spec?.hostname || pod.spec?.subdomain !== old.spec?.subdomain || pod.status?.podIP !== old.status?.podIP || !semanticallyEqual(pod.status?.podIPs, old.status?.podIPs)
  );
}

/** Wakes the services that select a pod, before or after its change. `delayMs` batches changes. Services need the index `servicesBySelector`. */
export function servicesOfPods(type: ResourceType<Pod>, delayMs: (context: ControllerContext) => number): Watch<Pod> {
  return {
    type,
    indexes: podsByLabel,
    *keys(pod, { old }, context) {
      const relabelled = old && !semanticallyEqual(pod.metadata.labels, old.metadata.labels);
      if (old && !relabelled && !showsChange(pod, old)) return;
      const delay = delayMs(context);
      const candidates = new Set([pod, ...(relabelled ? [old] : [])].flatMap((one) => [...podsByLabel.label(one), anything(one.metadata.namespace)]));
      for (const service of [...candidates].flatMap((pair) => context.lister(services).byIndex('selector', pair))) {
        const selector = serviceSelector(service);
        if (!selector.matches(pod.metadata.labels) && !(relabelled && selector.matches(old.metadata.labels))) continue;
        if (delay > 0) context.enqueueAfter(keyOf(service), delay);
        else yield keyOf(service);
      }
    },
  };
}
