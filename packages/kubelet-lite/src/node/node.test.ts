import { describe, expect, test } from 'vitest';
import { fakeClock } from '@pilothouse/base';
import { createHeartbeats } from './heartbeats.ts';
import type { MachineFacts } from './machine.ts';
import { initialNode, nodeConditions, nodeResources } from './node-status.ts';

const facts = { cpus: 2, memoryBytes: 4 * 2 ** 30, storageBytes: 100 * 2 ** 30, storageFreeBytes: 50 * 2 ** 30, hugepages: { '2Mi': 0 }, architecture: 'amd64' } as unknown as MachineFacts;

describe('the Node object', () => {
  test('says what the machine has, and keeps some of it back', () => {
    expect(nodeResources({ facts, maxPods: 110, reserved: { cpu: 100 } })).toEqual({
      capacity: { cpu: '2', 'ephemeral-storage': '100Gi', 'hugepages-2Mi': '0', memory: '4Gi', pods: '110' },
      allocatable: { cpu: '1900m', 'ephemeral-storage': '96636764160', 'hugepages-2Mi': '0', memory: '3996Mi', pods: '110' },
    });
  });
  test('carries the well-known labels and its own', () => {
    const node = initialNode({ name: 'n', facts, runtimeVersion: 'containerd://1', addresses: ['192.0.2.1'], port: 10250, labels: { zone: 'a' }, taints: [], maxPods: 110, reserved: {}, registerSchedulable: true });
    expect(node.metadata.labels).toEqual({ 'beta.kubernetes.io/arch': 'amd64', 'beta.kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64', 'kubernetes.io/hostname': 'n', 'kubernetes.io/os': 'linux', zone: 'a' });
    expect(node.status).toMatchObject({ addresses: [{ type: 'InternalIP', address: '192.0.2.1' }, { type: 'Hostname', address: 'n' }], daemonEndpoints: { kubeletEndpoint: { Port: 10250 } }, nodeInfo: { kubeletVersion: 'v1.36.2', operatingSystem: 'linux' } });
  });
  test.each([
    ['all is well', {}, 'False False False True/KubeletReady'],
    ['memory is short', { load: { memoryAvailableBytes: 1, pidsFree: 1e6 } }, 'True False False True/KubeletReady'],
    ['the disk is full', { diskFreeRatio: 0.05 }, 'False True False True/KubeletReady'],
    ['the runtime does not answer', { runtimeReady: undefined }, 'False False False False/KubeletNotReady'],
    ['the pod network is missing', { networkReady: { ready: false, message: 'cni plugin not initialized' } }, 'False False False False/KubeletNotReady'],
  ])('conditions when %s', (_, more, want) => {
    const conditions = nodeConditions({ nowMs: 0, runtimeReady: true, networkReady: { ready: true, message: '' }, load: { memoryAvailableBytes: 2 ** 31, pidsFree: 1e6 }, diskFreeRatio: 0.5, before: undefined, ...more });
    expect(conditions.map((c) => (c.type === 'Ready' ? `${c.status}/${c.reason}` : c.status)).join(' ')).toBe(want);
  });
});

test('heartbeats of many nodes are spread over one period, each once, by one timer', async () => {
  const clock = fakeClock();
  const beats = new Map<number, number[]>();
  const heartbeats = createHeartbeats({ clock, periodMs: 10_000 });
  for (let i = 0; i < 100; i++) heartbeats.add(async () => void beats.set(i, [...(beats.get(i) ?? []), clock.monotonic()]));
  expect(clock.pending()).toBe(1);
  for (let i = 0; i < 100; i++) await clock.advanceAsync(200);
  const counts = [...beats.values()].map((b) => b.length);
  expect([beats.size, Math.min(...counts) >= 1, Math.max(...counts) <= 3]).toEqual([100, true, true]);
  expect(new Set([...beats.values()].map((b) => b[0])).size).toBeGreaterThan(30);
  heartbeats.close();
  expect(clock.pending()).toBe(0);
});
