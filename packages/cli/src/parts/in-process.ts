/** Clients of the API server in the same process: identities as their certificates would name them. */
import type { ApiHandler } from '@pilothouse/apimachinery';
import type { Runtime, Scope } from '@pilothouse/base';
import { type Client, createClient, createInformerFactory, createInProcessTransport, type InformerFactory } from '@pilothouse/client';
import { serviceAccountClients } from './service-account-clients.ts';
import { programVersion } from '../version.ts';

export interface Identity {
  commonName: string;
  organizations: string[];
}

export interface InProcessClients {
  /** A client that acts as this user, with the user agent of the daemon. */
  client(daemon: string, identity: Identity): Client;
  informers(client: Client): InformerFactory;
  /** Clients by service account of kube-system, whose tokens `asker` asks for. */
  serviceAccounts(daemon: string, asker: Client): (name: string) => Client;
}

export function inProcessClients(handle: ApiHandler, runtime: Runtime, scope: Scope): InProcessClients {
  const client = (daemon: string, identity: Identity) => scope.own(createClient(createInProcessTransport(handle, { certificate: identity }), runtime, { userAgent: `${daemon}/v${programVersion}` }));
  return {
    client,
    informers: (c) => scope.own(createInformerFactory(c, runtime)),
    serviceAccounts: (daemon, asker) => serviceAccountClients(asker, createInProcessTransport(handle, { anonymous: true }), { runtime, scope, options: (name) => ({ userAgent: `${daemon}/v${programVersion}/${name}` }) }),
  };
}
