import { deployments, events, pods, replicaSets } from '@pilothouse/apimachinery';
import type { Deployment } from '@pilothouse/api-schemas/types/apps/v1';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, describe, expect, test } from 'vitest';
import { replicaSetController } from '../replicaset/controller.ts';
import { deploymentController } from './controller.ts';

let bench: ControllerBench;
afterEach(() => bench.close());

const web = (image: string, spec: Partial<Deployment['spec']> = {}): Deployment => ({
  metadata: { name: 'web', namespace: 'default' },
  spec: { replicas: 3, progressDeadlineSeconds: 600, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } }, selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } }, ...spec },
});

const podsNow = async () => (await bench.client.list(pods, { namespace: 'default' })).items;
const setsNow = async () => (await bench.client.list(replicaSets, { namespace: 'default' })).items;
const deploymentNow = () => bench.client.get(deployments, 'web', { namespace: 'default' });

/** Plays the kubelet: every pod runs and is ready. */
async function makeReady() {
  for (const pod of await podsNow()) {
    if (pod.metadata.deletionTimestamp || pod.status?.conditions?.some((c) => c.type === 'Ready')) continue;
    await bench.client.patch(pods, pod.metadata.name!, { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] } }, { namespace: 'default', subresource: 'status' });
  }
  for (const pod of await podsNow()) if (pod.metadata.deletionTimestamp) await bench.client.delete(pods, pod.metadata.name!, { namespace: 'default', gracePeriodSeconds: 0 });
}

async function rolledOut() {
  return bench.until(async () => {
    await makeReady();
    const d = await deploymentNow();
    const complete = d.status?.observedGeneration === d.metadata.generation && d.status?.updatedReplicas === d.spec?.replicas && d.status?.replicas === d.spec?.replicas && d.status?.availableReplicas === d.spec?.replicas;
    return complete && d.status?.conditions?.some((c) => c.reason === 'NewReplicaSetAvailable') && d;
  }, 60_000);
}

