import { describe, expect, test } from 'vitest';
import type { PodStatus } from '@pilothouse/api-schemas/types/core/v1';
import { aContainer, aPod, aRuntime } from '../testdata/builders.ts';
import { generateStatus, type StatusInputs } from './api-status.ts';
import { statusPatch } from './status-manager.ts';

const inputs = (more: Partial<StatusInputs>): StatusInputs => ({ pod: aPod(), runtime: aRuntime([]), runtimeName: 'containerd', previous: {}, reasons: new Map(), probe: () => undefined, hostIps: ['192.0.2.1'], ended: false, nowMs: 0, ...more });
const brief = (s: PodStatus) => `${s.phase} ${[...(s.initContainerStatuses ?? []), ...(s.containerStatuses ?? [])].map((c) => `${c.name}=${c.state?.waiting?.reason ?? c.state?.terminated?.exitCode ?? 'running'}${c.ready ? '+' : ''}/${c.restartCount}`).join(' ')}`;
const condition = (s: PodStatus, type: string) => {
  const c = s.conditions?.find((x) => x.type === type);
  return `${c?.status}/${c?.reason ?? ''}`;
};

describe('the status of a pod', () => {
  const init = [aContainer('i')];
  const crashing = new Map([['c', { reason: 'CrashLoopBackOff', message: 'back-off' }]]);
  test.each<[string, Partial<StatusInputs>, string]>([
    ['before anything is done', { runtime: aRuntime([], 'none') }, 'Pending c=ContainerCreating/0'],
    ['with init containers to come', { pod: aPod({ initContainers: init }), runtime: aRuntime([], 'none') }, 'Pending i=PodInitializing/0 c=PodInitializing/0'],
    ['while it runs', { runtime: aRuntime(['c:running']) }, 'Running c=running+/0'],
    ['while a readiness probe has not succeeded', { runtime: aRuntime(['c:running']), probe: () => 'pending' }, 'Running c=running/0'],
    ['between two runs', { runtime: aRuntime(['c:exited(1)']), reasons: crashing }, 'Running c=CrashLoopBackOff/0'],
    ['that failed, while things are being ended', { pod: aPod({ restartPolicy: 'Never' }), runtime: aRuntime(['c:exited(1)']), previous: { phase: 'Running' } }, 'Running c=1/0'],
    ['that failed', { pod: aPod({ restartPolicy: 'Never' }), runtime: aRuntime(['c:exited(1)']), ended: true }, 'Failed c=1/0'],
    ['that succeeded', { pod: aPod({ restartPolicy: 'Never' }), runtime: aRuntime(['c:exited(0)']), ended: true }, 'Succeeded c=0/0'],
    ['whose init container failed for good', { pod: aPod({ restartPolicy: 'Never', initContainers: init }), runtime: aRuntime(['i:exited(3)']), ended: true }, 'Failed i=3/0 c=PodInitializing/0'],
    ['that ended by SIGTERM after a clean exit', { pod: aPod({}, { deletionTimestamp: '2026-01-01T00:00:00Z' }), runtime: aRuntime(['c:exited(0)']), ended: true }, 'Succeeded c=0/0'],
    ['that was over its deadline', { runtime: aRuntime(['c:exited(137)']), ended: true, failure: { reason: 'DeadlineExceeded', message: 'm' } }, 'Failed c=137/0'],
  ])('%s', (_, more, want) => {
    expect(brief(generateStatus(inputs(more)))).toBe(want);
  });

  test('a restarted container shows how it ended before', () => {
    const [c] = generateStatus(inputs({ runtime: aRuntime(['c:exited(7)#0', 'c:running#1']) })).containerStatuses!;
    expect(c).toMatchObject({ restartCount: 1, state: { running: {} }, lastState: { terminated: { exitCode: 7, reason: 'Error' } } });
  });

  test('conditions name what they wait for', () => {
    const status = generateStatus(inputs({ pod: aPod({ initContainers: init, readinessGates: [{ conditionType: 'g' }] }), runtime: aRuntime(['i:running']) }));
    expect(['PodReadyToStartContainers', 'Initialized', 'ContainersReady', 'Ready', 'PodScheduled'].map((t) => condition(status, t))).toEqual(['True/', 'False/ContainersNotInitialized', 'False/ContainersNotReady', 'False/ContainersNotReady', 'True/']);
    const gated = generateStatus(inputs({ pod: aPod({ readinessGates: [{ conditionType: 'g' }] }), runtime: aRuntime(['c:running']) }));
    expect(condition(gated, 'ContainersReady')).toBe('True/');
    expect(gated.conditions?.find((c) => c.type === 'Ready')?.message).toBe('corresponding condition of pod readiness gate "g" does not exist.');
  });
});

describe('the patch of a status', () => {
  test('is nothing when nothing changed, whatever the order of keys', () => {
    expect(statusPatch({ phase: 'Running', containerStatuses: [{ name: 'c', ready: true, restartCount: 0, image: 'i', imageID: '', lastState: {} }] }, { containerStatuses: [{ imageID: '', image: 'i', ready: true, restartCount: 0, name: 'c', lastState: {} }], phase: 'Running' })).toBeUndefined();
  });
  test('leaves the conditions of others alone and clears what is gone', () => {
    const patch = statusPatch({ phase: 'Failed', conditions: [{ type: 'Ready', status: 'False' }] }, { phase: 'Failed', reason: 'X', conditions: [{ type: 'Ready', status: 'False', reason: 'R' }, { type: 'mine', status: 'True' }] });
    expect(patch).toMatchObject({ reason: null, conditions: [{ type: 'Ready', status: 'False', reason: null }] });
  });
});
