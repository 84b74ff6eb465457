/** What goes wrong around a scheduler: it dies, another acts beside it, nodes and pods go, plugins and extenders fail. */
import { nodes, pods } from '@pilothouse/apimachinery';
import type { Client } from '@pilothouse/client';
import { defaultPlugins, guarded, type PluginFactory } from '@pilothouse/scheduler-framework';
import { afterEach, describe, expect, test } from 'vitest';
import { bench, bound, closeBenches, condition, get, node_, pod_ } from './suite/scheduler-bench.ts';

const graves: (() => void)[] = [];
afterEach(async () => {
  for (const bury of graves.splice(0)) bury();
  await closeBenches();
});

/** A client whose bindings go through `bind`. */
const binding = (client: Client, bind: (send: () => Promise<never>) => Promise<never>): Client => ({
  ...client,
  createSubresource: (type, name, subresource, body, options) => (subresource === 'binding' ? bind(() => client.createSubresource(type, name, subresource, body, options) as Promise<never>) : client.createSubresource(type, name, subresource, body, options)),
});
/** What a dead process waits for; settles when the test is over. */
const never = () => new Promise<never>((_, reject) => graves.push(() => reject(new Error('it is dead'))));

/** How often each pod was given a node, by the bindings the server accepted. */
function countingBindings() {
  const accepted: string[] = [];
  const refused: string[] = [];
  const wrap = (client: Client): Client => ({
    ...client,
    async createSubresource(type, name, subresource, body, options) {
      try {
        const answer = await client.createSubresource(type, name, subresource, body, options);
        accepted.push(name);
        return answer as never;
      } catch (error) {
        refused.push(name);
        throw error;
      }
    },
  });
  return { accepted, refused, wrap };
}

describe('a scheduler that dies', () => {
  test('between assuming and binding loses nothing: the next one binds the pod', async () => {
    let dead = true;
    const b = await bench({ wrap: (client) => binding(client, (send) => (dead ? never() : send())) });
    await b.client.create(pods, pod_('web'));
    await b.advance(2000);
    expect((await get(b, 'web')).spec?.nodeName).toBeUndefined();
    dead = false;
    await b.another();
    expect((await bound(b, 'web')).spec?.nodeName).toBe('node-1');
  });

  test('after its binding was accepted, but before it heard of it, binds nothing twice', async () => {
    const counted = countingBindings();
    const b = await bench({ nodes: [node_('node-1'), node_('node-2')], wrap: (client) => binding(counted.wrap(client), (send) => send().then(never)) });
    await b.client.create(pods, pod_('web'));
    await bound(b, 'web');
    await b.another(counted.wrap);
    await b.advance(5000);
    expect(counted.accepted).toEqual(['web']);
    await b.client.create(pods, pod_('next'));
    expect((await bound(b, 'next')).spec?.nodeName).toBe('node-2');
  });
});

describe('two schedulers', () => {
  test('that race for the same pods bind each once, and what one loses is no more its business', async () => {
    const counted = countingBindings();
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const wrap = (client: Client) => binding(counted.wrap(client), (send) => held.then(send));
    const b = await bench({ nodes: [node_('node-1', '20'), node_('node-2', '20')], wrap });
    const other = await b.another(wrap);
    const names = Array.from({ length: 16 }, (_, i) => `p${i}`);
    for (const name of names) await b.client.create(pods, pod_(name, '100m'));
    await b.until(async () => b.scheduler.cache.sizes.assumed + other.cache.sizes.assumed === 2 * names.length);
    release();
    for (const name of names) await bound(b, name);
    await b.advance(20_000);
    expect([...counted.accepted].sort()).toEqual([...names].sort());
    expect([...counted.refused].sort()).toEqual([...names].sort());
    expect(b.scheduler.queue.sizes).toEqual({ active: 0, backoff: 0, unschedulable: 0, gated: 0, inFlight: 0 });
    expect(b.scheduler.cache.sizes).toMatchObject({ pods: 16, assumed: 0 });
  });
});

describe('a cluster that changes under a cycle', () => {
  test('a node that goes while a pod is being bound to it leaves nothing behind once the pod has gone', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const b = await bench({ nodes: [node_('node-1'), node_('node-2')], wrap: (client) => binding(client, (send) => held.then(send)) });
    await b.client.create(pods, pod_('web'));
    await b.until(async () => b.scheduler.cache.isAssumed((await get(b, 'web')).metadata.uid!));
    await b.client.delete(nodes, 'node-1');
    await b.advance();
    release();
    expect((await bound(b, 'web')).spec?.nodeName).toBe('node-1');
    await b.client.delete(pods, 'web', { namespace: 'default', gracePeriodSeconds: 0 });
    await b.advance();
    expect(b.scheduler.cache.sizes).toEqual({ nodes: 1, pods: 0, assumed: 0 });
    await b.client.create(pods, pod_('next'));
    expect((await bound(b, 'next')).spec?.nodeName).toBe('node-2');
  });

  test('a pod that is deleted while it is being bound gives its room back', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const b = await bench({ wrap: (client) => binding(client, (send) => held.then(send)) });
    await b.client.create(pods, pod_('first', '2'));
    await b.until(async () => b.scheduler.cache.isAssumed((await get(b, 'first')).metadata.uid!));
    await b.client.delete(pods, 'first', { namespace: 'default', gracePeriodSeconds: 0 });
    release();
    await b.client.create(pods, pod_('second', '2'));
    expect((await bound(b, 'second')).spec?.nodeName).toBe('node-1');
  });
});

