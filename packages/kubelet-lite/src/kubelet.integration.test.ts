import https from 'node:https';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { configMaps, pods } from '@pilothouse/apimachinery';
import { realClock } from '@pilothouse/base';
import type { Client } from '@pilothouse/client';
import { missingForContainerd, type PrivateContainerd, startPrivateContainerd } from '@pilothouse/testing/containerd';
import { type InProcessApi, startApi } from '@pilothouse/testing/in-process-cluster';
import { connectCri } from './cri/grpc-client.ts';
import type { Cri } from './cri/contract.ts';
import { type Kubelet, startKubelet } from './kubelet.ts';

const missing = missingForContainerd();
if (missing.length && process.env.PILOTHOUSE_REQUIRE_ALL) throw new Error(`these tests need ${missing.join(', ')}`);

describe.skipIf(missing.length > 0)(`a kubelet over containerd${missing.length ? ` (missing: ${missing.join(', ')})` : ''}`, () => {
  let containerd: PrivateContainerd;
  let api: InProcessApi;
  let cri: Cri;
  let client: Client;
  let kubelet: Kubelet;
  const image = 'docker.io/library/busybox:1.36';

  const startNode = () =>
    startKubelet({
      client: api.client('system:node:n1', ['system:nodes', 'system:masters']), runtime: api.runtime, cri, nodeName: 'n1',
      options: { nodeIps: ['127.0.0.1'], rootDir: `${containerd.dir}/kubelet`, podLogsDir: `${containerd.dir}/logs`, containerLogsDir: '', cgroupRoot: containerd.cgroupRoot, clusterDns: ['10.96.0.10'], server: { address: '127.0.0.1', port: 0, anonymousAuth: true, authorizationMode: 'AlwaysAllow' } },
    });
  beforeAll(async () => {
    containerd = await startPrivateContainerd();
    api = await startApi({ clock: realClock });
    cri = connectCri({ endpoint: containerd.endpoint });
    client = api.client();
    kubelet = await startNode();
  });
  afterAll(async () => {
    await kubelet?.close();
    await cri?.close();
    await api?.close();
    await containerd?.close();
  });

  const create = (name: string, script: string, spec: object = {}, container: object = {}) =>
    client.create(pods, { metadata: { name, namespace: 'default' }, spec: { nodeName: 'n1', terminationGracePeriodSeconds: 1, containers: [{ name: 'c', image, imagePullPolicy: 'IfNotPresent', command: ['sh', '-c', script], ...container }], ...spec } } as Pod);
  const until = async (name: string, ready: (pod: Pod) => boolean, ms = 30_000) => {
    const end = Date.now() + ms;
    for (;;) {
      const pod = await client.get<Pod>(pods, name, { namespace: 'default' });
      if (ready(pod)) return pod;
      if (Date.now() > end) throw new Error(`${name} did not get there: ${JSON.stringify(pod.status)}`);
      await realClock.sleep(20);
    }
  };
  const gone = async (name: string) => {
    for (let i = 0; i < 1500 && (await client.list(pods, { namespace: 'default', fieldSelector: `metadata.name=${name}` })).items.length; i++) await realClock.sleep(20);
    expect((await client.list(pods, { namespace: 'default', fieldSelector: `metadata.name=${name}` })).items).toEqual([]);
  };
  const ask = (path: string, method = 'GET') =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const request = https.request({ host: '127.0.0.1', port: kubelet.port, path, method, rejectUnauthorized: false, agent: false }, (response) => {
        let body = '';
        response.on('data', (d) => (body += d)).on('end', () => resolve({ status: response.statusCode!, body }));
      });
      request.on('error', reject).end();
    });
  const waiting = 'trap "exit 0" TERM; sleep 3600 & wait';

  test('runs a pod, tells its log, runs commands in it, and ends it', async () => {
    await create('web', `echo hello; ${waiting}`);
    const pod = await until('web', (p) => p.status?.phase === 'Running');
    expect(pod.status).toMatchObject({ qosClass: 'BestEffort', hostIP: '127.0.0.1', podIP: expect.stringMatching(/^10\.88\./), containerStatuses: [{ ready: true, image }] });
    await realClock.sleep(200);
    expect(await ask('/containerLogs/default/web/c')).toEqual({ status: 200, body: 'hello\n' });
    expect(await ask('/containerLogs/default/web/nope')).toMatchObject({ status: 404 });
    expect(await ask('/run/default/web/c?cmd=echo+hi', 'POST')).toEqual({ status: 200, body: 'hi\n' });
    expect(JSON.parse((await ask('/pods')).body).items[0].metadata.name).toBe('web');
    await client.delete(pods, 'web', { namespace: 'default' });
    await gone('web');
  });

  test('restarts what fails, with its message and its count', async () => {
    await create('again', 'if [ -e /d/x ]; then exec sleep 3600; fi; touch /d/x; echo why > /dev/termination-log; exit 7', { volumes: [{ name: 'd', emptyDir: {} }] }, { volumeMounts: [{ name: 'd', mountPath: '/d' }], terminationMessagePath: '/dev/termination-log' });
    const pod = await until('again', (p) => p.status?.containerStatuses?.[0].restartCount === 1 && p.status.phase === 'Running');
    expect(pod.status?.containerStatuses?.[0].lastState?.terminated).toMatchObject({ exitCode: 7, reason: 'Error', message: 'why\n' });
    await client.delete(pods, 'again', { namespace: 'default' });
    await gone('again');
  });

  test('volumes of the API follow its changes', async () => {
    await client.create(configMaps, { metadata: { name: 'cm', namespace: 'default' }, data: { a: 'one' } });
    await create('live', waiting, { volumes: [{ name: 'v', configMap: { name: 'cm' } }] }, { volumeMounts: [{ name: 'v', mountPath: '/v' }] });
    await until('live', (p) => p.status?.phase === 'Running');
    const read = async () => (await ask('/run/default/live/c?cmd=cat+/v/a', 'POST')).body;
    expect(await read()).toBe('one');
    await client.patch(configMaps, 'cm', { data: { a: 'two' } }, { namespace: 'default' });
    for (let i = 0; i < 100 && (await read()) !== 'two'; i++) await realClock.sleep(50);
    expect(await read()).toBe('two');
    await client.delete(pods, 'live', { namespace: 'default', gracePeriodSeconds: 0 });
    await gone('live');
  });

  test('a kubelet that starts anew takes over what runs, and ends what is gone', async () => {
    await create('kept', waiting);
    await create('orphan', waiting);
    const before = await until('kept', (p) => p.status?.phase === 'Running');
    await until('orphan', (p) => p.status?.phase === 'Running');
    await kubelet.close();
    await client.delete(pods, 'orphan', { namespace: 'default', gracePeriodSeconds: 0 });
    kubelet = await startNode();
    await realClock.sleep(1500);
    const after = await until('kept', (p) => p.status?.phase === 'Running');
    expect(after.status?.containerStatuses?.[0]).toMatchObject({ containerID: before.status!.containerStatuses![0].containerID, restartCount: 0 });
    expect((await cri.call('ListPodSandbox', {})).items.map((s) => s.metadata?.name)).toEqual(['kept']);
    await client.delete(pods, 'kept', { namespace: 'default' });
    await gone('kept');
  });
});
