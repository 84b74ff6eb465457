/**
 * The aggregation layer: which group versions other servers serve, and the way to them. An APIService with a service
 * takes its group version over, whether something is served under that name here or not.
 * @see https://kubernetes.io/docs/concepts/extend-kubernetes/api-extension/apiserver-aggregation/
 */
import type { APIService } from '@pilothouse/api-schemas/types/apiregistration/v1';
import { type ApiRequest, type ApiResponse, apiServices } from '@pilothouse/apimachinery';
import type { ObjectFeed } from '../contract.ts';
import type { Delegation } from '../options.ts';
import type { Backends } from './backends.ts';
import { type Delegated, delegate, unavailable } from './delegate.ts';

export interface Aggregator extends Delegation {
  /** Every APIService, by name. */
  services: ReadonlyMap<string, APIService>;
  /** Those with a service, by name. */
  remotes: ReadonlyMap<string, APIService>;
  /** Has the server behind the APIService answer, whatever the path. */
  pass(service: APIService, request: ApiRequest, asked: Delegated): Promise<ApiResponse>;
  /** Calls after each change of an APIService that has or had a service, until the returned function is called; undefined: it has none any more. */
  onChange(listener: (name: string, service: APIService | undefined) => void): () => void;
}

/** Serves the core group, which has no name to be found under. */
const legacyName = 'v1.';

export const isAvailable = ({ status }: APIService): boolean => status?.conditions?.some(({ type, status: value }) => type === 'Available' && value === 'True') ?? false;

/** `/apis/<group>/<version>/…` → `<version>.<group>` */
function serviceNameOf(path: string): string | undefined {
  if (path === '/api' || path.startsWith('/api/')) return legacyName;
  if (!path.startsWith('/apis/')) return undefined;
  const afterGroup = path.indexOf('/', 6);
  if (afterGroup < 0) return undefined;
  const afterVersion = path.indexOf('/', afterGroup + 1);
  return `${path.slice(afterGroup + 1, afterVersion < 0 ? undefined : afterVersion)}.${path.slice(6, afterGroup)}`;
}

/** Follows the APIServices until `signal` aborts; those there are, are known at once. */
export function aggregator(read: ObjectFeed, backends: Backends, signal: AbortSignal): Aggregator {
  const services = new Map<string, APIService>();
  const remotes = new Map<string, APIService>();
  const listeners = new Set<Parameters<Aggregator['onChange']>[0]>();
  void read.follow<APIService>(
    apiServices,
    (service, old) => {
      const name = (service ?? old)!.metadata.name!;
      const remote = service?.spec?.service ? service : undefined;
      if (service) services.set(name, service);
      else services.delete(name);
      if (!remote && !remotes.delete(name)) return;
      if (remote) remotes.set(name, remote);
      else backends.forget(name);
      for (const listener of listeners) listener(name, remote);
    },
    signal,
  );
  const pass = async (service: APIService, request: ApiRequest, asked: Delegated): Promise<ApiResponse> => (isAvailable(service) ? delegate(backends, service, request, asked) : unavailable());
  return {
    services,
    remotes,
    pass,
    of(path) {
      if (!remotes.size) return undefined;
      const name = serviceNameOf(path);
      const service = name === undefined ? undefined : remotes.get(name);
      return service && ((request, asked) => pass(service, request, asked));
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
