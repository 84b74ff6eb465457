import { formatTime, parseTime } from '@pilothouse/base';
import type { Condition } from '@pilothouse/api-schemas/types/meta/v1';
import type { ServiceCIDR } from '@pilothouse/api-schemas/types/networking/v1';
import { ipAddresses, isNotFound, serviceCIDRs } from '@pilothouse/apimachinery';
import { type ControllerContext, defineController, done, requeueAfter } from '@pilothouse/controller-runtime';
import { contains, mayGo } from './plan.ts';

const finalizer = 'networking.k8s.io/service-cidr-finalizer';
/** Time for every API server to learn that nothing is to be allocated from a range that goes. */
const graceMs = 10_000;

/** Keeps ServiceCIDRs from going while addresses in them are in use. @see https://kubernetes.io/docs/tasks/network/extend-service-ip-ranges/ */
export const serviceCidrController = defineController({
  name: 'service-cidr-controller',
  serviceAccount: 'service-cidrs-controller',
  watches: [
    {
      type: serviceCIDRs,
      *keys(cidr, _change, context) {
        yield cidr.metadata.name!;
        // What contains or is contained may now go, or be needed.
        for (const other of context.lister(serviceCIDRs).list()) if (other.metadata.name !== cidr.metadata.name && other.spec?.cidrs?.some((a) => cidr.spec?.cidrs?.some((b: string) => contains(a, b) || contains(b, a)))) yield other.metadata.name!;
      },
    },
    {
      type: ipAddresses,
      *keys(address, { old }, context) {
        if (old) return;
        const range = `${address.metadata.name}/${address.metadata.name!.includes(':') ? 128 : 32}`;
        for (const cidr of context.lister(serviceCIDRs).list()) if (cidr.spec?.cidrs?.some((own) => contains(own, range))) yield cidr.metadata.name!;
      },
    },
  ],
  async reconcile(name, context) {
    const { client, clock, lister, signal } = context;
    const cidr = lister(serviceCIDRs).get(name);
    if (!cidr) return done;
    const has = cidr.metadata.finalizers?.includes(finalizer) ?? false;
    if (!cidr.metadata.deletionTimestamp) {
      if (!has) await client.patch(serviceCIDRs, name, { metadata: { finalizers: [finalizer] } }, { type: 'strategic', signal });
      await setReady(cidr, { status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' }, context);
      return done;
    }
    if (!mayGo(cidr, lister(serviceCIDRs).list(), lister(ipAddresses).list())) {
      await setReady(cidr, { status: 'False', reason: 'Terminating', message: 'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR' }, context);
      return done;
    }
    const leftMs = parseTime(cidr.metadata.deletionTimestamp) + graceMs - clock.now();
    if (leftMs > 0) return requeueAfter(leftMs);
    if (has) await client.patch(serviceCIDRs, name, { metadata: { '$deleteFromPrimitiveList/finalizers': [finalizer] } }, { type: 'strategic', signal }).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
    return done;
  },
});

async function setReady(cidr: ServiceCIDR, next: Pick<Condition, 'status' | 'reason' | 'message'>, { client, clock, signal }: ControllerContext): Promise<void> {
  const old = cidr.status?.conditions?.find((c) => c.type === 'Ready');
  if (old && old.status === next.status && (old.reason ?? '') === next.reason && old.message === next.message) return;
  const condition = { type: 'Ready', ...next, lastTransitionTime: formatTime(clock.now()) };
  await client.patch(serviceCIDRs, cidr.metadata.name!, { apiVersion: 'networking.k8s.io/v1', kind: 'ServiceCIDR', metadata: { name: cidr.metadata.name }, status: { conditions: [condition] } }, { type: 'apply', subresource: 'status', fieldManager: 'service-cidr-controller', force: true, signal });
}
