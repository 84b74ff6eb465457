import { readFileSync } from 'node:fs';
import { type LogLevel, messageOf, UserError } from '@pilothouse/base';
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

const read = (flag: string, file: string | undefined): string | undefined => {
  if (!file) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`--${flag}: cannot read ${file}: ${messageOf(error)}`);
  }
};

/** `pilothouse kubelet` */
export async function kubelet(flags: KubeletFlags): Promise<void> {
  if (process.getuid?.() !== 0) throw new UserError('the kubelet needs root: it mounts volumes and speaks to the container runtime');
  const certificates = { cert: read('tls-cert-file', flags.tlsCertFile), key: read('tls-private-key-file', flags.tlsPrivateKeyFile), clientCa: read('client-ca-file', flags.clientCaFile) };
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
