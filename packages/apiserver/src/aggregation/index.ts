/** The aggregation layer put together. */
import type { Runtime, Scope } from '@pilothouse/base';
import type { LoopbackClient } from '../bootstrap/client.ts';
import type { ServedApi } from '../discovery/documents.ts';
import type { Delegation, ServerParts } from '../options.ts';
import { aggregator } from './aggregator.ts';
import { askBackends, checkBackend } from './ask.ts';
import { type BackendOptions, backends } from './backends.ts';
import { keepAvailability } from './keep-availability.ts';
import { remoteDiscovery } from './remote-discovery.ts';
import { type RemoteOpenApi, remoteOpenApi } from './remote-open-api.ts';
import { aggregatedApi } from './served-api.ts';

export type { ProxyIdentity } from './backends.ts';
export type { RemoteOpenApi } from './remote-open-api.ts';

export interface Aggregation {
  delegation: Delegation;
  /** Discovery of what is served here and elsewhere. */
  api(own: ServedApi): ServedApi;
  openApi: RemoteOpenApi;
  /** Keeps the Available conditions until the scope closes. `client` writes them. */
  keepAvailability(client: LoopbackClient): Promise<void>;
}

/** Follows the APIServices until the scope closes. */
export function aggregation(runtime: Runtime, scope: Scope, { read }: Pick<ServerParts, 'read'>, options: Omit<BackendOptions, 'read'>): Aggregation {
  const behind = backends(runtime, { ...options, read });
  scope.defer(() => behind.close());
  const delegation = aggregator(read, behind, scope.signal);
  const ask = askBackends(runtime.clock, behind);
  const discovery = remoteDiscovery(runtime, scope, delegation, ask);
  return {
    delegation,
    api: (own) => aggregatedApi(own, delegation, discovery),
    openApi: remoteOpenApi(runtime, scope, delegation, ask),
    keepAvailability: (client) => keepAvailability(runtime, scope, { client, read, checkBackend: checkBackend(runtime.clock, behind) }),
  };
}
