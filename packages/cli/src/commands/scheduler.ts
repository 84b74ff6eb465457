import { writeFileSync } from 'node:fs';
import { metricsType } from '@pilothouse/apiserver/routes/metrics';
import { type LogLevel, messageOf, type MetricsRegistry, type Runtime, type Scope, silentLogger, UserError } from '@pilothouse/base';
import { createClient, createSocketTransport, loadKubeconfig } from '@pilothouse/client';
import { collectSchedulerState, schedulerMetrics, startScheduler } from '@pilothouse/scheduler';
import { featuresWith, formatGoDuration, type KubeSchedulerConfiguration, loadConfiguration, parseGoDuration } from '@pilothouse/scheduler-framework';
import { type LeaderFlags, leadAs } from '../parts/controllers.ts';
import { serveDaemon } from '../parts/daemon-listener.ts';
import { readFlagFile } from '../parts/flag-files.ts';
import { type LabAttachment, labAttachment, type LabServing } from '../parts/lab.ts';
import { labHost } from '../parts/lab-objects.ts';
import { runUntilSignal } from '../parts/lifetime.ts';
import { ownCertificate } from '../parts/own-certificate.ts';
import { processMetrics } from '../parts/process-metrics.ts';
import { connect } from '../parts/remote.ts';
import { readSchedulerConfig, schedulerSetup } from '../parts/scheduler-setup.ts';
import { type SecureServing, type SecureServingFlags, serveSecurely } from '../parts/secure-serving.ts';
import { programVersion } from '../version.ts';

interface SchedulerFlags extends SecureServingFlags, LeaderFlags {
  kubeconfig?: string;
  master?: string;
  authenticationKubeconfig?: string;
  authorizationKubeconfig?: string;
  config?: string;
  writeConfigTo?: string;
  featureGates: string[];
  plugin: string[];
  explain: boolean;
  firstByName: boolean;
  kubeApiQps: number;
  kubeApiBurst: number;
  podMaxInUnschedulablePodsDuration: number;
  leaderElect: boolean;
  metricsPort: number;
  logLevel: LogLevel;
}

const name = 'kube-scheduler';

/** The file's configuration with the flags that were given laid over it: those of the election, as upstream has it. */
function withLeaderFlags(config: KubeSchedulerConfiguration, flags: SchedulerFlags, given: (option: string) => boolean): KubeSchedulerConfiguration {
  const election: Record<string, unknown> = { ...config.leaderElection };
  const durations = { leaderElectLeaseDuration: 'leaseDuration', leaderElectRenewDeadline: 'renewDeadline', leaderElectRetryPeriod: 'retryPeriod' } as const;
  const texts = { leaderElectResourceLock: 'resourceLock', leaderElectResourceName: 'resourceName', leaderElectResourceNamespace: 'resourceNamespace' } as const;
  if (given('leaderElect')) election.leaderElect = flags.leaderElect;
  for (const [flag, field] of Object.entries(durations)) if (given(flag)) election[field] = formatGoDuration(flags[flag as keyof typeof durations]);
  for (const [flag, field] of Object.entries(texts)) if (given(flag)) election[field] = flags[flag as keyof typeof texts];
  return { ...config, leaderElection: election };
}

