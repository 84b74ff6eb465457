import { type LogLevel, messageOf } from '@pilothouse/base';
import { createClient, createSocketTransport, loadKubeconfig, type Client } from '@pilothouse/client';
import { serviceAccounts } from '@pilothouse/apimachinery';
import { leadAs, startControllers } from '../parts/controllers.ts';
import { serveDaemon } from '../parts/daemon-listener.ts';
import { readFlagFile } from '../parts/flag-files.ts';
import { runUntilSignal } from '../parts/lifetime.ts';
import { processMetrics } from '../parts/process-metrics.ts';
import { connect, type Remote } from '../parts/remote.ts';
import { programVersion } from '../version.ts';

interface ControllerManagerFlags {
  kubeconfig: string;
  controllers: string[];
  clusterCidr: string;
  serviceClusterIpRange: string;
  allocateNodeCidrs: boolean;
  nodeCidrMaskSize: number;
  rootCaFile?: string;
  clusterSigningCertFile?: string;
  clusterSigningKeyFile?: string;
  serviceAccountPrivateKeyFile?: string;
  useServiceAccountCredentials: boolean;
  leaderElect: boolean;
  metricsPort: number;
  logLevel: LogLevel;
}

/** What controllers read from the command line, under Kubernetes' flag names; of files, the content (PEM). */
export const controllerFlags = (flags: { clusterCidr: string; serviceClusterIpRange: string; allocateNodeCidrs: boolean; nodeCidrMaskSize: number; rootCa?: string; signingCert?: string; signingKey?: string; serviceAccountKey?: string | Promise<string> }): Record<string, unknown> => ({
  'cluster-cidr': flags.clusterCidr,
  'service-cluster-ip-range': flags.serviceClusterIpRange,
  'allocate-node-cidrs': flags.allocateNodeCidrs,
  'node-cidr-mask-size': flags.nodeCidrMaskSize,
  'root-ca-file': flags.rootCa,
  'cluster-signing-cert-file': flags.signingCert,
  'cluster-signing-key-file': flags.signingKey,
  'service-account-private-key-file': flags.serviceAccountKey,
});

/** Clients that act as service accounts of kube-system, with tokens asked for as they are needed. */
function serviceAccountClients({ client, runtime, scope }: Remote, kubeconfig: string): (name: string) => Client {
  const made = new Map<string, Client>();
  const access = loadKubeconfig(kubeconfig);
  return (name) => {
    let found = made.get(name);
    if (!found) {
      let token: { text: string; renewAtMs: number } | undefined;
      const fresh = async (): Promise<string> => {
        if (token && runtime.clock.now() < token.renewAtMs) return token.text;
        await client.create(serviceAccounts, { metadata: { name, namespace: 'kube-system' } }).catch(() => undefined);
        const answer = await client.createSubresource<{ status: { token: string; expirationTimestamp: string } }>(serviceAccounts, name, 'token', { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {}, spec: { expirationSeconds: 3600 } }, { namespace: 'kube-system' });
        const expiresMs = Date.parse(answer.status.expirationTimestamp);
        token = { text: answer.status.token, renewAtMs: runtime.clock.now() + (expiresMs - runtime.clock.now()) * 0.7 };
        return token.text;
      };
      const socket = createSocketTransport({ ...access, clientCertificate: undefined, clientKey: undefined, token: undefined, tokenFile: undefined }, runtime);
      found = scope.own(createClient({ request: async (request) => socket.request({ ...request, headers: { ...request.headers, authorization: `Bearer ${await fresh()}` } }), close: () => socket.close() }, runtime, { userAgent: `kube-controller-manager/v${programVersion}/${name}` }));
      made.set(name, found);
    }
    return found;
  };
}

/** `pilothouse controller-manager` */
export async function controllerManager(flags: ControllerManagerFlags): Promise<void> {
  const values = controllerFlags({ ...flags, rootCa: readFlagFile('root-ca-file', flags.rootCaFile), signingCert: readFlagFile('cluster-signing-cert-file', flags.clusterSigningCertFile), signingKey: readFlagFile('cluster-signing-key-file', flags.clusterSigningKeyFile), serviceAccountKey: readFlagFile('service-account-private-key-file', flags.serviceAccountPrivateKeyFile) });
  const remote = connect('kube-controller-manager', flags);
  const { runtime, client, informers, scope } = remote;
  const metrics = processMetrics(runtime);
  await serveDaemon(scope, flags.metricsPort, { metrics, ready: () => !scope.closed });
  const lead = async () => {
    await startControllers(runtime, scope, { client, informers, flags: values, selection: flags.controllers, metrics, ...(flags.useServiceAccountCredentials && { clientFor: serviceAccountClients(remote, flags.kubeconfig) }) });
    console.error('pilothouse controller-manager: controllers are running');
  };
  const leading = flags.leaderElect ? leadAs('kube-controller-manager', client, runtime, scope, lead) : lead();
  leading.catch((error) => {
    if (scope.closed) return;
    console.error(`pilothouse controller-manager: ${messageOf(error)}`);
    process.exitCode = 1;
    void scope.close();
  });
  await runUntilSignal(scope, runtime.clock);
}
