import type { Pod, ResourceQuota } from '@pilothouse/api-schemas/types/core/v1';
import { configMaps, persistentVolumeClaims, pods, resourceQuotas, services } from '@pilothouse/apimachinery';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, describe, expect, test } from 'vitest';
import { resourceQuotaController } from './controller.ts';
import { nextStatus, usedOf } from './plan.ts';

let bench: ControllerBench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

const quota = (hard: Record<string, string>, more: object = {}): ResourceQuota => ({ metadata: { name: 'q', namespace: 'default' }, spec: { hard, ...more } });
const pod = (name: string, requests: Record<string, string>, status: Pod['status'] = {}): Pod => ({ metadata: { name, namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'i', ...(Object.keys(requests).length && { resources: { requests } }) }] }, status });

describe('what is used of a quota', () => {
  test.each([
    ['pods that run, and none that ended', quota({ pods: '5', 'requests.cpu': '2', memory: '1Gi' }), pods, [pod('a', { cpu: '250m', memory: '64Mi' }), pod('b', { cpu: '1' }), pod('c', { cpu: '1' }, { phase: 'Succeeded' })], { pods: '2', 'requests.cpu': '1250m', memory: '64Mi' }],
    ['all pods there are under count/pods', quota({ 'count/pods': '5' }), pods, [pod('a', {}), pod('c', {}, { phase: 'Failed' })], { 'count/pods': '2' }],
    ['only pods in scope', quota({ pods: '5' }, { scopes: ['BestEffort'] }), pods, [pod('a', { cpu: '1' }), pod('b', {})], { pods: '1' }],
    ['services by type', quota({ services: '5', 'services.nodeports': '5', 'services.loadbalancers': '1' }), services, [{ metadata: { name: 's' }, spec: { type: 'LoadBalancer', ports: [{}, {}] } }], { services: '1', 'services.nodeports': '2', 'services.loadbalancers': '1' }],
    ['claims in all and by class', quota({ 'requests.storage': '9Gi', 'fast.storageclass.storage.k8s.io/persistentvolumeclaims': '3' }), persistentVolumeClaims, [{ metadata: { name: 'c' }, spec: { storageClassName: 'fast', resources: { requests: { storage: '2Gi' } } } }], { 'requests.storage': '2Gi', 'fast.storageclass.storage.k8s.io/persistentvolumeclaims': '1' }],
    ['nothing where there is nothing', quota({ configmaps: '2' }), configMaps, [], { configmaps: '0' }],
  ] as const)('counts %s', (_, q, type, objects, used) => {
    expect(usedOf(q, type as typeof pods, objects as readonly Pod[], 0)).toEqual(used);
  });

  test('what could not be counted stays as it was, and what is limited no more is dropped', () => {
    const old = { ...quota({ pods: '5', 'count/widgets.example.com': '3' }), status: { hard: { pods: '4' }, used: { pods: '1', secrets: '7', 'count/widgets.example.com': '2' } } };
    expect(nextStatus(old, { pods: '2' })).toEqual({ hard: old.spec!.hard, used: { pods: '2', 'count/widgets.example.com': '2' } });
    expect(nextStatus({ ...old, status: { hard: { pods: '5000m', 'count/widgets.example.com': '3' }, used: { pods: '2', 'count/widgets.example.com': '2' } } }, { pods: '2' })).toBeUndefined();
  });

  test('a quota shows what is there, follows deletions, and is right after a restart', async () => {
    bench = await runOnBench([resourceQuotaController]);
    const { client } = bench;
    for (const name of ['a', 'b']) await client.create(configMaps, { metadata: { name, namespace: 'default' } });
    await client.create(pods, pod('p', { cpu: '100m' }));
    await client.create(resourceQuotas, quota({ configmaps: '10', pods: '3', 'requests.cpu': '1' }));
    const used = async () => (await client.get(resourceQuotas, 'q', { namespace: 'default' })).status?.used as Record<string, string> | undefined;
    await bench.until(async () => (await used())?.pods === '1');
    expect(await used()).toEqual({ configmaps: '2', pods: '1', 'requests.cpu': '100m' });
    await client.delete(configMaps, 'a', { namespace: 'default' });
    await client.delete(pods, 'p', { namespace: 'default', gracePeriodSeconds: 0 });
    await bench.until(async () => (await used())?.pods === '0' && (await used())?.configmaps === '1');
    await client.create(pods, pod('late', { cpu: '1' }));
    await bench.restart();
    await bench.until(async () => (await used())?.['requests.cpu'] === '1');
  });
});
