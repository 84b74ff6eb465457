/** Keeps the Available condition of APIServices. */
import type { APIService } from '@pilothouse/api-schemas/types/apiregistration/v1';
import type { EndpointSlice } from '@pilothouse/api-schemas/types/discovery/v1';
import { apiServices, endpointSlices, equalJson, isConflict, isNotFound, services } from '@pilothouse/apimachinery';
import { formatTime, messageOf, type Runtime, type Scope } from '@pilothouse/base';
import type { LoopbackClient } from '../bootstrap/client.ts';
import type { ObjectFeed } from '../contract.ts';
import { discoveryPath, localVerdict, structuralVerdict, type Verdict, withVerdict } from './availability.ts';

/** Asks an extension server for what it must serve. Rejects, saying why, where it does not. */
export type CheckBackend = (service: APIService, path: string) => Promise<void>;

/** Every remote service is asked anew this often. */
const resyncMs = 30_000;
/** A server that does not answer is asked again after this, twice as long each time, up to the resync. */
const firstRetryMs = 5;
const serviceNameLabel = 'kubernetes.io/service-name';

/** Runs until the scope closes. */
export async function keepAvailability(runtime: Runtime, scope: Scope, { client, read, checkBackend }: { client: LoopbackClient; read: ObjectFeed; checkBackend: CheckBackend }): Promise<void> {
  const { clock, log } = runtime;
  /** Names of APIServices by the namespace and name of the service behind them. */
  const behind = new Map<string, Set<string>>();
  /** How often in a row a server did not answer. */
  const failures = new Map<string, number>();
  const running = new Map<string, 'once' | 'again'>();
  const stop = new AbortController();
  scope.defer(() => stop.abort());

  const check = (name: string): void => {
    if (scope.closed) return;
    if (running.has(name)) return void running.set(name, 'again');
    running.set(name, 'once');
    void verify(name)
      .catch((error: unknown) => {
        if (isConflict(error)) running.set(name, 'again');
        else if (!isNotFound(error) && !scope.closed) log.warn('Cannot say whether an API service is available', { apiService: name, err: messageOf(error) });
      })
      .finally(() => {
        const again = running.get(name) === 'again';
        running.delete(name);
        if (again) check(name);
      });
  };

  async function verify(name: string): Promise<void> {
    const api = await read.get(apiServices, name);
    if (!api) return void failures.delete(name);
    const verdict = await verdictOf(api);
    const conditions = withVerdict(api.status?.conditions, verdict, formatTime(clock.now()));
    if (conditions) await client.update(apiServices, { ...api, status: { ...api.status, conditions } }, 'status');
    if (verdict.reason === 'FailedDiscoveryCheck') retryLater(name);
    else failures.delete(name);
  }

  function retryLater(name: string): void {
    const failed = failures.get(name) ?? 0;
    failures.set(name, failed + 1);
    clock.after(Math.min(firstRetryMs * 2 ** failed, resyncMs), () => {
      if (failures.get(name) === failed + 1) check(name);
    });
  }

  async function verdictOf(api: APIService): Promise<Verdict> {
    const ref = api.spec?.service;
    if (!ref) return localVerdict;
    const service = await read.get(services, ref.name!, ref.namespace!);
    const slices = (await read.list(endpointSlices, ref.namespace)).filter((slice) => slice.metadata.labels?.[serviceNameLabel] === ref.name);
    const known = structuralVerdict(api, service, slices);
    if (known) return known;
    try {
      await checkBackend(api, discoveryPath(api));
      return { status: 'True', reason: 'Passed', message: 'all checks passed' };
    } catch (error) {
      return { status: 'False', reason: 'FailedDiscoveryCheck', message: messageOf(error) };
    }
  }

  const refOf = (api: APIService | undefined): string | undefined => api?.spec?.service && `${api.spec.service.namespace}/${api.spec.service.name}`;
  const touched = (namespace: string | undefined, name: string | undefined): void => {
    for (const api of behind.get(`${namespace}/${name}`) ?? []) check(api);
  };
  const onSlice = (slice: EndpointSlice | undefined): void => void (slice && touched(slice.metadata.namespace, slice.metadata.labels?.[serviceNameLabel]));

  const resync = (): void => {
    if (scope.closed) return;
    for (const names of behind.values()) for (const name of names) check(name);
    clock.after(resyncMs, resync);
  };
  await Promise.all([
    read.follow(apiServices, (object, old) => {
      const [now, before] = [refOf(object), refOf(old)];
      const name = (object ?? old)!.metadata.name!;
      if (before && before !== now) behind.get(before)?.delete(name);
      if (!now && before && object) check(name);
      if (!now) return;
      behind.set(now, (behind.get(now) ?? new Set()).add(name));
      if (!old || !equalJson(object!.spec, old.spec)) check(name);
    }, stop.signal),
    read.follow(services, (object, old) => touched((object ?? old)!.metadata.namespace, (object ?? old)!.metadata.name), stop.signal),
    read.follow(endpointSlices, (object, old) => {
      onSlice(object);
      onSlice(old);
    }, stop.signal),
  ]);
  clock.after(resyncMs, resync);
}
