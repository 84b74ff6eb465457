/**
 * Each running API server keeps a Lease in kube-system, by which people and peers know it, and a master lease, by which the
 * endpoints of the `kubernetes` service are made. With several servers, each drops the ones that died.
 */
import type { Lease } from '@pilothouse/api-schemas/types/coordination/v1';
import { endpoints, endpointSlices, isConflict, isNotFound, leases } from '@pilothouse/apimachinery';
import { formatMicroTime, messageOf, parseTime, type Runtime, type Scope } from '@pilothouse/base';
import type { Store } from '@pilothouse/storage';
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { LoopbackClient } from './client.ts';
import { masterLeases } from './master-leases.ts';
import { kubernetesEndpoints, kubernetesEndpointSlice } from './objects.ts';

const namespace = 'kube-system';
const identityLabel = 'apiserver.kubernetes.io/identity';
const advertiseAnnotation = 'kubernetes.io/peer-advertise-address';
const renewMs = 10_000;
/** A server that has missed three renewals of its Lease counts as gone. */
const staleMs = 35_000;
const leaseDurationSeconds = 3600;

const base32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** `apiserver-` and the host's name as 26 characters, as upstream names the lease. */
export function identityName(hostName: string): string {
  const bytes = createHash('sha256').update(hostName).digest().subarray(0, 16);
  let bits = '';
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  let text = '';
  for (let i = 0; i < bits.length; i += 5) text += base32[Number.parseInt(bits.slice(i, i + 5).padEnd(5, '0'), 2)];
  return `apiserver-${text}`;
}

export interface IdentityOptions {
  hostName: string;
  advertiseAddress: string;
  port: number;
  store: Store;
}

/** Whether the lease is that of a server which is alive. */
export const isServerLease = ({ metadata, spec }: Lease, nowMs: number): boolean => metadata.namespace === namespace && metadata.labels?.[identityLabel] === 'kube-apiserver' && nowMs - parseTime(spec?.renewTime ?? '') < staleMs;

/** Announces this server until the scope closes, which withdraws it. Resolves when the endpoints show it, or cannot. */
export async function announceServer(client: LoopbackClient, runtime: Runtime, scope: Scope, options: IdentityOptions): Promise<void> {
  const { clock, random, log } = runtime;
  const masters = masterLeases(options.store);
  const name = identityName(options.hostName);
  const holderIdentity = `${name}_${random.uuid()}`;
  const host = options.advertiseAddress.includes(':') ? `[${options.advertiseAddress}]` : options.advertiseAddress;

  async function renew(): Promise<void> {
    const spec = { holderIdentity, leaseDurationSeconds, renewTime: formatMicroTime(clock.now()) };
    const metadata = { labels: { [identityLabel]: 'kube-apiserver', 'kubernetes.io/hostname': options.hostName }, annotations: { [advertiseAnnotation]: `${host}:${options.port}` } };
    const held = await client.get(leases, name, namespace);
    if (held) await client.update(leases, { ...held, metadata: { ...held.metadata, labels: { ...held.metadata.labels, ...metadata.labels }, annotations: { ...held.metadata.annotations, ...metadata.annotations } }, spec });
    else await client.create(leases, { metadata: { name, namespace, ...metadata }, spec });
  }

  async function publish(leaving: boolean): Promise<void> {
    if (leaving) await masters.withdraw(options.advertiseAddress);
    else await masters.renew(options.advertiseAddress);
    const all = await masters.addresses();
    // The last one to go leaves its address: an empty endpoint list would break clients that are only waiting for a restart.
    if (!all.length) return;
    const wanted = kubernetesEndpoints(all, options.port);
    const held = await client.get(endpoints, wanted.metadata.name!, 'default');
    if (!held) await client.create(endpoints, wanted);
    else if (!isDeepStrictEqual(held.subsets ?? [], wanted.subsets)) await client.update(endpoints, { ...held, subsets: wanted.subsets });
    const wantedSlice = kubernetesEndpointSlice(all, options.port);
    const slice = await client.get(endpointSlices, wantedSlice.metadata.name!, 'default');
    if (!slice) await client.create(endpointSlices, wantedSlice);
    else if (!isDeepStrictEqual((slice.endpoints ?? []).flatMap((e) => e.addresses), all) || slice.ports?.[0]?.port !== options.port) await client.update(endpointSlices, { ...slice, endpoints: wantedSlice.endpoints, ports: wantedSlice.ports });
  }

  /** Another server may have written between our read and our write. */
  async function retried(work: () => Promise<void>): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (!isConflict(error) || attempt >= 4) throw error;
      }
    }
  }

  // A server that cannot be announced (its address is a loopback one) still serves those who know it.
  await Promise.all([retried(renew), retried(() => publish(false))]).catch((error) => log.warn('Cannot announce this API server', { err: messageOf(error) }));
  let running: Promise<void> = Promise.resolve();
  const timer = clock.every(renewMs, () => {
    running = running
      .then(() => retried(renew))
      .then(() => retried(() => publish(false)))
      .catch((error) => log.warn('Cannot renew the identity of this API server', { err: messageOf(error) }));
  });
  scope.defer(async () => {
    timer.cancel();
    await running;
    try {
      await client.delete(leases, name, namespace);
    } catch (error) {
      if (!isNotFound(error)) log.warn('Cannot withdraw the identity of this API server', { err: messageOf(error) });
    }
    await retried(() => publish(true)).catch(() => {});
  });
}
