import { messageOf, UserError } from '@pilothouse/base';
import type { Service } from '@pilothouse/api-schemas/types/core/v1';
import { isNotFound, keyOf, parseIp, services } from '@pilothouse/apimachinery';
import { referenceTo } from '@pilothouse/client';
import { type ControllerContext, defineController, done, itself } from '@pilothouse/controller-runtime';
import { type AddressPool, freeAddress, isInPool, parsePool } from './pool.ts';

const finalizer = 'service.kubernetes.io/load-balancer-cleanup';

interface State {
  pool: AddressPool;
  /** Address → key of the service that was given it, where the cache may not show it yet. */
  given: Map<string, string>;
}

/** Services with a class of load balancers are somebody else's. */
const wants = (service: Service): boolean => service.spec?.type === 'LoadBalancer' && service.spec.loadBalancerClass === undefined && !service.metadata.deletionTimestamp;
const addressesOf = (service: Service | undefined): string[] => (service?.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);

/**
 * Gives services of type LoadBalancer addresses out of `--service-lb-pool`; nodes announce them. Without a pool it does
 * nothing, as upstream's without a cloud. @see https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer
 */
export const serviceLbController = defineController<State | undefined>({
  name: 'service-lb-controller',
  aliases: ['service'],
  serviceAccount: 'service-controller',
  eventSource: 'service-controller',
  workers: 1,
  watches: [itself(services)],
  start({ flags, lister }) {
    const ranges = flags['service-lb-pool'];
    if (!Array.isArray(ranges) || !ranges.length) return undefined;
    try {
      return { pool: parsePool(ranges as string[]), given: new Map(lister(services).list().flatMap((service) => addressesOf(service).map((address) => [address, keyOf(service)] as const))) };
    } catch (error) {
      throw new UserError(`--service-lb-pool: ${messageOf(error)}`, { cause: error });
    }
  },
  async reconcile(key, context, state) {
    if (!state) return done;
    const service = context.lister(services).get(key);
    if (service && wants(service)) {
      await ensure(service, state, context);
      return done;
    }
    if (service?.metadata.finalizers?.includes(finalizer)) await release(service, context);
    for (const [address, owner] of state.given) if (owner === key) state.given.delete(address);
    return done;
  },
});

/** The controller's rights end at `services/status`, so the finalizer goes the same way as the address. */
async function ensure(service: Service, state: State, context: ControllerContext): Promise<void> {
  const { client, recorder, signal } = context;
  const key = keyOf(service);
  const about = referenceTo(services, service);
  const addresses = choose(service, state, context);
  if (typeof addresses === 'string') {
    recorder.event(about, 'Warning', 'SyncLoadBalancerFailed', `Error syncing load balancer: failed to ensure load balancer: ${addresses}`);
    throw new Error(addresses);
  }
  for (const address of addresses) state.given.set(address, key);
  const marked = service.metadata.finalizers?.includes(finalizer);
  if (marked && addressesOf(service).join() === addresses.join()) return;
  recorder.event(about, 'Normal', 'EnsuringLoadBalancer', 'Ensuring load balancer');
  const finalizers = marked ? service.metadata.finalizers : [...(service.metadata.finalizers ?? []), finalizer];
  await client.updateStatus(services, { ...service, metadata: { ...service.metadata, finalizers }, status: { ...service.status, loadBalancer: { ingress: addresses.map((ip) => ({ ip })) } } }, { signal });
  recorder.event(about, 'Normal', 'EnsuredLoadBalancer', 'Ensured load balancer');
}

/** One address for each of the service's families that the pool has; what it has already stays. A text says why there is none. */
function choose(service: Service, { pool, given }: State, { lister }: ControllerContext): string[] | string {
  const key = keyOf(service);
  const taken = new Set([...given].filter(([, owner]) => owner !== key && lister(services).get(owner)).map(([address]) => address));
  const wanted = service.spec?.loadBalancerIP;
  const families = (service.spec?.ipFamilies ?? ['IPv4']).map((family) => (family === 'IPv6' ? 6 : 4) as 4 | 6).filter((family) => pool.some((range) => range.family === family));
  if (!families.length) return 'the pool has no addresses of the service\'s families';
  const held = new Set([...addressesOf(service), ...[...given].filter(([, owner]) => owner === key).map(([address]) => address)]);
  const chosen: string[] = [];
  for (const family of families) {
    if (wanted && parseIp(wanted)?.family === family) {
      if (!isInPool(pool, wanted)) return `${wanted} is not in the pool`;
      if (taken.has(wanted)) return `${wanted} is another service's`;
      chosen.push(wanted);
      continue;
    }
    const address = [...held].find((ip) => parseIp(ip)?.family === family && isInPool(pool, ip) && !taken.has(ip)) ?? freeAddress(pool, family, taken);
    if (!address) return 'no address is left in the pool';
    chosen.push(address);
  }
  return chosen;
}

async function release(service: Service, { client, recorder, signal }: ControllerContext): Promise<void> {
  const about = referenceTo(services, service);
  recorder.event(about, 'Normal', 'DeletingLoadBalancer', 'Deleting load balancer');
  const finalizers = service.metadata.finalizers?.filter((name) => name !== finalizer);
  try {
    await client.updateStatus(services, { ...service, metadata: { ...service.metadata, finalizers }, status: { ...service.status, loadBalancer: {} } }, { signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  recorder.event(about, 'Normal', 'DeletedLoadBalancer', 'Deleted load balancer');
}
