import { request } from 'node:https';
import { loadKubeconfig } from '@pilothouse/client';
import { beforeAll, describe, expect, test } from 'vitest';
import { clusterForTest } from './tools.ts';

describe('JSON as deep as Kubernetes reads it', () => {
  let kubeconfig: string;
  beforeAll(async () => {
    kubeconfig = (await clusterForTest({ store: 'memory', flags: ['--hollow-nodes', '0'] })).kubeconfig;
  }, 60_000);

  function send(method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> {
    const access = loadKubeconfig(kubeconfig);
    return new Promise((resolve, reject) => {
      const sent = request(new URL(path, access.server), { method, ca: access.certificateAuthority, cert: access.clientCertificate, key: access.clientKey, headers: { 'content-type': 'application/json', ...headers } }, async (response) => {
        let text = '';
        for await (const piece of response) text += piece;
        resolve({ status: response.statusCode!, text });
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  const revisions = '/apis/apps/v1/namespaces/default/controllerrevisions';
  const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
  const revision = (name: string, levels: number, n = 1) => `{"apiVersion":"apps/v1","kind":"ControllerRevision","metadata":{"name":"${name}"},"revision":${n},"data":${nested(levels)}}`;

  test('10,000 levels pass through every verb; one more is refused in Go\'s words', async () => {
    expect((await send('POST', revisions, revision('deep', 9_999))).status).toBe(201);
    expect((await send('GET', `${revisions}/deep`)).text).toContain(nested(9_999));
    expect((await send('GET', `${revisions}/deep?pretty=true`)).status).toBe(200);
    expect((await send('GET', revisions, undefined, { accept: 'application/yaml' })).status).toBe(200);
    expect((await send('PUT', `${revisions}/deep`, revision('deep', 9_999, 2))).status).toBe(200);
    expect((await send('PATCH', `${revisions}/deep`, `{"revision":3,"data":${nested(9_999)}}`, { 'content-type': 'application/merge-patch+json' })).status).toBe(200);
    expect((await send('PATCH', `${revisions}/applied?fieldManager=m`, revision('applied', 9_990), { 'content-type': 'application/apply-patch+yaml' })).status).toBe(201);
    expect((await send('DELETE', `${revisions}/deep`)).status).toBe(200);
    const refused = await send('POST', revisions, revision('deeper', 10_000));
    expect([refused.status, JSON.parse(refused.text).message]).toEqual([400, expect.stringContaining("couldn't get version/kind; json parse error: invalid character '{' exceeded max depth")]);
    const yaml = await send('POST', revisions, '['.repeat(20_000), { 'content-type': 'application/yaml' });
    expect([yaml.status, JSON.parse(yaml.text).message]).toEqual([400, expect.stringContaining('yaml: exceeded max depth of 10000')]);
  });
});
