/** A daemon's connection to an API server in another process. */
import { hostname } from 'node:os';
import { jsonLogger, type LogLevel, realRuntime, type Runtime, Scope } from '@pilothouse/base';
import { type Client, createClient, createInformerFactory, createSocketTransport, type InformerFactory, loadKubeconfig } from '@pilothouse/client';
import { programVersion } from '../version.ts';

export interface Remote {
  runtime: Runtime;
  client: Client;
  informers: InformerFactory;
  scope: Scope;
}

/** @throws UserError when the kubeconfig cannot be used */
export function connect(name: string, options: { kubeconfig: string; /** Instead of the kubeconfig's. */ server?: string; logLevel: LogLevel; qps?: number; burst?: number }): Remote {
  const runtime = realRuntime(jsonLogger({ level: options.logLevel, fields: { daemon: name } }));
  const scope = new Scope(name);
  const client = scope.own(createClient(createSocketTransport({ ...loadKubeconfig(options.kubeconfig), ...(options.server && { server: options.server.replace(/\/$/, '') }) }, runtime), runtime, { userAgent: `${name}/v${programVersion}`, qps: options.qps, burst: options.burst }));
  const informers = scope.own(createInformerFactory(client, runtime, { watchList: true }));
  return { runtime, client, informers, scope };
}

/** The node's name: what was asked for, else the host's, in lower case as Kubernetes wants it. */
export const nodeName = (override: string | undefined): string => (override ?? hostname()).toLowerCase();
