/** The OpenAPI documents of the servers behind APIServices: which they have, asked anew every minute; the documents themselves are theirs to answer. */
import { createHash } from 'node:crypto';
import type { APIService } from '@pilothouse/api-schemas/types/apiregistration/v1';
import type { ApiRequest, ApiResponse } from '@pilothouse/apimachinery';
import { messageOf, type Runtime, type Scope } from '@pilothouse/base';
import { keepPaths } from '../openapi/merge-swagger.ts';
import type { JsonSchema } from '../openapi/schemas.ts';
import type { Aggregator } from './aggregator.ts';
import type { Ask } from './ask.ts';
import type { Delegated } from './delegate.ts';
import { retryingTasks } from './retrying-tasks.ts';

/** An entry of the index at `/openapi/v3`. */
export interface IndexEntry {
  serverRelativeURL: string;
}

/** What a server says of its group version, in OpenAPI v2. */
export interface RemoteSwagger {
  /** Changes with the document. */
  stamp: string;
  document: JsonSchema;
}

export interface RemoteOpenApi {
  /** What other servers add to the OpenAPI v2 document, those of high priority first. */
  v2(): readonly RemoteSwagger[];
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

/** The group version's part of the document; undefined where the server has none. @throws Error where it cannot be asked */
async function fetchSwagger(ask: Ask, service: APIService, held: Swagger | undefined): Promise<Swagger | undefined> {
  const { status, headers, body } = await ask(service, '/openapi/v2', { user, accept: 'application/json', timeoutMs, ...(held?.etag && { etag: held.etag }) });
  if (status === 304 && held) return held;
  if (status === 404) return undefined;
  if (status !== 200) throw new Error(`failed to retrieve openAPI spec, http error: ${status}`);
  const prefix = `/apis/${service.spec!.group}/${service.spec!.version}/`;
  const document = keepPaths(JSON.parse(body.toString()) as JsonSchema, (path) => path.startsWith(prefix));
  return { document, stamp: createHash('sha256').update(body).digest('hex'), etag: String(headers.etag ?? '') };
}
interface Swagger extends RemoteSwagger {
  etag: string;
}

/** Keeps the indexes and documents until the scope closes. */
export function remoteOpenApi({ clock, log }: Runtime, scope: Scope, aggregator: Aggregator, ask: Ask): RemoteOpenApi {
  const indexes = new Map<string, Index>();
  const swaggers = new Map<string, Swagger>();
  const tasks = retryingTasks(clock, scope, { firstRetryMs: 1_000, againMs: 60_000 }, async (name) => {
    const service = aggregator.remotes.get(name);
    if (!service) {
      indexes.delete(name);
      swaggers.delete(name);
      return false;
    }
    try {
      indexes.set(name, await fetchIndex(ask, service));
      const swagger = await fetchSwagger(ask, service, swaggers.get(name));
      if (swagger) swaggers.set(name, swagger);
      else swaggers.delete(name);
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
  const priorityOf = (name: string): number => aggregator.remotes.get(name)?.spec?.groupPriorityMinimum ?? 0;
  return {
    v2: () => (swaggers.size ? [...swaggers].sort(([a], [b]) => priorityOf(b) - priorityOf(a) || (a < b ? -1 : 1)).map(([, swagger]) => swagger) : []),
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
