/** Every workload controller reaches the same end, and breaks no promise on the way, whatever happens between it and the API server. */
import { cronJobs, daemonSets, deployments, jobs, nodes, podDisruptionBudgets, pods, replicaSets, replicationControllers, statefulSets } from '@pilothouse/apimachinery';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { ControllerDefinition } from '@pilothouse/controller-runtime';
import { pretendKubelet } from '@pilothouse/testing/pretend-kubelet';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { troubles } from '@pilothouse/testing/troubled-api';
import { afterEach, describe, expect, test } from 'vitest';
import { cronJobController } from './controllers/cronjob/controller.ts';
import { daemonSetController } from './controllers/daemonset/controller.ts';
import { deploymentController } from './controllers/deployment/controller.ts';
import { disruptionController } from './controllers/disruption/controller.ts';
import { garbageCollectorController } from './controllers/garbagecollector/controller.ts';
import { jobController } from './controllers/job/controller.ts';
import { replicaSetController } from './controllers/replicaset/controller.ts';
import { replicationController } from './controllers/replicationcontroller/controller.ts';
import { statefulSetController } from './controllers/statefulset/controller.ts';

const at = { namespace: 'default' };
const template = (image = 'i:1') => ({ metadata: { labels: { app: 'x' } }, spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'c', image }] } });
const selector = { matchLabels: { app: 'x' } };

type Bench = Pick<ControllerBench, 'client' | 'clock'>;
const allPods = async ({ client }: Bench): Promise<Pod[]> => (await client.list(pods, at)).items;
const live = async (bench: Bench): Promise<Pod[]> => (await allPods(bench)).filter((p) => !p.metadata.deletionTimestamp);

interface Scenario {
  controllers: ControllerDefinition<any>[];
  start(bench: Bench): Promise<unknown>;
  /** Steps of a tenth of a second after which something happens. */
  later?: Record<number, (bench: Bench) => Promise<unknown>>;
  /** How pods end; default: they run. */
  pods?: 'run' | 'succeed';
  /** A pod too many that ran counts for good. */
  countsRuns?: boolean;
  /** What must not be, ever: says what is wrong. */
  never?(bench: Bench): Promise<string | undefined>;
  /** What it comes to. */
  end(bench: Bench): Promise<unknown>;
  expected: unknown;
}

