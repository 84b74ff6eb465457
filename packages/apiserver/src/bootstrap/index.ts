/** What an empty cluster holds, brought up to date at each start. */
import { apiServices, clusterRoleBindings, clusterRoles, configMaps, flowSchemas, ipAddresses, isConflict, isInvalid, type KubeObject, namespaces, priorityClasses, priorityLevelConfigurations, type ResourceType, roleBindings, roles, serviceCIDRs, services } from '@pilothouse/apimachinery';
import { formatTime, messageOf, type Runtime } from '@pilothouse/base';
import { danglingCondition } from '../flow-control/dangling.ts';
import type { LoopbackClient } from './client.ts';
import { bootstrapCluster, bootstrapRbac } from './data.ts';
import { holdsFor } from '../resources/core/cluster-ips.ts';
import { extensionAuthentication, kubernetesService, legacyTokenTracking, serviceCidr, type ServerFacts } from './objects.ts';
import { reconcile } from './reconcile.ts';

export * from './client.ts';
export { announceServer, type IdentityOptions, identityName } from './identity.ts';
export type { ServerFacts } from './objects.ts';

const types: Readonly<Record<string, ResourceType<any>>> = {
  Namespace: namespaces,
  ClusterRole: clusterRoles,
  ClusterRoleBinding: clusterRoleBindings,
  Role: roles,
  RoleBinding: roleBindings,
  PriorityClass: priorityClasses,
  FlowSchema: flowSchemas,
  PriorityLevelConfiguration: priorityLevelConfigurations,
  APIService: apiServices,
};

const keyOf = (o: KubeObject) => `${o.metadata.namespace ?? ''}/${o.metadata.name}`;

async function ensureKind(client: LoopbackClient, type: ResourceType<any>, wanted: readonly KubeObject[]): Promise<void> {
  const held = new Map<string, KubeObject>((await client.list(type)).map((o) => [keyOf(o), o]));
  await Promise.all(
    wanted.map(async (object) => {
      let current = held.get(keyOf(object));
      if (!current && (await client.create(type, object))) return;
      for (let attempt = 0; ; attempt++) {
        current ??= await client.get(type, object.metadata.name!, object.metadata.namespace);
        const change = current && reconcile(current, object);
        if (!change) return;
        try {
          if (change.recreate) {
            await client.delete(type, object.metadata.name!, object.metadata.namespace);
            await client.create(type, change.object);
          } else await client.update(type, change.object);
          return;
        } catch (error) {
          // Another server that starts at the same time does the same work.
          if (!isConflict(error) || attempt >= 4) throw error;
          current = undefined;
        }
      }
    }),
  );
}

const condition = (type: string, status: 'True' | 'False', reason: string, message: string, now: string) => ({ type, status, reason, message, lastTransitionTime: now });

/** Status that a controller inside the API server keeps, where an object has none yet. */
async function ensureStatus(client: LoopbackClient, now: string): Promise<void> {
  const write = async (type: ResourceType<any>, conditionType: string, make: (object: any) => object | undefined) => {
    await Promise.all(
      (await client.list(type)).map(async (object) => {
        const wanted = object.status?.conditions?.some((c: { type: string }) => c.type === conditionType) ? undefined : make(object);
        if (wanted) await client.update(type, { ...object, status: { ...object.status, conditions: [...(object.status?.conditions ?? []), wanted] } }, 'status');
      }),
    );
  };
  const levels = new Set((await client.list(priorityLevelConfigurations)).map((l) => l.metadata.name));
  await Promise.all([
    write(flowSchemas, 'Dangling', (schema) => danglingCondition(schema, levels, now)),
    write(apiServices, 'Available', (service) => (service.spec?.service ? undefined : condition('Available', 'True', 'Local', 'Local APIServices are always available', now))),
    write(serviceCIDRs, 'Ready', () => condition('Ready', 'True', '', 'Kubernetes Service CIDR is ready', now)),
  ]);
}

async function ensureConfigMap(client: LoopbackClient, wanted: KubeObject & { data?: Record<string, string> }, replace: boolean): Promise<void> {
  if (await client.create(configMaps, wanted as never)) return;
  if (!replace) return;
  const held = await client.get(configMaps, wanted.metadata.name!, wanted.metadata.namespace);
  if (held && Object.entries(wanted.data ?? {}).some(([k, v]) => held.data?.[k] !== v)) await client.update(configMaps, { ...held, data: { ...held.data, ...wanted.data } });
}

/** Servers that start together all try; each attempt of the others has this long. */
const otherServerMs = { between: 200, inAll: 5_000 };

/** Creates the service of the API itself, at its fixed address. */
async function ensureKubernetesService(client: LoopbackClient, { clock }: Runtime, facts: ServerFacts): Promise<void> {
  const service = kubernetesService(facts);
  for (let waitedMs = 0; ; waitedMs += otherServerMs.between) {
    if (await client.get(services, service.metadata.name!, service.metadata.namespace)) return;
    try {
      await client.create(services, service);
      return;
    } catch (error) {
      if (!isInvalid(error)) throw error;
      const held = await client.get(ipAddresses, facts.serviceAddress);
      if (held && !holdsFor(held, service)) throw error;
      // Another server is about to create the service, or died between address and service.
      if (held && waitedMs >= otherServerMs.inAll) await client.delete(ipAddresses, facts.serviceAddress, undefined, { uid: held.metadata.uid! }).catch(() => undefined);
      else await clock.sleep(otherServerMs.between);
    }
  }
}

/**
 * Brings the cluster's own objects into being. Resolves when requests can be authorized and namespaces exist; status
 * that merely informs follows in `settled`, which never rejects.
 */
export async function runBootstrap(client: LoopbackClient, runtime: Runtime, facts: ServerFacts): Promise<{ settled: Promise<void> }> {
  const byKind = (objects: readonly KubeObject[]) => Map.groupBy(objects, (o) => o.kind!);
  const { Namespace: own, ...rest } = Object.fromEntries(byKind([...bootstrapCluster, ...bootstrapRbac]));
  await ensureKind(client, namespaces, own ?? []);
  const now = formatTime(runtime.clock.now());
  await Promise.all([
    ...Object.entries(rest).map(([kind, objects]) => ensureKind(client, types[kind], objects ?? [])),
    client.create(serviceCIDRs, serviceCidr(facts)),
    ensureConfigMap(client, extensionAuthentication(facts), true),
    ensureConfigMap(client, legacyTokenTracking(now.slice(0, 10)), false),
  ]);
  // After the range it is allocated from.
  await ensureKubernetesService(client, runtime, facts);
  const settled = ensureStatus(client, now).catch(
    (error) => runtime.log.warn('Cannot write the status of bootstrap objects', { err: messageOf(error) }),
  );
  return { settled };
}
