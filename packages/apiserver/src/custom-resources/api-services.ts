/** An APIService for each version that definitions serve, as kube-aggregator's auto-registration keeps them. */
import type { APIService } from '@pilothouse/api-schemas/types/apiregistration/v1';
import { apiServices, equalJson, isConflict, isNotFound } from '@pilothouse/apimachinery';
import { messageOf, type Runtime, type Scope } from '@pilothouse/base';
import type { LoopbackClient } from '../bootstrap/client.ts';
import type { ObjectFeed } from '../contract.ts';
import type { CustomResources } from './serving.ts';

const managedLabel = 'kube-aggregator.kubernetes.io/automanaged';
/** What is kept as long as it is wanted; built-in ones are only made at the start (`onstart`). */
const managed = 'true';
const retryMs = 1_000;

const nameOf = (group: string, version: string): string => `${version}.${group}`;

function wantedService(group: string, version: string): APIService {
  return { metadata: { name: nameOf(group, version), labels: { [managedLabel]: managed } }, spec: { group, version, groupPriorityMinimum: 1000, versionPriority: 100 } } as APIService;
}

/** Runs until the scope closes. */
export function registerApiServices(runtime: Runtime, scope: Scope, { client, read, custom }: { client: LoopbackClient; read: ObjectFeed; custom: CustomResources }): void {
  const { clock, log } = runtime;
  let due = false;
  const schedule = (ms: number): void => {
    if (due || scope.closed) return;
    due = true;
    clock.after(ms, () => {
      due = false;
      void reconcile().catch((error: unknown) => {
        if (scope.closed) return;
        if (!isConflict(error) && !isNotFound(error)) log.warn('Cannot register the API services of custom resources', { err: messageOf(error) });
        schedule(retryMs);
      });
    });
  };

  async function reconcile(): Promise<void> {
    const wanted = new Map<string, APIService>();
    for (const { spec } of custom.definitions()) for (const version of spec.versions) if (version.served) wanted.set(nameOf(spec.group, version.name), wantedService(spec.group, version.name));
    for (const service of await read.list(apiServices)) {
      const name = service.metadata.name!;
      const isManaged = service.metadata.labels?.[managedLabel] === managed;
      const own = wanted.get(name);
      wanted.delete(name);
      // What somebody else has registered is left alone.
      if (!isManaged) continue;
      if (own) {
        if (!equalJson(service.spec, own.spec)) await client.update(apiServices, { ...service, spec: own.spec });
        continue;
      }
      await client.delete(apiServices, name).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
    }
    for (const service of wanted.values()) await client.create(apiServices, service);
  }

  // What is deleted or changed by hand comes back; at first each is told of, which the reconciliation below covers.
  void read.follow<APIService>(apiServices, (service, old) => void (old && !(service && equalJson(service.spec, old.spec)) && schedule(0)), scope.signal);
  scope.defer(custom.onChange((crd, old) => {
    const versions = (one: typeof crd): string => (one?.spec.versions ?? []).filter(({ served }) => served).map(({ name }) => name).join();
    if (versions(crd) !== versions(old)) schedule(0);
  }));
  schedule(0);
}
