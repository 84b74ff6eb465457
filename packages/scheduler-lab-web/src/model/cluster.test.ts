import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { describe, expect, test } from 'vitest';
import { memoryText, podRequests } from './amounts.ts';
import { density, nodeViews, searchNodes, sharedPrefix } from './cluster.ts';

const node = (name: string, labels: Record<string, string> = {}): Node => ({ metadata: { name, labels }, spec: { taints: [{ key: 'dedicated', value: 'db', effect: 'NoSchedule' }, { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] }, status: { allocatable: { cpu: '4', memory: '8Gi', pods: '110' }, conditions: [{ type: 'Ready', status: 'True' }] } });
const pod = (name: string, nodeName: string | undefined, requests: Record<string, string>, more: Partial<NonNullable<Pod['spec']>> = {}, status: Pod['status'] = {}): Pod => ({ metadata: { name, namespace: 'a' }, spec: { nodeName, containers: [{ name: 'c', resources: { requests } }], ...more }, status });

describe('nodes as the page shows them', () => {
  test('add up what their pods request; ended pods take nothing', () => {
    const [view] = nodeViews([node('n1')], [pod('p', 'n1', { cpu: '500m', memory: '1Gi' }), pod('q', 'n1', { cpu: '1' }, { priority: 5 }), pod('done', 'n1', { cpu: '1' }, {}, { phase: 'Succeeded' }), pod('waiting', undefined, { cpu: '1' })]);
    expect(view.used).toEqual({ cpuMilli: 1500, memoryBytes: 2 ** 30 });
    expect(view.pods.map((p) => p.name)).toEqual(['q', 'p']);
    expect(view.taints).toEqual(['dedicated=db:NoSchedule']);
  });
  test('are in the order people count', () => {
    expect(nodeViews([node('n10'), node('n9')], []).map((n) => n.name)).toEqual(['n9', 'n10']);
  });
  test('are found by name, label and taint, all words together', () => {
    const views = nodeViews([node('n1', { disk: 'ssd' }), node('n2')], []);
    expect(searchNodes(views, 'ssd').map((n) => n.name)).toEqual(['n1']);
    expect(searchNodes(views, 'dedicated disk=ssd').map((n) => n.name)).toEqual(['n1']);
    expect(searchNodes(views, '')).toHaveLength(2);
  });
  test('shrink as there are more of them', () => {
    expect([6, 60, 1000].map(density)).toEqual(['cards', 'rows', 'tiles']);
    expect(sharedPrefix(['hollow-node-0', 'hollow-node-12'])).toBe('hollow-node-');
    expect(sharedPrefix(['a', 'b'])).toBe('');
  });
});

describe('a pod\'s requests', () => {
  test('are those of its containers and sidecars, or the most that starting needs', () => {
    expect(podRequests(pod('p', undefined, { cpu: '1' }, { initContainers: [{ name: 's', restartPolicy: 'Always', resources: { requests: { cpu: '200m' } } }, { name: 'i', resources: { requests: { cpu: '2' } } }] })).cpuMilli).toBe(2200);
    expect(podRequests(pod('p', undefined, { cpu: '1' }, { overhead: { cpu: '250m' } })).cpuMilli).toBe(1250);
    expect(podRequests(pod('p', undefined, { cpu: '1' }, { resources: { requests: { cpu: '3' } } })).cpuMilli).toBe(3000);
  });
  test('are written short', () => {
    expect([0, 2 ** 20, 1.5 * 2 ** 30].map(memoryText)).toEqual(['0', '1Mi', '1.5Gi']);
  });
});