describe('a plugin that throws', () => {
  const points = ['preEnqueue', 'preFilter', 'filter', 'preScore', 'score', 'normalize', 'reserve', 'permit', 'preBind', 'bind'] as const;
  const thrower = (point: string): PluginFactory => ({
    name: 'Bad',
    create: () => {
      const quiet: Record<string, (...args: any[]) => any> = { preFilter: () => ({ state: undefined }), filter: () => undefined, preScore: () => ({ state: undefined }), score: () => 0, bind: async () => ({ code: 'Skip', reasons: [] }) };
      const boom = (...args: any[]) => {
        const info = args.find((a) => a?.pod?.metadata);
        if (point === 'normalize' ? failing : info?.pod.metadata.labels?.bad) throw new Error('boom');
        return quiet[point]?.(...args);
      };
      let failing = false;
      const watch = { preScore: (info: any) => ((failing = Boolean(info.pod.metadata.labels?.bad)), { state: undefined }) };
      return guarded('Bad', { ...(point === 'normalize' && { ...watch, score: () => 0 }), [point]: boom, ...(point === 'preScore' && { score: () => 0 }) } as never, () => {});
    },
  });

  test.each(points)('in %s fails its pod with one message, and no other', async (point) => {
    const b = await bench({
      nodes: [node_('node-1'), node_('node-2')], plugins: [...defaultPlugins, thrower(point)],
      config: { profiles: [{ plugins: { multiPoint: { enabled: [{ name: 'Bad' }] }, bind: { enabled: [{ name: 'Bad' }, { name: 'DefaultBinder' }].slice(point === 'bind' ? 0 : 1), disabled: [{ name: '*' }] } } }] },
    });
    await b.client.create(pods, { ...pod_('bad'), metadata: { name: 'bad', namespace: 'default', labels: { bad: 'yes' } } });
    await b.client.create(pods, pod_('good'));
    expect((await bound(b, 'good')).spec?.nodeName).toBeDefined();
    if (point !== 'preEnqueue') expect(await condition(b, 'bad')).toMatchObject({ reason: 'SchedulerError', message: expect.stringContaining('boom') });
    await b.client.create(pods, pod_('also-good'));
    expect((await bound(b, 'also-good')).spec?.nodeName).toBeDefined();
    expect((await get(b, 'bad')).spec?.nodeName).toBeUndefined();
    expect(b.scheduler.cache.sizes.assumed).toBe(0);
  });
});

describe('an extender', () => {
  const extenders = (more: object) => ({ extenders: [{ urlPrefix: 'http://extender', filterVerb: 'filter', nodeCacheCapable: true, httpTimeout: '1s', ...more }] });

  test('that fails is named, and the pod bound once it works again', async () => {
    let works = false;
    const b = await bench({ config: extenders({}), postJson: async (_url, body: any) => (works ? { NodeNames: body.NodeNames } : { Error: 'out of order' }) });
    await b.client.create(pods, pod_('web'));
    expect(await condition(b, 'web')).toMatchObject({ reason: 'SchedulerError', message: 'out of order' });
    works = true;
    expect((await bound(b, 'web')).spec?.nodeName).toBe('node-1');
  });

  test('that may be ignored is, however it fails: at once or by not answering', async () => {
    let calls = 0;
    const b = await bench({ config: extenders({ ignorable: true }), postJson: (_url, _body, signal) => (calls++ ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))) : Promise.reject(new Error('connection refused'))) });
    for (const name of ['one', 'two']) {
      await b.client.create(pods, pod_(name));
      expect((await bound(b, name)).spec?.nodeName).toBe('node-1');
    }
    expect(calls).toBe(2);
  });

  test('that does not answer costs its time, no more', async () => {
    const b = await bench({ config: extenders({ managedResources: [{ name: 'example.com/slow' }] }), postJson: (_url, _body, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))) });
    await b.client.create(pods, { ...pod_('slow'), spec: { containers: [{ name: 'c', image: 'app', resources: { requests: { 'example.com/slow': '1' }, limits: { 'example.com/slow': '1' } } }] } });
    await b.client.create(pods, pod_('quick'));
    expect((await bound(b, 'quick')).spec?.nodeName).toBe('node-1');
  });
});
