import { parseYaml } from '@pilothouse/apimachinery';
import { type LogLevel, messageOf, UserError } from '@pilothouse/base';
import { collectPendingPods, schedulerMetrics, startScheduler } from '@pilothouse/scheduler';
import { leadAs } from '../parts/controllers.ts';
import { serveDaemon } from '../parts/daemon-listener.ts';
import { readFlagFile } from '../parts/flag-files.ts';
import { runUntilSignal } from '../parts/lifetime.ts';
import { processMetrics } from '../parts/process-metrics.ts';
import { connect } from '../parts/remote.ts';

interface SchedulerFlags {
  kubeconfig: string;
  config?: string;
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

/** `pilothouse scheduler` */
export async function scheduler(flags: SchedulerFlags): Promise<void> {
  const config = readConfig(flags.config);
  const { runtime, client, informers, scope } = connect('kube-scheduler', flags);
  const metrics = processMetrics(runtime);
  await serveDaemon(scope, flags.metricsPort, { metrics, ready: () => !scope.closed });
  const lead = async () => {
    const running = scope.own(await startScheduler({ client, informers, runtime, config, metrics: schedulerMetrics(metrics) }));
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
