import { metricsType } from '@pilothouse/apiserver/routes/metrics';
import { type LogLevel, messageOf, UserError } from '@pilothouse/base';
import { checkFeatureGates } from '@pilothouse/controller-manager/feature-gates';
import { createClient, createSocketTransport, loadKubeconfig } from '@pilothouse/client';
import { controllerFlagValues } from '../parts/controller-flags.ts';
import { type LeaderFlags, leadAs, startControllers } from '../parts/controllers.ts';
import { serveDaemon } from '../parts/daemon-listener.ts';
import { runUntilSignal } from '../parts/lifetime.ts';
import { processMetrics } from '../parts/process-metrics.ts';
import { connect } from '../parts/remote.ts';
import { type SecureServingFlags, serveSecurely } from '../parts/secure-serving.ts';
import { serviceAccountClients } from '../parts/service-account-clients.ts';
import { programVersion } from '../version.ts';

interface ControllerManagerFlags extends SecureServingFlags, LeaderFlags {
  kubeconfig: string;
  authenticationKubeconfig?: string;
  authorizationKubeconfig?: string;
  controllers: string[];
  useServiceAccountCredentials: boolean;
  featureGates: string[];
  kubeApiQps: number;
  kubeApiBurst: number;
  leaderElect: boolean;
  metricsPort: number;
  logLevel: LogLevel;
}

const name = 'kube-controller-manager';

/** `pilothouse controller-manager` */
export async function controllerManager(flags: ControllerManagerFlags): Promise<void> {
  if (flags.leaderElectResourceLock !== 'leases') throw new UserError(`--leader-elect-resource-lock ${flags.leaderElectResourceLock}: only leases are known`);
  checkFeatureGates(flags.featureGates);
  const values = controllerFlagValues(flags as unknown as Record<string, unknown>);
  const limits = flags.kubeApiQps > 0 ? { qps: flags.kubeApiQps, burst: flags.kubeApiBurst || undefined } : {};
  const { runtime, client, informers, scope } = connect(name, { ...flags, ...limits });
  const metrics = processMetrics(runtime);
  const ready = () => !scope.closed;
  await serveDaemon(scope, flags.metricsPort, { metrics, ready });
  const reviewer = (kubeconfig: string | undefined) => kubeconfig && scope.own(createClient(createSocketTransport(loadKubeconfig(kubeconfig), runtime), runtime, { userAgent: `${name}/v${programVersion}` }));
  await serveSecurely(runtime, scope, {
    flags,
    authentication: reviewer(flags.authenticationKubeconfig) || undefined,
    authorization: reviewer(flags.authorizationKubeconfig) || undefined,
    answer(path) {
      if (path === '/metrics') return { status: 200, text: metrics.text(), type: metricsType };
      if (path === '/healthz' || path === '/livez' || path === '/readyz') return { status: ready() ? 200 : 500, text: ready() ? 'ok' : 'not ready', type: 'text/plain; charset=utf-8' };
      return undefined;
    },
  });
  const access = loadKubeconfig(flags.kubeconfig);
  const clientFor = () =>
    serviceAccountClients(client, createSocketTransport({ ...access, clientCertificate: undefined, clientKey: undefined, token: undefined, tokenFile: undefined, username: undefined, password: undefined }, runtime), {
      runtime, scope,
      options: (account) => ({ userAgent: `${name}/v${programVersion}/${account}`, ...limits }),
    });
  const lead = async () => {
    await startControllers(runtime, scope, { client, informers, flags: values, selection: flags.controllers, metrics, ...(flags.useServiceAccountCredentials && { clientFor: clientFor() }) });
    console.error('pilothouse controller-manager: controllers are running');
  };
  const leading = flags.leaderElect ? leadAs(name, client, runtime, scope, lead, { ...flags, metrics }) : lead();
  leading.catch((error) => {
    if (scope.closed) return;
    console.error(`pilothouse controller-manager: ${messageOf(error)}`);
    process.exitCode = 1;
    void scope.close();
  });
  await runUntilSignal(scope, runtime.clock);
}
