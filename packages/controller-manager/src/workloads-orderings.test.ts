/** In which order workload controllers write, as text. */
import { daemonSets, deployments, type KubeObject, nodes, pods, type ResourceType, statefulSets } from '@pilothouse/apimachinery';
import type { ControllerDefinition } from '@pilothouse/controller-runtime';
import { pretendKubelet } from '@pilothouse/testing/pretend-kubelet';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { noting } from '@pilothouse/testing/troubled-api';
import { afterEach, expect, test } from 'vitest';
import { daemonSetController } from './controllers/daemonset/controller.ts';
import { deploymentController } from './controllers/deployment/controller.ts';
import { replicaSetController } from './controllers/replicaset/controller.ts';
import { statefulSetController } from './controllers/statefulset/controller.ts';

const at = { namespace: 'default' };
const template = (image = 'i:1') => ({ metadata: { labels: { app: 'x' } }, spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'c', image }] } });
const metadata = { name: 'x', namespace: 'default' };
const selector = { matchLabels: { app: 'x' } };

let bench: ControllerBench;
afterEach(() => bench.close());

/** What is written from a change on until all is quiet; the object is made and settled first. Hashes are numbered as they come. */
async function writes<T extends KubeObject>(controllers: ControllerDefinition<any>[], type: ResourceType<T>, object: object, change: object): Promise<string> {
  const lines: string[] = [];
  bench = await runOnBench(controllers, { trouble: noting(lines) });
  for (const name of ['a', 'b', 'c']) await bench.client.create(nodes, { metadata: { name } });
  await bench.client.create(type, object as T);
  const settle = async (): Promise<void> => {
    for (let quiet = 0; quiet < 15; ) {
      const before = lines.length;
      await bench.advance(100);
      await pretendKubelet(bench);
      quiet = lines.length === before ? quiet + 1 : 0;
    }
  };
  await settle();
  const revised = lines.length;
  await bench.client.patch(type, 'x', change, { ...at, type: 'strategic' });
  await settle();
  const seen: string[] = [];
  const numbered = (text: string) => text.replace(/x-[0-9a-z]{8,10}\b/g, (name) => `x-h${(seen.includes(name) ? seen : [...seen, seen.push(name) && name]).indexOf(name) + 1}`).replace(/(pods x-(?:h\d-)?)[0-9a-z]{5}$/, '$1…');
  const text = lines.map(numbered);
  return `${text.slice(0, revised).join('\n')}\n-- changed --\n${text.slice(revised).join('\n')}`;
}

test('a rolling update: up by the surge, down by what may be missing, in turns', async () => {
  const text = await writes([deploymentController, replicaSetController], deployments, { metadata, spec: { replicas: 3, selector, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }, template: template() } }, { spec: { template: template('i:2') } });
  expect(text).toMatchInlineSnapshot(`
    "create replicasets x-h1 replicas 3
    create pods x-h1-…
    create pods x-h1-…
    create pods x-h1-…
    -- changed --
    create replicasets x-h2 replicas 1
    create pods x-h2-…
    update replicasets x-h1 replicas 2
    delete pods x-h1-…
    update replicasets x-h2 replicas 2
    create pods x-h2-…
    update replicasets x-h1 replicas 1
    delete pods x-h1-…
    update replicasets x-h2 replicas 3
    create pods x-h2-…
    update replicasets x-h1 replicas 0
    delete pods x-h1-…"
  `);
});

test('recreating: none of the new before the last of the old is gone', async () => {
  const text = await writes([deploymentController, replicaSetController], deployments, { metadata, spec: { replicas: 2, selector, strategy: { type: 'Recreate' }, template: template() } }, { spec: { template: template('i:2') } });
  expect(text).toMatchInlineSnapshot(`
    "create replicasets x-h1 replicas 2
    create pods x-h1-…
    create pods x-h1-…
    -- changed --
    update replicasets x-h1 replicas 0
    delete pods x-h1-…
    delete pods x-h1-…
    create replicasets x-h2 replicas 2
    create pods x-h2-…
    create pods x-h2-…"
  `);
});

test('a stateful set: upwards one by one, updated downwards one by one', async () => {
  const text = await writes([statefulSetController], statefulSets, { metadata, spec: { replicas: 3, serviceName: 'x', selector, template: template() } }, { spec: { template: template('i:2') } });
  expect(text).toMatchInlineSnapshot(`
    "create controllerrevisions x-h1
    create pods x-0
    create pods x-1
    create pods x-2
    -- changed --
    create controllerrevisions x-h2
    delete pods x-2
    create pods x-2
    delete pods x-1
    create pods x-1
    delete pods x-0
    create pods x-0"
  `);
});

test('a stateful set in parallel, from another ordinal, scaled down', async () => {
  const text = await writes([statefulSetController], statefulSets, { metadata, spec: { replicas: 3, ordinals: { start: 4 }, podManagementPolicy: 'Parallel', serviceName: 'x', selector, template: template() } }, { spec: { replicas: 1 } });
  expect(text).toMatchInlineSnapshot(`
    "create controllerrevisions x-h1
    create pods x-4
    create pods x-5
    create pods x-6
    -- changed --
    delete pods x-6
    delete pods x-5"
  `);
});

test('a daemon set: one node at a time', async () => {
  const text = await writes([daemonSetController], daemonSets, { metadata, spec: { selector, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } }, template: template() } }, { spec: { template: template('i:2') } });
  expect(text).toMatchInlineSnapshot(`
    "create controllerrevisions x-h1
    create pods x-…
    create pods x-…
    create pods x-…
    -- changed --
    create controllerrevisions x-h2
    delete pods x-…
    create pods x-…
    delete pods x-…
    create pods x-…
    delete pods x-…
    create pods x-…"
  `);
  expect((await bench.client.list(pods, at)).items).toHaveLength(3);
});
