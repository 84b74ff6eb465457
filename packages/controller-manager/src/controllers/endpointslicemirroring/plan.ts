/** EndpointSlices that mirror Endpoints made by hand. Pure. */
import { isIPv6 } from 'node:net';
import type { EndpointAddress, Endpoints, Service } from '@pilothouse/api-schemas/types/core/v1';
import type { Endpoint, EndpointPort, EndpointSlice } from '@pilothouse/api-schemas/types/discovery/v1';
import { endpoints as endpointsType } from '@pilothouse/apimachinery';
import { controllerReference } from '@pilothouse/controller-runtime';
import { type DesiredPorts, generateNameFor, groupFor, identityOf, managedByLabel, planSlices, serviceNameLabel, type SlicePlan, type SliceShape } from '../endpointslice/plan.ts';
import type { AddressType } from '../endpointslice/pods.ts';

export const mirrorManagedBy = 'endpointslicemirroring-controller.k8s.io';
const skipLabel = 'endpointslice.kubernetes.io/skip-mirror';
const triggerTimeAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';
const notMirrored = new Set(['kubectl.kubernetes.io/last-applied-configuration', triggerTimeAnnotation]);

/** Only Endpoints that nobody else keeps are mirrored: of a service without a selector, not asking to be left out. */
export function isMirrored(endpoints: Endpoints, service: Service | undefined): boolean {
  if (endpoints.metadata.labels?.[skipLabel] === 'true') return false;
  if (endpoints.metadata.annotations?.['control-plane.alpha.kubernetes.io/leader'] !== undefined) return false;
  return !!service && (service.spec?.selector === undefined || service.spec.selector === null);
}

/** `skipped`: addresses beyond `maxPerSubset` of a subset. */
export function planMirror(endpoints: Endpoints, existing: readonly EndpointSlice[], options: { maxPerSubset: number }): SlicePlan & { skipped: number } {
  const labels = { ...endpoints.metadata.labels, [serviceNameLabel]: endpoints.metadata.name!, [managedByLabel]: mirrorManagedBy };
  const annotations = Object.fromEntries(Object.entries(endpoints.metadata.annotations ?? {}).filter(([key]) => !notMirrored.has(key)));
  const shape: SliceShape = {
    maxPerSlice: options.maxPerSubset,
    labels,
    annotations,
    blank: (addressType, ports) => ({ metadata: { generateName: generateNameFor(endpoints.metadata.name!), namespace: endpoints.metadata.namespace, labels, annotations, ownerReferences: [controllerReference(endpointsType, endpoints)] }, addressType, endpoints: [], ports }),
    owns: () => true,
  };
  const desired: Record<AddressType, Map<string, DesiredPorts>> = { IPv4: new Map(), IPv6: new Map() };
  let skipped = 0;
  for (const subset of endpoints.subsets ?? []) {
    const ports: EndpointPort[] = (subset.ports ?? []).map((port) => ({ name: port.name ?? '', port: port.port, protocol: port.protocol ?? 'TCP', ...(port.appProtocol !== undefined && { appProtocol: port.appProtocol }) }));
    let room = options.maxPerSubset;
    const add = (address: EndpointAddress, ready: boolean) => {
      if (room === 0) return void skipped++;
      room--;
      const group = groupFor(desired[isIPv6(address.ip) ? 'IPv6' : 'IPv4'], ports);
      const endpoint = mirrored(address, ready);
      group.endpoints.set(identityOf(endpoint), endpoint);
    };
    for (const address of subset.addresses ?? []) add(address, true);
    for (const address of subset.notReadyAddresses ?? []) add(address, false);
  }
  const plan: SlicePlan = { create: [], update: [], delete: [] };
  for (const type of ['IPv4', 'IPv6'] as const) {
    const part = planSlices(existing.filter((slice) => slice.addressType === type), desired[type], type, shape, { placeholder: false });
    plan.create.push(...part.create);
    plan.update.push(...part.update);
    plan.delete.push(...part.delete);
  }
  return { ...plan, skipped };
}

const mirrored = ({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint => ({ addresses: [ip], conditions: { ready }, ...(hostname && { hostname }), ...(targetRef && { targetRef }), ...(nodeName && { nodeName }) });
