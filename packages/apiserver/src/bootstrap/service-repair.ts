/**
 * Compares what services have with what is noted as taken, and mends the notes: after a server died between the two,
 * after writes by hand, and for services from before there were notes. Each API server does it, at its start and every
 * three minutes. What a service has is never changed: who reads its events may.
 */
import { type Cidr, cidrContains, ipAddresses, isNotFound, parseCidr, parseIp, serviceCIDRs, services as serviceType } from '@pilothouse/apimachinery';
import type { Service } from '@pilothouse/api-schemas/types/core/v1';
import type { Event } from '@pilothouse/api-schemas/types/events/v1';
import type { IPAddress } from '@pilothouse/api-schemas/types/networking/v1';
import { formatMicroTime, messageOf, parseTime, type Runtime, type Scope } from '@pilothouse/base';
import { eventsEvents } from '@pilothouse/apimachinery';
import type { Store } from '@pilothouse/storage';
import { addressFor, allocatorName, clusterIpsOf, familyLabel, familyOf, holdsFor, managedByLabel } from '../resources/core/cluster-ips.ts';
import { NodePorts, nodePortsOf } from '../resources/core/node-ports.ts';
import { formatPortRange, inPortRange, type PortRange, PortSet } from '../resources/core/port-range.ts';
import type { Filled } from '../resources/filled.ts';
import type { LoopbackClient } from './client.ts';

type FilledService = Filled<Service>;

const everyMs = 180_000;
/** A service may be on its way into storage for so long after its address was taken. */
const graceMs = 60_000;
/** A port that no service has is given back when it was found so this often. */
const leaksBeforeCleanup = 3;

export interface RepairContext extends Runtime {
  client: LoopbackClient;
  store: Store;
}

/** Repairs now, and until the scope closes. */
export function keepAllocations(context: RepairContext, scope: Scope, { serviceNodePortRange }: { serviceNodePortRange: PortRange }): void {
  const ports = portRepair(context, serviceNodePortRange);
  let running: Promise<void> = Promise.resolve();
  const repair = () => {
    running = running
      .then(() => repairAddresses(context))
      .then(ports)
      .catch((error: unknown) => context.log.warn('Allocations of services could not be compared', { err: messageOf(error) }));
  };
  repair();
  const timer = context.clock.every(everyMs, repair);
  scope.defer(async () => {
    timer.cancel();
    await running;
  });
}

type Regarding = { kind: string; apiVersion: string; metadata: { name?: string; namespace?: string; uid?: string } };

/** Tells people, in an event on the object. */
async function warn({ client, clock, random, log }: RepairContext, controller: string, object: Regarding, reason: string, action: string, note: string): Promise<void> {
  const { name, namespace, uid } = object.metadata;
  log.warn(note, { reason, object: `${namespace ? `${namespace}/` : ''}${name}` });
  const event: Event = {
    metadata: { name: `${name}.${random.suffix(16)}`, namespace: namespace ?? 'default' },
    eventTime: formatMicroTime(clock.now()),
    reportingController: controller,
    reportingInstance: controller,
    type: 'Warning',
    action,
    reason,
    note,
    regarding: { kind: object.kind, apiVersion: object.apiVersion, name, namespace, uid },
  };
  await client.create(eventsEvents, event).catch(() => undefined);
}

const asService = (service: FilledService): Regarding => ({ kind: 'Service', apiVersion: 'v1', metadata: service.metadata });
const asAddress = (address: IPAddress): Regarding => ({ kind: 'IPAddress', apiVersion: 'networking.k8s.io/v1', metadata: address.metadata! });