describe('deployment', () => {
  test('its replica set is named as upstream names it; one of that name that is another\'s makes it count the collision', async () => {
    bench = await runOnBench([deploymentController]);
    const nginx: Deployment = { ...web('nginx', { selector: { matchLabels: { app: 'nginx' } }, template: { metadata: { labels: { app: 'nginx' } }, spec: { containers: [{ name: 'nginx', image: 'nginx' }] } } }), metadata: { name: 'nginx', namespace: 'default' } };
    await bench.client.create(deployments, nginx);
    await bench.advance(500);
    expect((await setsNow()).map((rs) => rs.metadata.name)).toEqual(['nginx-7f8fbb96d']);
    await bench.client.delete(deployments, 'nginx', { namespace: 'default' });
    await bench.client.delete(replicaSets, 'nginx-7f8fbb96d', { namespace: 'default' });
    await bench.client.create(replicaSets, { metadata: { name: 'nginx-7f8fbb96d', namespace: 'default', labels: { app: 'other' } }, spec: { selector: { matchLabels: { app: 'other' } }, template: { metadata: { labels: { app: 'other' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } } });
    await bench.client.create(deployments, nginx);
    await bench.advance(2000);
    const own = (await setsNow()).filter((rs) => rs.metadata.ownerReferences);
    expect(own.map((rs) => rs.metadata.name === 'nginx-7f8fbb96d')).toEqual([false]);
    expect((await bench.client.get(deployments, 'nginx', { namespace: 'default' })).status?.collisionCount).toBe(1);
  });

  test('creates a replica set named by the hash of its template, and pods, and reports progress', async () => {
    bench = await runOnBench([deploymentController, replicaSetController]);
    await bench.client.create(deployments, web('img:1'));
    await bench.advance(500);
    const [set] = await setsNow();
    const hash = set.metadata.labels!['pod-template-hash'];
    expect(set.metadata.name).toBe(`web-${hash}`);
    expect(set.metadata.annotations).toMatchObject({ 'deployment.kubernetes.io/revision': '1', 'deployment.kubernetes.io/desired-replicas': '3', 'deployment.kubernetes.io/max-replicas': '4' });
    expect(set.spec?.selector.matchLabels).toEqual({ app: 'web', 'pod-template-hash': hash });
    const created = await podsNow();
    expect(created).toHaveLength(3);
    expect(created[0].metadata.generateName).toBe(`${set.metadata.name}-`);
    const started = await deploymentNow();
    expect(started.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('1');
    expect(started.status?.conditions?.map((c) => [c.type, c.status, c.reason, c.message])).toEqual([
      ['Available', 'False', 'MinimumReplicasUnavailable', 'Deployment does not have minimum availability.'],
      ['Progressing', 'True', 'ReplicaSetUpdated', `ReplicaSet "${set.metadata.name}" is progressing.`],
    ]);
    const d = await rolledOut();
    expect(d.status?.conditions?.find((c) => c.type === 'Progressing')?.message).toBe(`ReplicaSet "${set.metadata.name}" has successfully progressed.`);
    await bench.advance(2000);
    const seen = (await bench.client.list(events, { namespace: 'default' })).items.map((e) => `${e.reason}: ${e.message?.replace(/web-\w+-\w+$/, 'POD')}`).sort();
    expect(seen).toEqual([`ScalingReplicaSet: Scaled up replica set ${set.metadata.name} from 0 to 3`, ...Array.from({ length: 3 }, () => 'SuccessfulCreate: Created pod: POD')]);
  });

  test('a new template is rolled out without more missing or surplus pods than allowed, and the old set is kept', async () => {
    bench = await runOnBench([deploymentController, replicaSetController]);
    await bench.client.create(deployments, web('img:1', { replicas: 4 }));
    await rolledOut();
    await bench.client.patch(deployments, 'web', { spec: { template: { spec: { containers: [{ name: 'c', image: 'img:2' }] } } } }, { namespace: 'default', type: 'strategic' });
    let most = 0;
    let least = 9;
    await bench.until(async () => {
      const live = (await podsNow()).filter((p) => !p.metadata.deletionTimestamp);
      most = Math.max(most, live.length);
      least = Math.min(least, live.filter((p) => p.status?.conditions?.some((c) => c.type === 'Ready')).length);
      await makeReady();
      const d = await deploymentNow();
      return (await setsNow()).length === 2 && d.status?.observedGeneration === d.metadata.generation && d.status?.updatedReplicas === 4 && d.status?.replicas === 4 && d.status?.availableReplicas === 4;
    }, 60_000);
    expect(most).toBeLessThanOrEqual(5);
    expect(least).toBeGreaterThanOrEqual(3);
    const sets = (await setsNow()).map((s) => [s.metadata.annotations?.['deployment.kubernetes.io/revision'], s.spec?.replicas]);
    expect(sets.sort()).toEqual([['1', 0], ['2', 4]]);
  });

  test('a deployment that makes no progress in time says so', async () => {
    bench = await runOnBench([deploymentController, replicaSetController]);
    await bench.client.create(deployments, web('img:1', { progressDeadlineSeconds: 30 }));
    await bench.advance(29_000);
    expect((await deploymentNow()).status?.conditions?.find((c) => c.type === 'Progressing')?.status).toBe('True');
    await bench.advance(5000);
    const progressing = (await deploymentNow()).status?.conditions?.find((c) => c.type === 'Progressing');
    expect([progressing?.status, progressing?.reason]).toEqual(['False', 'ProgressDeadlineExceeded']);
  });

  test('controllers restarted in the middle of a rollout finish it with no pod too many', async () => {
    bench = await runOnBench([deploymentController, replicaSetController]);
    await bench.client.create(deployments, web('img:1', { replicas: 10, strategy: { type: 'Recreate' } }));
    await bench.advance(3);
    await bench.restart();
    await bench.advance(1000);
    expect(await podsNow()).toHaveLength(10);
  });
});

test('the same seed gives the same cluster, name by name and version by version', async () => {
  const run = async () => {
    bench = await runOnBench([deploymentController, replicaSetController], { seed: 7 });
    await bench.client.create(deployments, web('img:1'));
    await rolledOut();
    await bench.client.patch(deployments, 'web', { spec: { template: { spec: { containers: [{ name: 'c', image: 'img:2' }] } } } }, { namespace: 'default', type: 'strategic' });
    await bench.advance(3000);
    const state = [...(await podsNow()), ...(await setsNow()), ...(await bench.client.list(events, { namespace: 'default' })).items].map((o) => `${o.metadata.name} ${o.metadata.uid} ${o.metadata.resourceVersion}`);
    return state;
  };
  const first = await run();
  await bench.close();
  expect(await run()).toEqual(first);
});
