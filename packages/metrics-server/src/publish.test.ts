import { apiServices, services } from '@pilothouse/apimachinery';
import { startApi } from '@pilothouse/testing/in-process-cluster';
import { expect, test } from 'vitest';
import { publishMetricsApi, withdrawMetricsApi } from './publish.ts';

test('what is published is mended when the server has moved, and taken back only where it is ours', async () => {
  const api = await startApi();
  const client = api.client();
  const service = () => client.get(apiServices, 'v1beta1.metrics.k8s.io').then((found) => found.spec);
  await publishMetricsApi(client, { host: '127.0.0.1', port: 1, certificateAuthority: 'PEM' });
  await publishMetricsApi(client, { host: '127.0.0.2', port: 2, certificateAuthority: 'PEM' });
  expect(await service()).toMatchObject({ service: { name: 'metrics-server', namespace: 'kube-system', port: 2 }, caBundle: Buffer.from('PEM').toString('base64') });
  expect((await client.get(services, 'metrics-server', { namespace: 'kube-system' })).spec).toMatchObject({ type: 'ExternalName', externalName: '127.0.0.2' });
  await withdrawMetricsApi(client);
  await withdrawMetricsApi(client);
  expect((await client.list(apiServices)).items.map((s) => s.metadata.name)).not.toContain('v1beta1.metrics.k8s.io');
  await client.create(apiServices, { metadata: { name: 'v1beta1.metrics.k8s.io' }, spec: { group: 'metrics.k8s.io', version: 'v1beta1', groupPriorityMinimum: 100, versionPriority: 100, insecureSkipTLSVerify: true, service: { name: 'metrics-server', namespace: 'kube-system' } } });
  await withdrawMetricsApi(client);
  expect(await service()).toBeDefined();
  await api.close();
});