const scenarios: Record<string, Scenario> = {
  'a replication controller': {
    controllers: [replicationController],
    start: ({ client }) => client.create(replicationControllers, { metadata: { name: 'x', namespace: 'default' }, spec: { replicas: 3, selector: { app: 'x' }, template: template() } }),
    later: { 40: ({ client }) => client.patch(replicationControllers, 'x', { spec: { replicas: 4 } }, at) },
    never: async (bench) => ((await live(bench)).length > 4 ? 'more than four pods' : undefined),
    end: async (bench) => [(await live(bench)).length, (await bench.client.get(replicationControllers, 'x', at)).status?.readyReplicas],
    expected: [4, 4],
  },
  'a replica set that is scaled down': {
    controllers: [replicaSetController],
    start: ({ client }) => client.create(replicaSets, { metadata: { name: 'x', namespace: 'default' }, spec: { replicas: 5, selector, template: template() } }),
    later: { 60: ({ client }) => client.patch(replicaSets, 'x', { spec: { replicas: 2 } }, at) },
    never: async (bench) => ((await live(bench)).length > 5 ? 'more than five pods' : undefined),
    end: async (bench) => [(await live(bench)).length, (await bench.client.get(replicaSets, 'x', at)).status?.readyReplicas],
    expected: [2, 2],
  },
  'a deployment that rolls out a new image': {
    controllers: [deploymentController, replicaSetController],
    start: ({ client }) => client.create(deployments, { metadata: { name: 'x', namespace: 'default' }, spec: { replicas: 4, selector, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } }, template: template() } }),
    later: { 60: ({ client }) => client.patch(deployments, 'x', { spec: { template: template('i:2') } }, { ...at, type: 'strategic' }) },
    never: async (bench) => ((await live(bench)).length > 5 ? 'more pods than the surge allows' : undefined),
    end: async (bench) => {
      const { status } = await bench.client.get(deployments, 'x', at);
      const sets = (await bench.client.list(replicaSets, at)).items;
      return [(await live(bench)).map((p) => p.spec?.containers[0].image), sets.map((rs) => rs.spec?.replicas).sort(), status?.updatedReplicas, status?.availableReplicas, status?.conditions?.find((c) => c.type === 'Progressing')?.reason, status?.collisionCount];
    },
    expected: [['i:2', 'i:2', 'i:2', 'i:2'], [0, 4], 4, 4, 'NewReplicaSetAvailable', undefined],
  },
  'a stateful set that is updated': {
    controllers: [statefulSetController],
    start: ({ client }) => client.create(statefulSets, { metadata: { name: 'x', namespace: 'default' }, spec: { replicas: 3, serviceName: 'x', selector, template: template() } }),
    later: { 120: ({ client }) => client.patch(statefulSets, 'x', { spec: { template: template('i:2') } }, { ...at, type: 'strategic' }) },
    async never(bench) {
      const list = await allPods(bench);
      if (list.filter((p) => p.metadata.deletionTimestamp).length > 1) return 'two pods going at a time';
      const images = new Map(list.map((p) => [p.metadata.name, p.spec?.containers[0].image]));
      if (images.get('x-0') === 'i:2' && images.get('x-2') === 'i:1') return 'updated out of order';
      return images.has('x-2') && !images.has('x-0') && images.get('x-2') === 'i:1' ? 'created out of order' : undefined;
    },
    end: async (bench) => {
      const { status } = await bench.client.get(statefulSets, 'x', at);
      return [(await live(bench)).map((p) => `${p.metadata.name} ${p.spec?.containers[0].image}`).sort(), status?.readyReplicas, status?.currentRevision === status?.updateRevision];
    },
    expected: [['x-0 i:2', 'x-1 i:2', 'x-2 i:2'], 3, true],
  },
  'a daemon set that is updated': {
    controllers: [daemonSetController],
    async start({ client }) {
      for (const name of ['a', 'b', 'c']) await client.create(nodes, { metadata: { name }, status: { conditions: [{ type: 'Ready', status: 'True' }] } });
      await client.create(daemonSets, { metadata: { name: 'x', namespace: 'default' }, spec: { selector, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } }, template: template() } });
    },
    later: { 60: ({ client }) => client.patch(daemonSets, 'x', { spec: { template: template('i:2') } }, { ...at, type: 'strategic' }) },
    never: async (bench) => ((await live(bench)).length > 3 ? 'two pods on a node' : undefined),
    end: async (bench) => [(await live(bench)).map((p) => p.spec?.containers[0].image), (await bench.client.get(daemonSets, 'x', at)).status?.numberAvailable],
    expected: [['i:2', 'i:2', 'i:2'], 3],
  },
  'a job': {
    controllers: [jobController],
    pods: 'succeed',
    countsRuns: true,
    start: ({ client }) => client.create(jobs, { metadata: { name: 'x', namespace: 'default' }, spec: { completions: 5, parallelism: 2, backoffLimit: 2, template: { spec: { ...template().spec, restartPolicy: 'Never' } } } }),
    never: async (bench) => ((await allPods(bench)).length > 5 ? 'more pods than completions' : undefined),
    end: async (bench) => {
      const { status } = await bench.client.get(jobs, 'x', at);
      return [status?.succeeded, status?.failed, status?.conditions?.map((c) => c.type), (await allPods(bench)).filter((p) => p.metadata.finalizers?.length).length];
    },
    expected: [5, undefined, ['SuccessCriteriaMet', 'Complete'], 0],
  },
  'an indexed job': {
    controllers: [jobController],
    pods: 'succeed',
    start: ({ client }) => client.create(jobs, { metadata: { name: 'x', namespace: 'default' }, spec: { completions: 4, parallelism: 3, completionMode: 'Indexed', backoffLimit: 2, template: { spec: { ...template().spec, restartPolicy: 'Never' } } } }),
    end: async (bench) => {
      const { status } = await bench.client.get(jobs, 'x', at);
      return [status?.succeeded, status?.completedIndexes, status?.conditions?.at(-1)?.type, (await allPods(bench)).filter((p) => p.metadata.finalizers?.length).length];
    },
    expected: [4, '0-3', 'Complete', 0],
  },
  'a cron job': {
    controllers: [cronJobController],
    start: ({ client }) => client.create(cronJobs, { metadata: { name: 'x', namespace: 'default' }, spec: { schedule: '* * * * *', jobTemplate: { spec: { template: { spec: { ...template().spec, restartPolicy: 'Never' } } } } } }),
    later: { 10: (bench) => minutes(bench, 2) },
    end: async (bench) => [(await bench.client.list(jobs, at)).items.length, (await bench.client.get(cronJobs, 'x', at)).status?.active?.length],
    expected: [2, 2],
  },
  'a disruption budget': {
    controllers: [replicaSetController, disruptionController],
    async start({ client }) {
      await client.create(replicaSets, { metadata: { name: 'x', namespace: 'default' }, spec: { replicas: 4, selector, template: template() } });
      await client.create(podDisruptionBudgets, { metadata: { name: 'x', namespace: 'default' }, spec: { minAvailable: '50%', selector } });
    },
    end: async (bench) => {
      const { status } = await bench.client.get(podDisruptionBudgets, 'x', at);
      return [status?.expectedPods, status?.currentHealthy, status?.desiredHealthy, status?.disruptionsAllowed];
    },
    expected: [4, 4, 2, 2],
  },
};

