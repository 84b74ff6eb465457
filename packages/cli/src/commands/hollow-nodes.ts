import { configMaps, isForbidden, isNotFound } from '@pilothouse/apimachinery';
import type { LogLevel } from '@pilothouse/base';
import type { Client } from '@pilothouse/client';
import { startHollowNodes } from '@pilothouse/kubelet-lite/hollow';
import { readFlagFile } from '../parts/flag-files.ts';
import { runUntilSignal } from '../parts/lifetime.ts';
import { connect } from '../parts/remote.ts';

interface HollowFlags {
  kubeconfig: string;
  count: number;
  prefix: string;
  clientCaFile?: string;
  logLevel: LogLevel;
}

/** The authority of clients' certificates that the API server publishes; undefined where it publishes none. */
async function publishedClientCa(client: Client): Promise<string | undefined> {
  try {
    return (await client.get(configMaps, 'extension-apiserver-authentication', { namespace: 'kube-system' })).data?.['client-ca-file'];
  } catch (error) {
    if (isNotFound(error) || isForbidden(error)) return undefined;
    throw error;
  }
}

/** `pilothouse hollow-nodes`: simulated nodes for any cluster. */
export async function hollowNodes(flags: HollowFlags): Promise<void> {
  const { runtime, client, scope } = connect('hollow-nodes', flags);
  const clientCa = readFlagFile('client-ca-file', flags.clientCaFile) ?? (await publishedClientCa(client));
  scope.own(await startHollowNodes({ client, runtime, count: flags.count, prefix: flags.prefix, server: { address: '127.0.0.1', port: 0, clientCa } }));
  console.error(`pilothouse hollow-nodes: ${flags.count} nodes are registered`);
  await runUntilSignal(scope, runtime.clock);
}
