import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { events, pods, resourceClaims, resourceClaimTemplates } from '@pilothouse/apimachinery';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, expect, test } from 'vitest';
import { resourceClaimController } from './controller.ts';
import { claimFromTemplate, claimNameOf } from './plan.ts';

let bench: ControllerBench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

const devices = { requests: [{ name: 'r', exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1 } }] };
const template = { metadata: { name: 't', namespace: 'default' }, spec: { metadata: { labels: { a: 'b' } }, spec: { devices } } };
const pod = (name: string): Pod => ({ metadata: { name, namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'i', resources: { claims: [{ name: 'gpu' }] } }], resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 't' }] } });

test.each([
  ['named outright', { name: 'x', resourceClaimName: 'c' }, { name: 'c', own: false }],
  ['made from a template', { name: 'made', resourceClaimTemplateName: 't' }, { name: 'p-made-1', own: true }],
  ['found unnecessary', { name: 'none', resourceClaimTemplateName: 't' }, 'none'],
  ['yet to be made', { name: 'new', resourceClaimTemplateName: 't' }, 'unknown'],
])('a claim %s', (_, entry, expected) => {
  expect(claimNameOf({ metadata: { name: 'p' }, status: { resourceClaimStatuses: [{ name: 'made', resourceClaimName: 'p-made-1' }, { name: 'none' }] } }, entry)).toEqual(expected);
});

test('long names are cut in proportion', () => {
  expect(claimFromTemplate(template, { metadata: { name: 'p'.repeat(80), uid: 'u' } }, 'c'.repeat(20)).metadata.generateName).toBe(`${'p'.repeat(44)}-${'c'.repeat(11)}`);
});

test('a pod gets one claim per template, which goes when the pod has ended', async () => {
  bench = await runOnBench([resourceClaimController]);
  const { client } = bench;
  const owner = await client.create(pods, pod('p'));
  const event = await bench.until(async () => (await client.list(events, { namespace: 'default' })).items.find((e) => e.reason === 'FailedResourceClaimCreation'));
  expect(event.message).toBe('PodResourceClaim gpu: resource claim template "t": resourceclaimtemplate.resource.k8s.io "t" not found');
  await client.create(resourceClaimTemplates, template);
  const statuses = await bench.until(async () => (await client.get(pods, 'p', { namespace: 'default' })).status?.resourceClaimStatuses);
  await bench.advance(2000);
  const { items } = await client.list(resourceClaims, { namespace: 'default' });
  expect(items.map(({ metadata }) => [metadata.name, metadata.labels, metadata.annotations, metadata.ownerReferences?.[0].uid])).toEqual([[statuses[0].resourceClaimName, { a: 'b' }, { 'resource.kubernetes.io/pod-claim-name': 'gpu' }, owner.metadata.uid]]);
  const name = items[0].metadata.name!;
  await client.patch(resourceClaims, name, { status: { allocation: { devices: {} }, reservedFor: [{ resource: 'pods', name: 'p', uid: owner.metadata.uid }] } }, { namespace: 'default', subresource: 'status' });
  await bench.advance(1000);
  expect((await client.get(resourceClaims, name, { namespace: 'default' })).status?.reservedFor).toHaveLength(1);
  await client.patch(pods, 'p', { status: { phase: 'Succeeded' } }, { namespace: 'default', subresource: 'status' });
  await bench.until(async () => (await client.list(resourceClaims, { namespace: 'default' })).items.length === 0);
});
