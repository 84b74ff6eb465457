import type { Endpoints } from '@pilothouse/api-schemas/types/core/v1';
import type { EndpointSlice } from '@pilothouse/api-schemas/types/discovery/v1';
import { expect, test } from 'vitest';
import { planMirror } from './plan.ts';

const made = (annotations?: Record<string, string>, ips = ['10.0.0.1']): Endpoints => ({ metadata: { name: 's', namespace: 'ns', uid: 'u', labels: { team: 'x' }, annotations }, subsets: [{ addresses: ips.map((ip) => ({ ip })), ports: [{ port: 80 }] }] });
const stored = (slices: EndpointSlice[]): EndpointSlice[] => slices.map((slice, i) => ({ ...slice, metadata: { ...slice.metadata, name: `s-${i}`, uid: `slice${i}` } }));

test('a mirror has the labels and annotations of what it mirrors, but for those of tools', () => {
  const { create } = planMirror(made({ note: 'a', 'kubectl.kubernetes.io/last-applied-configuration': '{}' }), [], { maxPerSubset: 1000 });
  expect(create[0].metadata).toMatchObject({ labels: { team: 'x', 'kubernetes.io/service-name': 's', 'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io' }, annotations: { note: 'a' } });
});

test('only what differs is written', () => {
  const existing = stored(planMirror(made({ note: 'a' }), [], { maxPerSubset: 1000 }).create);
  expect(planMirror(made({ note: 'a' }), existing, { maxPerSubset: 1000 })).toEqual({ create: [], update: [], delete: [], skipped: 0 });
  expect(planMirror(made({ note: 'b' }), existing, { maxPerSubset: 1000 }).update[0].metadata.annotations).toEqual({ note: 'b' });
});

test('addresses beyond the limit of a subset are skipped and counted', () => {
  const plan = planMirror(made(undefined, ['10.0.0.1', '10.0.0.2', '10.0.0.3']), [], { maxPerSubset: 2 });
  expect([plan.create[0].endpoints?.length, plan.skipped]).toEqual([2, 1]);
});
