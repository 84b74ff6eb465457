import { publishDnsService, startDnsServer } from '@pilothouse/node-network';
import type { LogLevel } from '@pilothouse/base';
import { runUntilSignal } from '../parts/lifetime.ts';
import { connect } from '../parts/remote.ts';

interface DnsFlags {
  kubeconfig: string;
  address: string;
  port: number;
  clusterDomain: string;
  clusterIp: string;
  upstream?: string[];
  logLevel: LogLevel;
}

/** `pilothouse dns` */
export async function dns(flags: DnsFlags): Promise<void> {
  const { runtime, client, informers, scope } = connect('cluster-dns', flags);
  informers.start();
  const server = scope.own(await startDnsServer({ runtime, informers, address: flags.address, port: flags.port, domain: flags.clusterDomain, upstreams: flags.upstream }));
  await publishDnsService(client, { clusterIP: flags.clusterIp, address: server.address, port: server.port });
  console.error(`pilothouse dns: answering for ${flags.clusterDomain} on ${server.address}:${server.port}, in the cluster at ${flags.clusterIp}`);
  await runUntilSignal(scope, runtime.clock);
}
