import { pods, replicaSets } from '@pilothouse/apimachinery';
import type { Client } from '@pilothouse/client';
import { metricsRegistry } from '@pilothouse/base';
import { expect, test } from 'vitest';
import { controllerMetrics } from './metrics.ts';
import { ownWrites } from './own-writes.ts';

test('a key waits until the caches show what it wrote, each of its own resource', async () => {
  const seen: Record<string, string> = { pods: '5', 'replicasets.apps': '5' };
  const writes = ownWrites((resource) => (seen[resource] ? { lastResourceVersion: seen[resource] } : undefined));
  let version = 6;
  const answer = async () => ({ metadata: { resourceVersion: String(version++) } });
  const client = { create: answer, update: answer, updateStatus: answer, patch: answer, get: async () => 'as it is' } as unknown as Client;
  const own = writes.through(client, 'ns/a');
  expect(writes.unseen('ns/a')).toBeUndefined();
  await own.create(pods, { metadata: { name: 'p' } });
  await own.updateStatus(replicaSets, { metadata: { name: 'a' } } as never);
  expect(writes.unseen('ns/a')).toBe('pods');
  expect(writes.unseen('ns/b')).toBeUndefined();
  seen.pods = '9';
  expect(writes.unseen('ns/a')).toBe('replicasets.apps');
  seen['replicasets.apps'] = '10';
  expect(writes.unseen('ns/a')).toBeUndefined();
  expect(await own.get(pods, 'p')).toBe('as it is');
});

test('a write that fails, or to what is not cached, is not waited for', async () => {
  const writes = ownWrites(() => undefined);
  const client = { create: async () => ({ metadata: { resourceVersion: '9' } }), update: async () => Promise.reject(new Error('no')) } as unknown as Client;
  const own = writes.through(client, 'k');
  await own.create(pods, { metadata: {} });
  await expect(own.update(pods, { metadata: {} })).rejects.toThrow('no');
  expect(writes.unseen('k')).toBeUndefined();
});

test('keys that are put off are counted under upstream\'s names', () => {
  const registry = metricsRegistry();
  const metrics = controllerMetrics(registry);
  metrics.staleSkip('job-controller', 'jobs.batch');
  metrics.staleSkip('replicationcontroller-controller', 'pods');
  expect(registry.text()).toContain('job_controller_stale_sync_skips_total{group="batch",resource="jobs"} 1');
  expect(registry.text()).toContain('replicaset_controller_stale_sync_skips_total{group="",resource="pods"} 1');
});