/** One pass over cluster IPs: an IPAddress for each that a service has, none that its service does not have. */
export async function repairAddresses(context: RepairContext): Promise<void> {
  const { client, clock } = context;
  const tellOf = (object: Regarding, reason: string, action: string, note: string) => warn(context, 'ipallocator-repair-controller', object, reason, action, note);
  const cidrs = (await client.list(serviceCIDRs)).flatMap(({ spec }) => spec?.cidrs ?? []).map(parseCidr).filter((cidr) => cidr !== undefined);
  if (!cidrs.length) return;
  const services = (await client.list(serviceType)) as FilledService[];
  const addresses = new Map((await client.list(ipAddresses)).map((address) => [address.metadata!.name!, address]));
  const named = new Map(services.map((service) => [`${service.metadata.namespace}/${service.metadata.name}`, service]));
  const parentOf = ({ spec }: IPAddress): FilledService | undefined => named.get(`${spec?.parentRef?.namespace}/${spec?.parentRef?.name}`);
  const remove = (address: IPAddress) => client.delete(ipAddresses, address.metadata!.name!, undefined, { uid: address.metadata!.uid! }).catch((error) => {
    if (!isNotFound(error)) throw error;
  });
  const replace = async (address: IPAddress, service: FilledService) => {
    await remove(address);
    await client.create(ipAddresses, addressFor(address.metadata!.name!, service));
  };

  for (const service of services) {
    const { namespace, name } = service.metadata;
    for (const ip of clusterIpsOf(service)) {
      const family = familyOf(ip);
      const place = `the ClusterIP [${family}]: ${ip} for Service ${namespace}/${name}`;
      if (!isInside(cidrs, ip)) {
        await tellOf(asService(service), 'ClusterIPOutOfRange', 'ClusterIPAllocation', `Cluster IP [${family}]: ${ip} is not within any configured Service CIDR; please recreate service`);
        continue;
      }
      const address = addresses.get(ip);
      if (!address) {
        // It may be gone since.
        const now = (await client.get(serviceType, name!, namespace)) as FilledService | undefined;
        if (!now || !clusterIpsOf(now).includes(ip)) continue;
        await tellOf(asService(service), 'ClusterIPNotAllocated', 'ClusterIPAllocation', `Cluster IP [${family}]: ${ip} is not allocated; repairing`);
        await client.create(ipAddresses, addressFor(ip, service));
      } else if (!holdsFor(address, service)) {
        const other = address.spec?.parentRef?.resource === 'services' && !address.spec.parentRef.group ? parentOf(address) : undefined;
        if (!other) {
          await tellOf(asService(service), 'ClusterIPNotAllocated', 'ClusterIPAllocation', `${place} has a wrong reference; repairing`);
          await replace(address, service);
        } else if (clusterIpsOf(other).includes(ip)) {
          await tellOf(asService(service), 'ClusterIPAlreadyAllocated', 'ClusterIPAllocation', `Cluster IP [${family}]:${ip} was assigned to multiple services; please recreate service`);
        }
      } else if (address.metadata?.labels?.[familyLabel] !== family || address.metadata.labels[managedByLabel] !== allocatorName) await replace(address, service);
    }
  }

  for (const address of addresses.values()) {
    const { name, labels, creationTimestamp } = address.metadata!;
    if (labels?.[managedByLabel] !== allocatorName) continue;
    const { parentRef } = address.spec ?? {};
    if (parentRef?.group || parentRef?.resource !== 'services') {
      await tellOf(asAddress(address), 'IPAddressNotAllocated', 'IPAddressAllocation', `IPAddress ${name} appears to have been modified, not referencing a Service ${JSON.stringify(parentRef)}: cleaning up`);
      await remove(address);
      continue;
    }
    const service = parentOf(address);
    if (service && clusterIpsOf(service).includes(name!)) continue;
    if (clock.now() - parseTime(creationTimestamp ?? '') <= graceMs) continue;
    // The service may have got the address since it was listed.
    const now = (await client.get(serviceType, parentRef.name, parentRef.namespace)) as FilledService | undefined;
    if (now && clusterIpsOf(now).includes(name!)) continue;
    if (now) await tellOf(asAddress(address), 'IPAddressWrongReference', 'IPAddressAllocation', `IPAddress: ${name} for Service ${parentRef.namespace}/${parentRef.name} has a wrong reference; cleaning up`);
    else await tellOf(asAddress(address), 'IPAddressNotAllocated', 'IPAddressAllocation', `IPAddress: ${name} for Service ${parentRef.namespace}/${parentRef.name} appears to have leaked: cleaning up`);
    await remove(address);
  }
}

function isInside(cidrs: readonly Cidr[], text: string): boolean {
  const ip = parseIp(text);
  return ip !== undefined && cidrs.some((cidr) => cidrContains(cidr, ip));
}

/** Makes what does one pass over node ports; it remembers which seemed to be leaked. */
export function portRepair(context: RepairContext, range: PortRange): () => Promise<void> {
  const ports = new NodePorts(range);
  let leaks = new Map<number, number>();
  return async () => {
    const tellOf = (service: FilledService, reason: string, note: string) => warn(context, 'portallocator-repair-controller', asService(service), reason, 'PortAllocation', note);
    let found = new Map<number, number>();
    const told = new Set<string>();
    await ports.rebuild(context, async (kept) => {
      // After what is kept was read: a port taken since is not in it, and the swap fails if one is.
      const services = (await context.client.list(serviceType)) as FilledService[];
      const used = new PortSet(range);
      for (const service of services) {
        for (const port of nodePortsOf(service)) {
          const say = async (reason: string, note: string) => {
            const id = `${service.metadata.uid} ${port} ${reason}`;
            if (!told.has(id)) await tellOf(service, reason, note);
            told.add(id);
          };
          if (!inPortRange(range, port)) await say('PortOutOfRange', `Port ${port} is not within the port range ${formatPortRange(range)}; please recreate service`);
          else if (used.has(port)) await say('PortAlreadyAllocated', `Port ${port} was assigned to multiple services; please recreate service`);
          else {
            if (kept && !kept.has(port)) await say('PortNotAllocated', `Port ${port} is not allocated; repairing`);
            used.add(port);
          }
        }
      }
      found = new Map();
      for (const port of kept ?? []) {
        if (used.has(port)) continue;
        const left = leaks.get(port) ?? leaksBeforeCleanup - 1;
        if (left === 0) continue;
        found.set(port, left - 1);
        used.add(port);
      }
      return used;
    });
    leaks = found;
  };
}
