/** The OpenAPI documents of the servers behind APIServices: which they have, asked anew every minute; the documents themselves are theirs to answer. */
import type { APIService } from '@pilothouse/api-schemas/types/apiregistration/v1';
import type { ApiRequest, ApiResponse } from '@pilothouse/apimachinery';
import { messageOf, type Runtime, type Scope } from '@pilothouse/base';
import type { Aggregator } from './aggregator.ts';
import type { Ask } from './ask.ts';
import type { Delegated } from './delegate.ts';
import { retryingTasks } from './retrying-tasks.ts';

/** An entry of the index at `/openapi/v3`. */
export interface IndexEntry {
  serverRelativeURL: string;
}

export interface RemoteOpenApi {
  /** What other servers add to the index. `own`: whether this server has the document, which goes before theirs unless they serve the group version. */
  v3Index(own: (path: string) => boolean): ReadonlyMap<string, IndexEntry>;
  /** Who answers for a document; undefined: this server. */
  v3Of(path: string, own: (path: string) => boolean): ((request: ApiRequest, asked: Delegated) => Promise<ApiResponse>) | undefined;
}

const user = { name: 'system:aggregator', groups: [] };
const timeoutMs = 60_000;

type Index = ReadonlyMap<string, IndexEntry>;

/** @throws Error where the server cannot be asked */
async function fetchIndex(ask: Ask, service: APIService): Promise<Index> {
  const { status, body } = await ask(service, '/openapi/v3', { user, accept: 'application/json', timeoutMs });
  if (status === 404) return new Map();
  if (status !== 200) throw new Error(`Error, could not get list of group versions for APIService: ${status}`);
  return new Map(Object.entries((JSON.parse(body.toString()) as { paths?: Record<string, IndexEntry> }).paths ?? {}));
}

/** Keeps the indexes until the scope closes. */
export function remoteOpenApi({ clock, log }: Runtime, scope: Scope, aggregator: Aggregator, ask: Ask): RemoteOpenApi {
  const indexes = new Map<string, Index>();
  const tasks = retryingTasks(clock, scope, { firstRetryMs: 1_000, againMs: 60_000 }, async (name) => {
    const service = aggregator.remotes.get(name);
    if (!service) {
      indexes.delete(name);
      return false;
    }
    try {
      indexes.set(name, await fetchIndex(ask, service));
    } catch (error) {
      log.debug('Cannot ask an extension server for its OpenAPI documents', { apiService: name, err: messageOf(error) });
      throw error;
    }
    return true;
  });
  scope.defer(aggregator.onChange((name) => tasks.run(name)));
  for (const name of aggregator.remotes.keys()) tasks.run(name);

  /** Whose document of the path counts: that of the server behind the group version, else of the first that has one. */
  const holderOf = (path: string, own: (path: string) => boolean): string | undefined => {
    const [, group, version] = path.split('/');
    const served = `${version}.${group}`;
    if (path.startsWith('apis/') && aggregator.remotes.has(served)) return indexes.get(served)?.has(path) ? served : undefined;
    return own(path) ? undefined : [...indexes.keys()].sort().find((name) => indexes.get(name)!.has(path));
  };
  return {
    v3Index(own) {
      const found = new Map<string, IndexEntry>();
      for (const index of indexes.values()) {
        for (const path of index.keys()) {
          const holder = holderOf(path, own);
          if (holder) found.set(path, indexes.get(holder)!.get(path)!);
        }
      }
      return found;
    },
    v3Of(path, own) {
      const holder = indexes.size ? holderOf(path, own) : undefined;
      const service = holder === undefined ? undefined : aggregator.remotes.get(holder);
      return service && ((request, asked) => aggregator.pass(service, request, asked));
    },
  };
}
