import { formatTime } from '@pilothouse/base';
import type { HorizontalPodAutoscaler, MetricSpec } from '@pilothouse/api-schemas/types/autoscaling/v2';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { deployments, events, horizontalPodAutoscalers, pods } from '@pilothouse/apimachinery';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, describe, expect, test } from 'vitest';
import { type History, normalize, normalizeWithBehavior } from './behavior.ts';
import { horizontalPodAutoscalerController } from './controller.ts';
import type { PodMetrics } from './metrics.ts';
import { averageReplicas, perPodReplicas, resourceReplicas, type Situation, totalReplicas } from './replicas.ts';

let bench: ControllerBench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

const hourMs = 3_600_000;
type Kind = 'ready' | 'pending' | 'failed' | 'starting';
const pod = (name: string, kind: Kind = 'ready', request: string | undefined = '1'): Pod => ({
  metadata: { name, namespace: 'default', labels: { app: 'web' } },
  spec: { containers: [{ name: 'c', image: 'i', ...(request && { resources: { requests: { cpu: request } } }) }] },
  status: {
    phase: kind === 'pending' ? 'Pending' : kind === 'failed' ? 'Failed' : 'Running',
    startTime: formatTime(kind === 'starting' ? 2 * hourMs - 60_000 : 0),
    conditions: [{ type: 'Ready', status: kind === 'ready' ? 'True' : 'False', lastTransitionTime: formatTime(1000) }],
  },
});
const situation = (list: Pod[], current = list.length): Situation => ({ current, pods: list, nowMs: 2 * hourMs, initializationMs: 300_000, initialReadinessMs: 30_000, tolerances: { scaleDown: 0.1, scaleUp: 0.1 } });
const metrics = (values: Record<string, number>): PodMetrics => new Map(Object.entries(values).map(([name, value]) => [name, { value, timestampMs: 2 * hourMs, windowMs: 60_000 }]));

describe('replicas by processor use, with a target of 50 %', () => {
  test.each([
    ['grow with use', [pod('a'), pod('b')], { a: 800, b: 800 }, 4, 80],
    ['stay when nearly right', [pod('a'), pod('b')], { a: 540, b: 540 }, 2, 54],
    ['shrink with use', [pod('a'), pod('b'), pod('c'), pod('d')], { a: 100, b: 100, c: 100, d: 100 }, 1, 10],
    ['count pods that still start as idle when growing', [pod('a'), pod('b', 'pending')], { a: 1000 }, 2, 100],
    ['leave out pods that still start when shrinking', [pod('a'), pod('b'), pod('c', 'starting')], { a: 200, b: 200, c: 900 }, 1, 20],
    ['take pods without measurement for busy when shrinking', [pod('a'), pod('b')], { a: 100 }, 2, 10],
    ['take pods without measurement for idle when growing', [pod('a'), pod('b')], { a: 2000 }, 4, 200],
    ['forget failed pods', [pod('a'), pod('b', 'failed')], { a: 500 }, 2, 50],
  ])('%s', (_, list, values, replicas, percent) => {
    expect(resourceReplicas(situation(list), metrics(values), 'cpu', 50)).toMatchObject({ replicas, percent });
  });

  test.each([
    ['a request', [pod('a', 'ready', '')], { a: 1 }, 'missing request for cpu in container c of Pod a'],
    ['any measurement', [pod('a')], {}, 'did not receive metrics for targeted pods (pods might be unready)'],
    ['pods', [], { a: 1 }, 'no pods returned by selector while calculating replica count'],
  ])('need %s', (_, list, values, message) => {
    expect(() => resourceReplicas(situation(list), metrics(values as Record<string, number>), 'cpu', 50)).toThrow(message);
  });
});

test('replicas by average amounts, by one amount for all, and by one amount divided', () => {
  expect(averageReplicas(situation([pod('a'), pod('b')]), metrics({ a: 30_000, b: 20_000 }), 10_000)).toEqual({ replicas: 5, average: 25_000 });
  expect(totalReplicas(situation([pod('a'), pod('b')]), 30_000, 10_000)).toBe(6);
  expect(totalReplicas({ ...situation([]), current: 0 }, 25_000, 10_000)).toBe(3);
  expect(perPodReplicas(2, 75_000, 10_000, { scaleDown: 0.1, scaleUp: 0.1 })).toEqual({ replicas: 8, average: 37_500 });
});

