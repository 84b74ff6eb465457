import { type Runtime, UserError } from '@pilothouse/base';
import { type Client, createEventRecorder, type InformerFactory, startLeaderElection } from '@pilothouse/client';
import { type ControllerDefinition, type ControllerMetrics, runControllers } from '@pilothouse/controller-runtime';

export interface ControllerManagerOptions {
  client: Client;
  informers: InformerFactory;
  runtime: Runtime;
  /** kube-controller-manager's flags by name; durations in milliseconds or as Go writes them. */
  flags?: Readonly<Record<string, unknown>>;
  /** Stops the manager: reconciles under way are finished, the lease is given up. */
  signal: AbortSignal;
  /** `--controllers`: names, `*` for all that are on by default, `-name` for all but. Default `*`. */
  controllers?: readonly string[];
  /** Waits for, and holds, the lease `kube-system/kube-controller-manager`. Default false. */
  leaderElect?: boolean;
  /** Who asks for the lease. Default: random. */
  identity?: string;
  /** The identity a controller acts with, by its service account in kube-system; absent: all act as `client`. */
  clientFor?: (serviceAccount: string) => Client;
  metrics?: ControllerMetrics;
}

export interface ControllerManager {
  /** Resolves when all controllers run (after the lease was had). */
  started: Promise<void>;
  /** Resolves with why the manager ended: it was stopped, or lost its lease (then the process should exit). */
  ended: Promise<'stopped' | 'lost-lease'>;
}

/**
 * Controllers that upstream's v1.36 knows and that do nothing there unless a feature gate is opened that is shut by default,
 * or a cloud provider is at work: their names are accepted, as upstream accepts them, and nothing is started.
 */
const idle: Readonly<Record<string, readonly string[]>> = {
  'podcertificaterequest-cleaner-controller': [],
  'kube-apiserver-serving-clustertrustbundle-publisher-controller': [],
  'podgroup-protection-controller': [],
  'resourcepoolstatusrequest-controller': [],
  'storageversion-garbage-collector-controller': ['storage-version-gc'],
  'storage-version-migrator-controller': ['svm'],
  'cloud-node-lifecycle-controller': ['cloud-node-lifecycle'],
  'node-route-controller': ['route'],
};
/** Off by default upstream, and not built in: it can be left out, but not asked for. */
const notBuilt = ['selinux-warning-controller'];
const isIdle = (name: string): boolean => Object.entries(idle).some(([canonical, aliases]) => canonical === name || aliases.includes(name));

/** Which of `all` a `--controllers` selection names. @throws UserError for a name that nobody has */
export function selectControllers(all: readonly ControllerDefinition<any>[], selection: readonly string[] = ['*']): ControllerDefinition<any>[] {
  const called = (definition: ControllerDefinition<any>, name: string) => definition.name === name || (definition.aliases?.includes(name) ?? false);
  for (const item of selection) {
    const name = item.replace(/^-/, '');
    if (notBuilt.includes(name)) {
      if (item === name) throw new UserError(`--controllers: ${JSON.stringify(name)} is not built in`);
      continue;
    }
    if (name !== '*' && !isIdle(name) && !all.some((definition) => called(definition, name))) throw new UserError(`--controllers: "${name}" is not in the list of known controllers`);
  }
  return all.filter((definition) => {
    for (const item of selection) {
      if (called(definition, item)) return true;
      if (item.startsWith('-') && called(definition, item.slice(1))) return false;
    }
    return selection.includes('*') && !definition.disabledByDefault;
  });
}

/** Runs the controllers, after winning the lease where asked to. */
export function runManager(all: readonly ControllerDefinition<any>[], options: ControllerManagerOptions): ControllerManager {
  const { client, runtime, signal } = options;
  const chosen = selectControllers(all, options.controllers);
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  let markStarted: () => void;
  const started = new Promise<void>((resolve) => {
    markStarted = resolve;
  });

  const run = async (): Promise<'stopped' | 'lost-lease'> => {
    const recorder = options.leaderElect ? createEventRecorder(client, runtime, { component: 'kube-controller-manager' }) : undefined;
    const election = recorder && startLeaderElection(client, runtime, { namespace: 'kube-system', name: 'kube-controller-manager', identity: options.identity ?? runtime.random.uuid(), recorder });
    let lost = false;
    try {
      if (election) {
        const giveUp = () => void election.close();
        stop.signal.addEventListener('abort', giveUp, { once: true });
        const leading = await election.acquired().then(() => true, () => false);
        stop.signal.removeEventListener('abort', giveUp);
        if (!leading) return 'stopped';
        election.lost.addEventListener('abort', () => {
          lost = !stop.signal.aborted;
          stop.abort(new Error('the lease was lost'));
        }, { once: true });
      }
      const running = runControllers(chosen, { ...options, signal: stop.signal });
      void running.started.then(markStarted);
      await running.stopped;
      return lost ? 'lost-lease' : 'stopped';
    } finally {
      signal.removeEventListener('abort', onAbort);
      await election?.close();
      await recorder?.close();
    }
  };
  return { started, ended: run() };
}
