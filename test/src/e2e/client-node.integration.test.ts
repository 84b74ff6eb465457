/** The official JavaScript client's informer against our server, over TLS and through a restart of the server. */
import { CoreV1Api, KubeConfig, makeInformer, type V1ConfigMap } from '@kubernetes/client-node';
import { ensurePki } from '@pilothouse/apiserver/pki/index';
import { type ApiServer, createApiServer } from '@pilothouse/apiserver/server';
import { realRuntime } from '@pilothouse/base';
import { openMemoryStore } from '@pilothouse/storage';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

const runtime = realRuntime();
const store = openMemoryStore(runtime);
const dir = mkdtempSync(join(tmpdir(), 'pilothouse-client-node-'));
const config = new KubeConfig();
let server: ApiServer;
let port = 0;
let pki: Awaited<ReturnType<typeof ensurePki>>;

async function serve(): Promise<void> {
  server = await createApiServer(runtime, {
    store,
    anonymous: false,
    authenticators: [{ name: 'x509', authenticate: async ({ peer }) => peer?.certificate && { user: { name: peer.certificate.commonName, groups: peer.certificate.organizations } } }],
  });
  ({ port } = await server.listen({ port, drainMs: 100, tls: { cert: pki.apiserver.certificate, key: pki.apiserver.key, clientCa: pki.ca.certificate } }));
}

beforeAll(async () => {
  pki = await ensurePki(dir, runtime, { addresses: ['127.0.0.1'] });
  const { certificate, key } = await pki.clientCertificate({ commonName: 'kubernetes-admin', organizations: ['system:masters'] });
  await serve();
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  config.loadFromOptions({
    clusters: [{ name: 'c', server: `https://127.0.0.1:${port}`, caData: base64(pki.ca.certificate) }],
    users: [{ name: 'u', certData: base64(certificate), keyData: base64(key) }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  });
});
afterAll(async () => {
  await server.close();
  await store.close();
  rmSync(dir, { recursive: true });
});

const namespace = 'default';
const cm = (name: string, data: Record<string, string> = {}): V1ConfigMap => ({ metadata: { name }, data });

test('an informer holds what the server holds, through changes and a restart of the server', async () => {
  const api = config.makeApiClient(CoreV1Api);
  await api.createNamespace({ body: { metadata: { name: namespace } } });
  await api.createNamespacedConfigMap({ namespace, body: cm('a') });

  const seen: string[] = [];
  const informer = makeInformer<V1ConfigMap>(config, `/api/v1/namespaces/${namespace}/configmaps`, () => api.listNamespacedConfigMap({ namespace }));
  for (const event of ['add', 'update', 'delete'] as const) informer.on(event, (object) => void seen.push(`${event} ${object.metadata!.name} ${object.data?.['k'] ?? ''}`.trim()));
  // As its documentation has it: whoever is cut off starts anew.
  let stopped = false;
  informer.on('error', () => void runtime.clock.after(50, () => !stopped && void informer.start().catch(() => {})));
  await informer.start();
  const held = () => informer.list().map((object) => `${object.metadata!.name}=${object.data?.['k'] ?? ''}`).sort().join(' ');
  expect(held()).toBe('a=');

  await api.createNamespacedConfigMap({ namespace, body: cm('b', { k: '1' }) });
  await api.replaceNamespacedConfigMap({ name: 'b', namespace, body: cm('b', { k: '2' }) });
  await api.deleteNamespacedConfigMap({ name: 'a', namespace });
  await vi.waitFor(() => expect(held()).toBe('b=2'), 10_000);
  expect(seen).toEqual(['add a', 'add b 1', 'update b 2', 'delete a']);

  await server.close();
  await serve();
  await vi.waitFor(() => api.createNamespacedConfigMap({ namespace, body: cm('c', { k: '3' }) }), 10_000);
  await vi.waitFor(() => expect(held()).toBe('b=2 c=3'), 10_000);
  await api.deleteNamespacedConfigMap({ name: 'b', namespace });
  await vi.waitFor(() => expect(held()).toBe('c=3'), 10_000);
  stopped = true;
  await informer.stop();
});
