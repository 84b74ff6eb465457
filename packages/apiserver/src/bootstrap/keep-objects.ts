/**
 * Brings back what belongs to every cluster and somebody has deleted while the server runs: the default ServiceCIDR and the
 * service of the API every ten seconds, the system's namespaces every minute. What is there is left as it is.
 * Facts: pkg/controlplane/controller/{defaultservicecidr,kubernetesservice,systemnamespaces}.
 */
import type { ServiceCIDR } from '@pilothouse/api-schemas/types/networking/v1';
import { equalJson, isAlreadyExists, isConflict, isForbidden, isNotFound, namespaces, serviceCIDRs, services } from '@pilothouse/apimachinery';
import { formatTime, messageOf, type Runtime, type Scope } from '@pilothouse/base';
import type { ObjectReader } from '../contract.ts';
import type { LoopbackClient } from './client.ts';
import { kubernetesService, type ServerFacts, serviceCidr } from './objects.ts';

const objectsMs = 10_000;
const namespacesMs = 60_000;
const systemNamespaces = ['kube-system', 'kube-public', 'kube-node-lease', 'default'];

/** The conditions with Ready among them; undefined where nothing is to be said: it is going, another range, or said already. */
export function readyConditions(held: ServiceCIDR, cidrs: readonly string[], now: string): NonNullable<ServiceCIDR['status']>['conditions'] | undefined {
  const conditions = held.status?.conditions ?? [];
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (held.metadata.deletionTimestamp || !equalJson(held.spec?.cidrs, cidrs) || (ready && ready.status !== 'Unknown')) return undefined;
  return [...conditions.filter((one) => one !== ready), { type: 'Ready', status: 'True', reason: '', message: 'Kubernetes default Service CIDR is ready', lastTransitionTime: now }];
}

/** Runs until the scope closes. */
export function keepObjects({ clock, log }: Runtime, scope: Scope, { client, read, facts }: { client: LoopbackClient; read: ObjectReader; facts: ServerFacts }): void {
  const wanted = serviceCidr(facts);
  const service = kubernetesService(facts);

  async function keepServiceCidr(): Promise<void> {
    const held = read.peek(serviceCIDRs, wanted.metadata.name!);
    if (!held) return void (await client.create(serviceCIDRs, wanted));
    const conditions = readyConditions(held, facts.serviceRanges, formatTime(clock.now()));
    if (conditions) await client.update(serviceCIDRs, { ...held, status: { conditions } }, 'status');
  }
  const keepService = async (): Promise<void> => {
    if (!read.peek(services, service.metadata.name!, service.metadata.namespace)) await client.create(services, service);
  };
  const keepNamespaces = async (): Promise<void> => {
    for (const name of systemNamespaces) if (!read.peek(namespaces, name)) await client.create(namespaces, { metadata: { name } });
  };

  const every = (ms: number, tasks: readonly (() => Promise<void>)[]): void => {
    const timer = clock.every(ms, () => {
      for (const task of tasks) {
        void task().catch((error: unknown) => {
          // Another server does the same work, or a namespace is still going.
          if (!scope.closed && ![isAlreadyExists, isConflict, isForbidden, isNotFound].some((expected) => expected(error))) log.warn('Cannot bring back what belongs to every cluster', { err: messageOf(error) });
        });
      }
    });
    scope.defer(() => timer.cancel());
  };
  every(objectsMs, [keepServiceCidr, keepService]);
  every(namespacesMs, [keepNamespaces]);
}