async function minutes({ clock }: Bench, count: number): Promise<void> {
  for (let i = 0; i < count * 120; i++) await clock.advanceAsync(500);
}

let bench: ControllerBench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

/** Steps of 100 ms until the end is reached and stays. @throws where a promise is broken */
async function livesOn(scenario: Scenario, options: { restartEvery?: number; unsure?: boolean } = {}): Promise<unknown> {
  const { restartEvery, unsure } = options;
  const steps = 900;
  const last = Math.max(0, ...Object.keys(scenario.later ?? {}).map(Number));
  let reached: unknown;
  let stays = 0;
  await scenario.start(bench!);
  for (let step = 1; step <= steps && stays < 20; step++) {
    for (let i = 0; i < 5; i++) await bench!.clock.advanceAsync(20);
    await pretendKubelet(bench!, scenario.pods ?? 'run');
    await scenario.later?.[step]?.(bench!);
    const broken = unsure ? undefined : await scenario.never?.(bench!);
    if (broken) throw new Error(`after ${step * 100} ms: ${broken}`);
    if (restartEvery && step % restartEvery === 0) await bench!.restart();
    if (step <= last) continue;
    reached = await scenario.end(bench!);
    stays = JSON.stringify(reached) === JSON.stringify(scenario.expected) ? stays + 1 : 0;
  }
  return reached;
}

describe.each(Object.entries(scenarios))('%s', (_, scenario) => {
  test('without trouble', async () => {
    bench = await runOnBench(scenario.controllers);
    expect(await livesOn(scenario)).toEqual(scenario.expected);
  });

  test.each(Object.entries(troubles))('with %s', async (name, trouble) => {
    // Who does not know whether a pod was made may make one too many, and takes it back.
    const unsure = name === 'answers that are lost';
    bench = await runOnBench(scenario.controllers, { trouble });
    const reached = await livesOn(scenario, { unsure });
    if (!(unsure && scenario.countsRuns)) expect(reached).toEqual(scenario.expected);
  }, 30_000);

  test('restarted every 700 ms', async () => {
    bench = await runOnBench(scenario.controllers);
    expect(await livesOn(scenario, { restartEvery: 7 })).toEqual(scenario.expected);
  }, 30_000);
});

test.each(['deployments', 'statefulsets', 'jobs'] as const)('%s that are deleted while their controllers work leave nothing', async (kind) => {
  const controllers = [deploymentController, replicaSetController, statefulSetController, jobController, garbageCollectorController];
  bench = await runOnBench(controllers, { trouble: troubles['stale caches'] });
  const { client } = bench;
  const metadata = { name: 'x', namespace: 'default' };
  const type = { deployments, statefulsets: statefulSets, jobs }[kind];
  const spec = { deployments: { replicas: 8, selector, template: template() }, statefulsets: { replicas: 8, serviceName: 'x', podManagementPolicy: 'Parallel', selector, template: template() }, jobs: { completions: 8, parallelism: 8, template: { spec: { ...template().spec, restartPolicy: 'Never' } } } }[kind];
  await client.create<any>(type, { metadata, spec });
  await bench.until(async () => (await allPods(bench!)).length > 0);
  await client.delete(type as typeof deployments, 'x', { ...at, propagationPolicy: 'Background' });
  await bench.until(async () => {
    await pretendKubelet(bench!, 'run');
    return !(await allPods(bench!)).length && !(await client.list(replicaSets, at)).items.length && !(await client.list(type as typeof deployments, at)).items.length;
  }, 60_000);
}, 30_000);
