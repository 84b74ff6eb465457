import { afterEach, describe, expect, test } from 'vitest';
import { realClock } from '@pilothouse/base';
import { events, leases, nodes, pods } from '@pilothouse/apimachinery';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { type InProcessApi, startApi } from '@pilothouse/testing/in-process-cluster';
import { type HollowNodes, startHollowNodes } from './hollow.ts';

let api: InProcessApi | undefined;
let hollow: HollowNodes | undefined;
afterEach(async () => {
  await hollow?.close();
  await api?.close();
});

async function start(count = 2) {
  api = await startApi({ clock: realClock });
  hollow = await startHollowNodes({ client: api.client(), runtime: api.runtime, count, server: false });
  const client = api.client();
  const create = (name: string, command: string[], spec: object = {}, node = 'hollow-node-0') => client.create(pods, { metadata: { name, namespace: 'default' }, spec: { nodeName: node, containers: [{ name: 'c', image: 'x:1', command }], ...spec } } as Pod);
  const until = async (name: string, ready: (pod: Pod) => boolean) => {
    for (let i = 0; i < 500; i++) {
      const pod = await client.get<Pod>(pods, name, { namespace: 'default' });
      if (ready(pod)) return pod;
      await realClock.sleep(10);
    }
    throw new Error(`${name} did not get there: ${JSON.stringify((await client.get<Pod>(pods, name, { namespace: 'default' })).status)}`);
  };
  return { client, create, until };
}

describe('hollow nodes', () => {
  test('register as ready nodes with a lease each', async () => {
    const { client } = await start(3);
    const all = (await client.list(nodes)).items;
    expect(all.map((n) => `${n.metadata.name} ${n.status?.conditions?.find((c) => c.type === 'Ready')?.status} ${n.status?.allocatable?.pods}`)).toEqual(['hollow-node-0 True 110', 'hollow-node-1 True 110', 'hollow-node-2 True 110']);
    expect((await client.list(leases, { namespace: 'kube-node-lease' })).items.length).toBe(3);
  });

  test('run pods as a node does: running, done, failed, restarted, deleted', async () => {
    const { client, create, until } = await start();
    await create('web', ['serve']);
    await create('done', ['true'], { restartPolicy: 'Never' });
    await create('failed', ['sh', '-c', 'echo no; exit 3'], { restartPolicy: 'Never' }, 'hollow-node-1');
    await create('again', ['false']);
    const web = await until('web', (p) => p.status?.phase === 'Running');
    expect(web.status).toMatchObject({ podIP: expect.stringMatching(/^10\./), containerStatuses: [{ ready: true, started: true, restartCount: 0 }] });
    await until('done', (p) => p.status?.phase === 'Succeeded');
    const failed = await until('failed', (p) => p.status?.phase === 'Failed');
    expect(failed.status?.containerStatuses?.[0].state?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
    const again = await until('again', (p) => p.status?.containerStatuses?.[0].state?.waiting?.reason === 'CrashLoopBackOff');
    expect(again.status?.containerStatuses?.[0]).toMatchObject({ restartCount: 1, lastState: { terminated: { exitCode: 1 } } });
    await client.delete(pods, 'web', { namespace: 'default' });
    for (let i = 0; i < 500 && (await client.list(pods, { namespace: 'default', fieldSelector: 'metadata.name=web' })).items.length; i++) await realClock.sleep(10);
    expect(hollow!.nodes[0].runtime.counts.containers).toBeGreaterThan(0);
    const reasons = (await client.list(events, { namespace: 'default' })).items.filter((e) => e.involvedObject.name === 'web').map((e) => e.reason);
    expect(reasons).toEqual(expect.arrayContaining(['Pulled', 'Created', 'Started', 'Killing']));
  });

  test('init containers, then the rest; an image that cannot be pulled waits', async () => {
    const { create, until } = await start();
    await create('init', ['serve'], { initContainers: [{ name: 'i', image: 'x:1', command: ['true'] }] });
    const pod = await until('init', (p) => p.status?.phase === 'Running');
    expect(pod.status?.initContainerStatuses?.[0]).toMatchObject({ ready: true, state: { terminated: { exitCode: 0 } } });
    await create('bad', [], { containers: [{ name: 'c', image: 'invalid/x:1' }] });
    await until('bad', (p) => ['ErrImagePull', 'ImagePullBackOff'].includes(p.status?.containerStatuses?.[0].state?.waiting?.reason ?? ''));
  });
});
