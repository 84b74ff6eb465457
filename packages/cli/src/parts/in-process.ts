/** Clients of the API server in the same process: identities as their certificates would name them. */
import type { ApiHandler } from '@pilothouse/apimachinery';
import type { Runtime, Scope } from '@pilothouse/base';
import { type Client, createClient, createInformerFactory, createInProcessTransport, type InformerFactory } from '@pilothouse/client';
import { programVersion } from '../version.ts';

export interface Identity {
  commonName: string;
  organizations: string[];
}

export interface InProcessClients {
  /** A client that acts as this user, with the user agent of the daemon. */
  client(daemon: string, identity: Identity): Client;
  informers(client: Client): InformerFactory;
  /** As a service account of kube-system. */
  serviceAccount(daemon: string, name: string): Client;
}

export function inProcessClients(handle: ApiHandler, runtime: Runtime, scope: Scope): InProcessClients {
  const client = (daemon: string, identity: Identity) => scope.own(createClient(createInProcessTransport(handle, { certificate: identity }), runtime, { userAgent: `${daemon}/v${programVersion}` }));
  return {
    client,
    informers: (c) => scope.own(createInformerFactory(c, runtime)),
    serviceAccount: (daemon, name) => client(`${daemon}/v${programVersion}/${name}`, { commonName: `system:serviceaccount:kube-system:${name}`, organizations: ['system:serviceaccounts', 'system:serviceaccounts:kube-system'] }),
  };
}