describe('how fast a count may change', () => {
  const history = (recommendations: [replicas: number, agoSeconds: number][] = []): History => ({ recommendations: recommendations.map(([replicas, ago]) => ({ replicas, atMs: hourMs - ago * 1000 })), ups: [], downs: [] });
  const bounds = (current: number, desired: number) => ({ current, desired, min: 2, max: 20, nowMs: hourMs });
  test.each([
    ['at most doubled', history(), 5, 15, 10, 'ReadyForNewScale', 'ScaleUpLimit'],
    ['up to four at once', history(), 2, 9, 4, 'ReadyForNewScale', 'ScaleUpLimit'],
    ['no more than the maximum', history(), 15, 30, 20, 'ReadyForNewScale', 'TooManyReplicas'],
    ['no less than the minimum', history(), 5, 1, 2, 'ReadyForNewScale', 'TooFewReplicas'],
    ['held up by a recent recommendation', history([[6, 100]]), 8, 3, 6, 'ScaleDownStabilized', 'DesiredWithinRange'],
    ['not by an old one', history([[6, 400]]), 8, 3, 3, 'ReadyForNewScale', 'DesiredWithinRange'],
  ])('without rules: %s', (_, past, current, desired, replicas, stabilized, limited) => {
    expect(normalize(past, bounds(current, desired), 300_000)).toMatchObject({ replicas, stabilized: { reason: stabilized }, limited: { reason: limited } });
    expect(past.recommendations.at(-1)).toEqual({ replicas: desired, atMs: hourMs });
  });

  const up = { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [{ type: 'Pods', value: 4, periodSeconds: 60 }, { type: 'Percent', value: 100, periodSeconds: 60 }] };
  const down = { stabilizationWindowSeconds: 60, selectPolicy: 'Min', policies: [{ type: 'Pods', value: 3, periodSeconds: 60 }, { type: 'Percent', value: 10, periodSeconds: 60 }] };
  const grown = (by: number): History => ({ ...history(), ups: [{ replicas: by, atMs: hourMs - 30_000 }] });
  test.each([
    ['by the policy of most change', history(), up, down, 6, 19, 12, 'ScaleUpLimit'],
    ['what was added in the period counts', grown(4), up, down, 6, 19, 6, 'ScaleUpLimit'],
    ['by the policy of least change', history(), up, down, 20, 2, 18, 'ScaleDownLimit'],
    ['not at all', history(), up, { ...down, selectPolicy: 'Disabled' }, 9, 3, 9, 'ScaleDownLimit'],
    ['within the window only as far as the highest', history([[19, 30]]), up, down, 20, 2, 19, 'DesiredWithinRange'],
  ])('with rules: %s', (_, past, scaleUp, scaleDown, current, desired, replicas, limited) => {
    expect(normalizeWithBehavior(past, { scaleUp, scaleDown }, bounds(current, desired), 300_000)).toMatchObject({ replicas, limited: { reason: limited } });
  });
});

describe('the controller', () => {
  const autoscaler = (name: string, target: string, spec: object = {}): HorizontalPodAutoscaler => ({ metadata: { name, namespace: 'default' }, spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: target }, ...spec } });
  const deployment = (replicas: number) => ({ metadata: { name: 'web', namespace: 'default' }, spec: { replicas, selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } } });
  const cpu: MetricSpec[] = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } }];
  const status = async (name: string) => (await bench!.client.get(horizontalPodAutoscalers, name, { namespace: 'default' })).status;
  const conditions = async (name: string) => (await status(name))?.conditions?.map((c) => [c.type, c.status, c.reason, c.message]);

  test('keeps to the bounds, and says what is wrong', async () => {
    bench = await runOnBench([horizontalPodAutoscalerController]);
    const { client } = bench;
    await client.create(deployments, deployment(5));
    await client.create(horizontalPodAutoscalers, autoscaler('h', 'web'));
    await client.create(horizontalPodAutoscalers, autoscaler('miss', 'absent'));
    await bench.advance(16_000);
    expect((await client.get(deployments, 'web', { namespace: 'default' })).spec?.replicas).toBe(3);
    expect(await status('h')).toMatchObject({ currentReplicas: 5, desiredReplicas: 3, lastScaleTime: expect.any(String) });
    expect(await conditions('miss')).toEqual([['AbleToScale', 'False', 'FailedGetScale', `the HPA controller was unable to get the target's current scale: deployments.apps "absent" not found`]]);
    await bench.advance(15_000);
    const unmeasured = 'failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)';
    expect(await conditions('h')).toEqual([
      ['AbleToScale', 'True', 'SucceededGetScale', "the HPA controller was able to get the target's current scale"],
      ['ScalingActive', 'False', 'FailedGetResourceMetric', `the HPA was unable to compute the replica count: ${unmeasured}`],
    ]);
    await bench.advance(1000);
    const told = (await client.list(events, { namespace: 'default' })).items.map((e) => [e.involvedObject.name, e.reason, e.message]);
    expect(told).toContainEqual(['h', 'SuccessfulRescale', 'New size: 3; reason: Current number of replicas above Spec.MaxReplicas']);
    expect(told).toContainEqual(['h', 'FailedComputeMetricsReplicas', `invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: ${unmeasured}`]);
  });

  test('scales by what is measured', async () => {
    const measured = { items: ['a', 'b'].map((name) => ({ metadata: { name }, timestamp: formatTime(2 * hourMs), window: '30s', containers: [{ name: 'c', usage: { cpu: '700m' } }] })) };
    const nonResourceRoutes = [{ path: '/apis/metrics.k8s.io', handle: () => ({ status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(measured)) }) }];
    bench = await runOnBench([horizontalPodAutoscalerController], { server: { nonResourceRoutes } });
    const { client } = bench;
    for (const { status, ...rest } of [pod('a'), pod('b')]) {
      await client.create(pods, rest);
      await client.patch(pods, rest.metadata.name!, { status }, { namespace: 'default', subresource: 'status' });
    }
    await client.create(deployments, deployment(2));
    await client.create(horizontalPodAutoscalers, autoscaler('h', 'web', { metrics: cpu, maxReplicas: 10 }));
    await bench.advance(16_000);
    expect((await client.get(deployments, 'web', { namespace: 'default' })).spec?.replicas).toBe(3);
    expect((await status('h'))?.currentMetrics).toEqual([{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 70, averageValue: '700m' } } }]);
    expect((await conditions('h'))?.map(([, value, reason]) => [value, reason])).toEqual([['True', 'SucceededRescale'], ['True', 'ValidMetricFound'], ['False', 'DesiredWithinRange']]);
  });
});