/** `pilothouse scheduler`. `given`: whether an option stood on the command line. */
export async function scheduler(flags: SchedulerFlags, given: (option: string) => boolean): Promise<void> {
  const source = withLeaderFlags(readSchedulerConfig(flags.config) ?? {}, flags, given);
  const kubeconfig = flags.kubeconfig ?? source.clientConnection?.kubeconfig;
  if (!kubeconfig && !flags.writeConfigTo) throw new UserError('no configuration has been provided: --kubeconfig or clientConnection.kubeconfig of --config is needed');
  // A limit is kept only where it is asked for: upstream's default of 50 requests a second would be the whole scheduler's limit.
  const qps = flags.kubeApiQps || source.clientConnection?.qps || 0;
  const burst = flags.kubeApiBurst || source.clientConnection?.burst || undefined;
  if (flags.writeConfigTo) {
    const { config, featureGates } = await schedulerSetup(source, flags, silentLogger);
    const { profiles, ...rest } = loadConfiguration(config, featuresWith(featureGates));
    writeFileSync(flags.writeConfigTo, `${JSON.stringify({ ...rest, profiles: profiles.map(({ schedulerName, percentageOfNodesToScore, plugins, pluginConfig }) => ({ schedulerName, percentageOfNodesToScore, plugins, pluginConfig })) }, null, 2)}\n`);
    return;
  }
  const { runtime, client, informers, scope } = connect(name, { kubeconfig: kubeconfig!, server: flags.master, logLevel: flags.logLevel, ...(qps > 0 && { qps, burst }) });
  const { config, featureGates, plugins } = await schedulerSetup(source, flags, runtime.log);
  const { leaderElection } = loadConfiguration(config, featuresWith(featureGates));
  const metrics = processMetrics(runtime);
  const ready = () => !scope.closed;
  await serveDaemon(scope, flags.metricsPort, { metrics, ready });
  const lab = flags.explain ? labAttachment(runtime, scope) : undefined;
  if (!lab) await serveSecurely(runtime, scope, { flags, ...reviewers(runtime, scope, flags), answer: (path) => answer(path, metrics, ready()) });
  const lead = async () => {
    const running = scope.own(await startScheduler({ client, informers, runtime, config, featureGates, plugins, firstByName: flags.firstByName, maxUnschedulableMs: flags.podMaxInUnschedulablePodsDuration, metrics: schedulerMetrics(metrics), observe: lab?.observe }));
    collectSchedulerState(metrics, running);
    console.error('pilothouse scheduler: scheduling');
  };
  const election: LeaderFlags = {
    ...flags,
    leaderElectResourceName: leaderElection.resourceName, leaderElectResourceNamespace: leaderElection.resourceNamespace,
    leaderElectLeaseDuration: parseGoDuration(leaderElection.leaseDuration), leaderElectRenewDeadline: parseGoDuration(leaderElection.renewDeadline), leaderElectRetryPeriod: parseGoDuration(leaderElection.retryPeriod),
  };
  if (lab) void serveLab(lab, runtime, scope, { client, host: flags.bindAddress, port: flags.securePort, tls: await servingPair(runtime, flags), metrics });
  const leading = leaderElection.leaderElect ? leadAs(name, client, runtime, scope, lead, election) : lead();
  leading.catch((error) => {
    if (scope.closed) return;
    console.error(`pilothouse scheduler: ${messageOf(error)}`);
    process.exitCode = 1;
    void scope.close();
  });
  await runUntilSignal(scope, runtime.clock);
}

/** Opens the port once the API server can be asked who may use it; ends the scheduler where the port cannot be had. */
async function serveLab(lab: LabAttachment, runtime: Runtime, scope: Scope, serving: LabServing): Promise<void> {
  while (!scope.closed) {
    try {
      const { port } = await lab.serve(serving);
      console.error(`pilothouse scheduler: lab.pilothouse.dev on port ${port}`);
      return;
    } catch (error) {
      if (error instanceof UserError) {
        console.error(`pilothouse scheduler: ${error.message}`);
        process.exitCode = 1;
        return scope.close();
      }
      runtime.log.warn('The port of the lab cannot be opened yet', { err: messageOf(error) });
      await runtime.clock.sleep(1000);
    }
  }
}

function reviewers(runtime: Runtime, scope: Scope, { authenticationKubeconfig, authorizationKubeconfig }: SchedulerFlags): Pick<SecureServing, 'authentication' | 'authorization'> {
  const client = (file: string | undefined) => (file ? scope.own(createClient(createSocketTransport(loadKubeconfig(file), runtime), runtime, { userAgent: `${name}/v${programVersion}` })) : undefined);
  return { authentication: client(authenticationKubeconfig), authorization: client(authorizationKubeconfig) };
}

function answer(path: string, metrics: MetricsRegistry, ready: boolean): ReturnType<SecureServing['answer']> {
  if (path === '/metrics') return { status: 200, text: metrics.text(), type: metricsType };
  if (path === '/healthz' || path === '/livez' || path === '/readyz') return { status: ready ? 200 : 500, text: ready ? 'ok' : 'not ready', type: 'text/plain; charset=utf-8' };
  return undefined;
}

async function servingPair(runtime: Runtime, { tlsCertFile, tlsPrivateKeyFile }: SchedulerFlags): Promise<{ cert: string; key: string }> {
  if (!tlsCertFile !== !tlsPrivateKeyFile) throw new UserError('--tls-cert-file and --tls-private-key-file belong together');
  if (!tlsCertFile) return (await ownCertificate(runtime, labHost)).tls;
  return { cert: readFlagFile('tls-cert-file', tlsCertFile)!, key: readFlagFile('tls-private-key-file', tlsPrivateKeyFile)! };
}
