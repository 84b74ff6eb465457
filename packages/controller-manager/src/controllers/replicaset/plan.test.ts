import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { expect, test } from 'vitest';
import { planReplicas, type ReplicaOwner, replicaStatus } from './plan.ts';

const nowMs = Date.parse('2026-01-01T01:00:00Z');
const pod = (name: string, fields: { node?: string; phase?: string; readyAt?: string; restarts?: number; cost?: string } = {}): Pod => ({
  metadata: { name, uid: name, creationTimestamp: '2026-01-01T00:00:00Z', annotations: fields.cost ? { 'controller.kubernetes.io/pod-deletion-cost': fields.cost } : {} },
  spec: { nodeName: fields.node, containers: [] },
  status: { phase: fields.phase ?? 'Running', ...(fields.readyAt && { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: fields.readyAt }] }), containerStatuses: [{ name: 'c', image: '', imageID: '', ready: true, restartCount: fields.restarts ?? 0 }] },
});
const ready = '2026-01-01T00:00:00Z';

test.each<[string, Pod[], string]>([
  ['one without a node before one with', [pod('bound', { node: 'n' }), pod('free')], 'free'],
  ['a pending one before a running one', [pod('running', { node: 'n' }), pod('pending', { node: 'n', phase: 'Pending' })], 'pending'],
  ['one that is not ready before one that is', [pod('ready', { node: 'n', readyAt: ready }), pod('not', { node: 'n' })], 'not'],
  ['the cheaper to lose', [pod('dear', { node: 'n', readyAt: ready, cost: '10' }), pod('cheap', { node: 'n', readyAt: ready, cost: '-5' })], 'cheap'],
  ['one that shares its node with relatives', [pod('alone', { node: 'a', readyAt: ready }), pod('x', { node: 'b', readyAt: ready }), pod('y', { node: 'b', readyAt: ready })], 'x'],
  ['one that has been ready for less time', [pod('old', { node: 'a', readyAt: ready }), pod('new', { node: 'a', readyAt: '2026-01-01T00:59:00Z' })], 'new'],
  ['one with more restarts', [pod('steady', { node: 'a' }), pod('shaky', { node: 'a', restarts: 3 })], 'shaky'],
])('too many pods: %s goes first', (_, pods, expected) => {
  expect(planReplicas(pods.length - 1, pods, { relatedPods: () => pods, nowMs }).delete.map((p) => p.metadata.name)).toEqual([expected]);
});

test.each([
  [3, 1, 2],
  [2000, 0, 500],
  [0, 0, 0],
])('%i wanted and %i there: %i are created at once', (want, have, create) => {
  expect(planReplicas(want, Array.from({ length: have }, (_, i) => pod(`p${i}`)), { relatedPods: () => [], nowMs }).create).toBe(create);
});

test('a failure to create or delete becomes a condition, and goes with the failure', () => {
  const owner: ReplicaOwner = { generation: 2, replicas: 2, minReadySeconds: 30, template: { metadata: { labels: {} } }, status: { replicas: 0 } };
  const active = [pod('a', { readyAt: '2026-01-01T00:59:50Z' })];
  const failed = replicaStatus(owner, { active, terminating: 1, error: 'quota', nowMs });
  expect(failed).toMatchObject({ replicas: 1, readyReplicas: 1, availableReplicas: 0, terminatingReplicas: 1, observedGeneration: 2, conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'quota' }] });
  expect(replicaStatus({ ...owner, status: failed }, { active, nowMs }).conditions).toBeUndefined();
});
