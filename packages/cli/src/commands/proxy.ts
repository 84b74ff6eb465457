import { nodes } from '@pilothouse/apimachinery';
import { removeServiceProxyTable, startServiceProxy } from '@pilothouse/node-network';
import type { LogLevel } from '@pilothouse/base';
import { runUntilSignal } from '../parts/lifetime.ts';
import { connect, nodeName } from '../parts/remote.ts';

interface ProxyFlags {
  kubeconfig: string;
  hostnameOverride?: string;
  clusterCidr: string[];
  serviceClusterIpRange: string[];
  nodeportAddresses?: string[];
  cleanup?: boolean;
  logLevel: LogLevel;
}

/** `pilothouse proxy` */
export async function proxy(flags: ProxyFlags): Promise<void> {
  if (flags.cleanup) return removeServiceProxyTable();
  const { runtime, client, informers, scope } = connect('kube-proxy', flags);
  const name = nodeName(flags.hostnameOverride);
  informers.start();
  const node = await client.get(nodes, name).catch(() => undefined);
  scope.own(
    await startServiceProxy({
      runtime, informers,
      node: { nodeName: name, zone: node?.metadata.labels?.['topology.kubernetes.io/zone'] },
      clusterCIDRs: flags.clusterCidr, serviceCIDRs: flags.serviceClusterIpRange, nodePortAddresses: flags.nodeportAddresses ?? [],
    }),
  );
  console.error(`pilothouse proxy: serving services on node ${name}`);
  await runUntilSignal(scope, runtime.clock);
}
