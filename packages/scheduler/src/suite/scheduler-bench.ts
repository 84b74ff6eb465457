/** A scheduler over an API server in memory and a clock that is moved by hand. For tests. */
import { type FakeClock, fakeClock } from '@pilothouse/base';
import type { Event, Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { events, nodes, pods } from '@pilothouse/apimachinery';
import { type Client, createInformerFactory, type InformerFactory } from '@pilothouse/client';
import type { PluginFactory } from '@pilothouse/scheduler-framework';
import { type InProcessApi, startApi } from '@pilothouse/testing/in-process-cluster';
import type { PostJson } from '../extenders/post.ts';
import type { SchedulerMetrics } from '../metrics.ts';
import { type RunningScheduler, type SchedulerOptions, startScheduler } from '../start.ts';

const closers: (() => Promise<unknown>)[] = [];

/** Ends what the test began; for `afterEach`. */
export async function closeBenches(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
}

export interface Bench {
  api: InProcessApi;
  clock: FakeClock;
  client: Client;
  scheduler: RunningScheduler;
  advance(ms?: number): Promise<void>;
  until<T>(what: () => Promise<T | undefined | false>): Promise<T>;
  restart(): Promise<void>;
  /** A second scheduler beside the first, which knows nothing of it. */
  another(wrap?: (client: Client) => Client): Promise<RunningScheduler>;
}

export interface BenchOptions {
  observe?: SchedulerOptions['observe'];
  config?: unknown;
  nodes?: Node[];
  /** Stands between the scheduler and the API server. */
  wrap?: (client: Client) => Client;
  postJson?: PostJson;
  plugins?: readonly PluginFactory[];
  metrics?: SchedulerMetrics;
}

export async function bench(options: BenchOptions = {}): Promise<Bench> {
  const clock = fakeClock();
  const api = await startApi({ clock });
  closers.push(() => api.close());
  const client = api.client();
  for (const node of options.nodes ?? [node_('node-1')]) {
    await client.create(nodes, node);
    await client.updateStatus(nodes, { ...(await client.get(nodes, node.metadata.name!)), status: node.status });
  }
  let factory: InformerFactory;
  const advance = async (ms = 100) => clock.advanceAsync(ms);
  const pumped = async <T>(promise: Promise<T>): Promise<T> => {
    let done = false;
    const settled = promise.finally(() => (done = true));
    settled.catch(() => {});
    for (let i = 0; i < 200 && !done; i++) await advance(10);
    return settled;
  };
  const start = async (wrap = options.wrap) => {
    const bare = api.client('system:kube-scheduler');
    const own = wrap?.(bare) ?? bare;
    factory = createInformerFactory(own, api.runtime);
    return pumped(startScheduler({ client: own, informers: factory, runtime: api.runtime, config: options.config, postJson: options.postJson, plugins: options.plugins, observe: options.observe, metrics: options.metrics, hostname: 'test', firstByName: true }));
  };
  const b: Bench = {
    api,
    clock,
    client,
    scheduler: await start(),
    advance,
    async until(what) {
      for (let i = 0; i < 300; i++) {
        const got = await what();
        if (got) return got;
        await advance();
      }
      throw new Error('it did not happen within 30 s');
    },
    async another(wrap) {
      const first = factory;
      const second = await start(wrap ?? ((client) => client));
      const its = factory;
      factory = first;
      closers.push(async () => {
        await pumped(second.close());
        await pumped(its.close());
      });
      return second;
    },
    async restart() {
      await pumped(b.scheduler.close());
      await pumped(factory.close());
      b.scheduler = await start();
    },
  };
  closers.push(async () => {
    await pumped(b.scheduler.close());
    await pumped(factory.close());
  });
  return b;
}

export const node_ = (name: string, cpu = '2', more: Partial<Node['spec']> = {}): Node => ({
  metadata: { name, labels: { 'kubernetes.io/hostname': name } },
  spec: more,
  status: { allocatable: { cpu, memory: '4Gi', pods: '10' }, capacity: { cpu, memory: '4Gi', pods: '10' }, conditions: [{ type: 'Ready', status: 'True' }] },
});

export const pod_ = (name: string, cpu = '1', more: Partial<NonNullable<Pod['spec']>> = {}): Pod => ({
  metadata: { name, namespace: 'default' },
  spec: { containers: [{ name: 'c', image: 'app', resources: { requests: { cpu } } }], ...more },
});

export const get = (b: Bench, name: string) => b.client.get(pods, name, { namespace: 'default' });
export const bound = (b: Bench, name: string) => b.until(async () => ((await get(b, name)).spec?.nodeName ? get(b, name) : undefined));
export const condition = (b: Bench, name: string) => b.until(async () => (await get(b, name)).status?.conditions?.find((c) => c.type === 'PodScheduled' && c.status === 'False'));
export const eventsOf = async (b: Bench, name: string): Promise<Event[]> => (await b.client.list(events, { namespace: 'default' })).items.filter((e) => e.involvedObject.name === name);
