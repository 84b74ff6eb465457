import { type LogLevel, UserError } from '@pilothouse/base';
import { readFlagFile } from '../parts/flag-files.ts';
import { runUntilSignal } from '../parts/lifetime.ts';
import { logsAndCgroups } from '../parts/kubelet-flags.ts';
import { startNode } from '../parts/node.ts';
import { connect, nodeName } from '../parts/remote.ts';

interface KubeletFlags {
  kubeconfig: string;
  hostnameOverride?: string;
  nodeIp?: string;
  containerRuntimeEndpoint: string;
  rootDir: string;
  podLogsDir: string;
  cgroupRoot: string;
  tlsCertFile?: string;
  tlsPrivateKeyFile?: string;
  clientCaFile?: string;
  address?: string;
  port: number;
  clusterDns: string[];
  clusterDomain: string;
  cniConfDir: string;
  logLevel: LogLevel;
}

/** `pilothouse kubelet` */
export async function kubelet(flags: KubeletFlags): Promise<void> {
  if (process.getuid?.() !== 0) throw new UserError('the kubelet needs root: it mounts volumes and speaks to the container runtime');
  const certificates = { cert: readFlagFile('tls-cert-file', flags.tlsCertFile), key: readFlagFile('tls-private-key-file', flags.tlsPrivateKeyFile), clientCa: readFlagFile('client-ca-file', flags.clientCaFile) };
  const { runtime, client, informers, scope } = connect('kubelet', flags);
  const name = nodeName(flags.hostnameOverride);
  informers.start();
  try {
    await startNode(runtime, scope, {
      client, informers, nodeName: name, runtimeEndpoint: flags.containerRuntimeEndpoint, cniConfDir: flags.cniConfDir,
      options: {
        ...(flags.nodeIp && { nodeIps: [flags.nodeIp] }), rootDir: flags.rootDir, ...logsAndCgroups(flags), clusterDns: flags.clusterDns, clusterDomain: flags.clusterDomain,
        server: { address: flags.address ?? flags.nodeIp, port: flags.port, ...certificates },
      },
    });
  } catch (error) {
    await scope.close();
    throw error;
  }
  console.error(`pilothouse kubelet: node ${name} is registered`);
  await runUntilSignal(scope, runtime.clock);
}
