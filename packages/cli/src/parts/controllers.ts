/** The controllers, in whatever process. */
import { hostname } from 'node:os';
import type { MetricsRegistry, Runtime, Scope } from '@pilothouse/base';
import { type Client, createEventRecorder, type InformerFactory, startLeaderElection } from '@pilothouse/client';
import { controllers, selectControllers } from '@pilothouse/controller-manager';
import { withConcurrency } from '@pilothouse/controller-manager/flags';
import { controllerMetrics, runControllers } from '@pilothouse/controller-runtime';

export interface ControllersSetup {
  client: Client;
  informers: InformerFactory;
  /** The client a controller acts with, by its service account; absent: all act as `client`. */
  clientFor?: (serviceAccount: string) => Client;
  /** By Kubernetes' flag name. */
  flags: Readonly<Record<string, unknown>>;
  /** As `--controllers` has it: `*`, names, `-name`. */
  selection?: readonly string[];
  metrics?: MetricsRegistry;
}

/** `--leader-elect-*`; durations in milliseconds. */
export interface LeaderFlags {
  leaderElectLeaseDuration: number;
  leaderElectRenewDeadline: number;
  leaderElectRetryPeriod: number;
  leaderElectResourceLock: string;
  leaderElectResourceName: string;
  leaderElectResourceNamespace: string;
}

/** Runs them until the scope closes; resolves when their caches have synced. */
export async function startControllers(runtime: Runtime, scope: Scope, setup: ControllersSetup): Promise<void> {
  const chosen = withConcurrency(selectControllers(controllers, setup.selection), setup.flags);
  const stop = new AbortController();
  const running = runControllers(chosen, { ...setup, metrics: setup.metrics && controllerMetrics(setup.metrics), runtime, signal: stop.signal });
  scope.defer(async () => {
    stop.abort(new Error('the controller manager is stopping'));
    await running.stopped;
  });
  await running.started;
}

/**
 * Stands for election under `name` in kube-system and calls `lead` when elected. Losing the lease ends the scope, as
 * upstream's daemons end when they lose theirs.
 */
export async function leadAs(name: string, client: Client, runtime: Runtime, scope: Scope, lead: () => Promise<void>, flags: Partial<LeaderFlags> & { metrics?: MetricsRegistry } = {}): Promise<void> {
  const leading = flags.metrics?.gauge('leader_election_master_status', "[ALPHA] Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates master. 'name' is the string used to identify the lease. Please make sure to group by name.", ['name']).with(name);
  if (leading) leading.value = 0;
  const recorder = scope.own(createEventRecorder(client, runtime, { component: name }));
  const election = scope.own(startLeaderElection(client, runtime, {
    namespace: flags.leaderElectResourceNamespace ?? 'kube-system', name: flags.leaderElectResourceName ?? name, identity: `${hostname()}_${runtime.random.uuid()}`, recorder,
    leaseDurationMs: flags.leaderElectLeaseDuration, renewDeadlineMs: flags.leaderElectRenewDeadline, retryPeriodMs: flags.leaderElectRetryPeriod,
  }));
  await election.acquired();
  if (leading) leading.value = 1;
  election.lost.addEventListener('abort', () => void scope.close(), { once: true });
  await lead();
}
