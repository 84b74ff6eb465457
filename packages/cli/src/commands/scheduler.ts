import { parseYaml } from '@pilothouse/apimachinery';
import { type LogLevel, messageOf, type Runtime, UserError } from '@pilothouse/base';
import { collectPendingPods, schedulerMetrics, startScheduler } from '@pilothouse/scheduler';
import { leadAs } from '../parts/controllers.ts';
import { serveDaemon } from '../parts/daemon-listener.ts';
import { readFlagFile } from '../parts/flag-files.ts';
import { labAttachment } from '../parts/lab.ts';
import { labHost } from '../parts/lab-objects.ts';
import { runUntilSignal } from '../parts/lifetime.ts';
import { ownCertificate } from '../parts/own-certificate.ts';
import { processMetrics } from '../parts/process-metrics.ts';
import { connect } from '../parts/remote.ts';

interface SchedulerFlags {
  kubeconfig: string;
  config?: string;
  explain: boolean;
  bindAddress: string;
  securePort: number;
  tlsCertFile?: string;
  tlsPrivateKeyFile?: string;
  leaderElect: boolean;
  metricsPort: number;
  logLevel: LogLevel;
}

/** A KubeSchedulerConfiguration, YAML or JSON. */
function readConfig(file: string | undefined): unknown {
  const text = readFlagFile('config', file);
  if (text === undefined) return undefined;
  try {
    return parseYaml(text);
  } catch (error) {
    throw new UserError(`--config ${file}: ${messageOf(error)}`);
  }
}

async function servingPair(runtime: Runtime, { tlsCertFile, tlsPrivateKeyFile }: SchedulerFlags): Promise<{ cert: string; key: string }> {
  if (!tlsCertFile !== !tlsPrivateKeyFile) throw new UserError('--tls-cert-file and --tls-private-key-file belong together');
  if (!tlsCertFile) return (await ownCertificate(runtime, labHost)).tls;
  return { cert: readFlagFile('tls-cert-file', tlsCertFile)!, key: readFlagFile('tls-private-key-file', tlsPrivateKeyFile)! };
}

/** `pilothouse scheduler` */
export async function scheduler(flags: SchedulerFlags): Promise<void> {
  const config = readConfig(flags.config);
  const { runtime, client, informers, scope } = connect('kube-scheduler', flags);
  const metrics = processMetrics(runtime);
  await serveDaemon(scope, flags.metricsPort, { metrics, ready: () => !scope.closed });
  const lab = flags.explain ? labAttachment(runtime, scope) : undefined;
  const lead = async () => {
    const running = scope.own(await startScheduler({ client, informers, runtime, config, metrics: schedulerMetrics(metrics), observe: lab?.observe }));
    if (lab) {
      const { port } = await lab.serve({ client, host: flags.bindAddress, port: flags.securePort, tls: await servingPair(runtime, flags), metrics });
      console.error(`pilothouse scheduler: lab.pilothouse.dev on port ${port}`);
    }
    collectPendingPods(metrics, running.queue);
    console.error('pilothouse scheduler: scheduling');
  };
  const leading = flags.leaderElect ? leadAs('kube-scheduler', client, runtime, scope, lead) : lead();
  leading.catch((error) => {
    if (scope.closed) return;
    console.error(`pilothouse scheduler: ${messageOf(error)}`);
    process.exitCode = 1;
    void scope.close();
  });
  await runUntilSignal(scope, runtime.clock);
}
