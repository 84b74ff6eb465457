/** What a service's endpoints take from services and pods. Pure. */
import { isIP, isIPv6 } from 'node:net';
import type { Pod, Service, ServicePort } from '@pilothouse/api-schemas/types/core/v1';
import { keyOf, type LabelMatcher, matcherOfSet, type ResourceType, services } from '@pilothouse/apimachinery';
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

/** Pods that a service selects. */
export const podsOf = (service: Service, inNamespace: readonly Pod[]): Pod[] => inNamespace.filter((pod) => serviceSelector(service).matches(pod.metadata.labels));

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

/** Wakes the services that select a pod, before or after its change. `delayMs` batches changes. */
export function servicesOfPods(type: ResourceType<Pod>, delayMs: (context: ControllerContext) => number): Watch<Pod> {
  return {
    type,
    *keys(pod, { old }, context) {
      const relabelled = old && !semanticallyEqual(pod.metadata.labels, old.metadata.labels);
      if (old && !relabelled && !showsChange(pod, old)) return;
      const delay = delayMs(context);
      for (const service of context.lister(services).inNamespace(pod.metadata.namespace ?? '')) {
        if (!isSelecting(service)) continue;
        const selector = serviceSelector(service);
        if (!selector.matches(pod.metadata.labels) && !(relabelled && selector.matches(old.metadata.labels))) continue;
        if (delay > 0) context.enqueueAfter(keyOf(service), delay);
        else yield keyOf(service);
      }
    },
  };
}
