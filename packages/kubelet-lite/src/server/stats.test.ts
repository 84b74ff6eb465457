import { fakeClock } from '@pilothouse/base';
import { pods, services } from '@pilothouse/apimachinery';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { startApi } from '@pilothouse/testing/in-process-cluster';
import { expect, test } from 'vitest';
import { startHollowNodes } from '../hollow.ts';
import { containerUse, createUsageMeter, parseAmounts, sharedLoads } from './simulated-usage.ts';
import { resourceMetrics } from './stats.ts';

const pod = (name: string, annotations: Record<string, string> = {}, limits?: Record<string, string>): Pod => ({ metadata: { name, namespace: 'default', uid: name, labels: { app: 'web' }, annotations }, spec: { nodeName: 'hollow-node-0', containers: [{ name: 'c', image: 'i', ...(limits && { resources: { limits } }) }] } });

test.each([
  ['cpu=250m,memory=64Mi', { cpuMilli: 250, memoryBytes: 64 * 2 ** 20 }],
  ['cpu=2', { cpuMilli: 2000 }],
  ['cpu=many, disk=1', {}],
  [undefined, {}],
])('the annotation %j says %j', (text, expected) => {
  expect(parseAmounts(text)).toEqual(expected);
});

test('pods of a service share its load, within their limits', () => {
  const [a, b] = [pod('a'), pod('b', {}, { cpu: '300m' })];
  const loads = sharedLoads([{ metadata: { name: 's', namespace: 'default', annotations: { 'pilothouse.dev/load': 'cpu=1' } }, spec: { selector: { app: 'web' } } }], [a, b]);
  expect(containerUse(a, a.spec!.containers[0], { count: 1, load: loads.get('a') }).cpuMilli).toBe(501);
  expect(containerUse(b, b.spec!.containers[0], { count: 1, load: loads.get('b') }).cpuMilli).toBe(300);
});

test('a meter goes on from where it was when the rate changes, and forgets what is not read', () => {
  let now = 1000;
  const meter = createUsageMeter(() => now);
  expect(meter.read('x', 500, 0)).toBe(5e8);
  now = 2000;
  expect(meter.read('x', 1000, 0)).toBe(1.5e9);
  meter.sweep();
  meter.sweep();
  expect(meter.read('x', 1000, 2000)).toBe(0);
});

test('one server speaks for all hollow nodes', async () => {
  const clock = fakeClock();
  const api = await startApi({ clock });
  const client = api.client();
  const starting = startHollowNodes({ client, runtime: api.runtime, count: 2, server: false });
  let hollow: Awaited<typeof starting> | undefined;
  void starting.then((h) => (hollow = h));
  while (!hollow) await clock.advanceAsync(10);
  for (const name of ['a', 'b']) await client.create(pods, { ...pod(name, { 'pilothouse.dev/usage': 'cpu=100m,memory=64Mi' }), metadata: { ...pod(name, { 'pilothouse.dev/usage': 'cpu=100m,memory=64Mi' }).metadata, uid: undefined } });
  for (let i = 0; i < 40; i++) await clock.advanceAsync(50);
  const simulated = { services: async () => (await client.list(services)).items, meter: createUsageMeter(() => clock.now()) };
  await resourceMetrics(hollow.nodes, simulated);
  await clock.advanceAsync(10_000);
  const lines = (await resourceMetrics(hollow.nodes, simulated)).split('\n').filter((line) => !line.startsWith('#'));
  const of = (start: string) => lines.find((line) => line.startsWith(start))?.split(' ')[1];
  expect(of('container_memory_working_set_bytes{container="c",namespace="default",pod="a"}')).toBe(String(64 * 2 ** 20));
  expect(Number(of('node_cpu_usage_seconds_total{node="hollow-node-0"}'))).toBeGreaterThan(2);
  expect(of('node_memory_working_set_bytes{node="hollow-node-1"}')).toBe('0');
  const closing = hollow.close();
  await clock.advanceAsync(1000);
  await closing;
  await api.close();
}, 20_000);
