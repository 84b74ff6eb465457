import type { Pod, Service } from '@pilothouse/api-schemas/types/core/v1';
import type { EndpointSlice } from '@pilothouse/api-schemas/types/discovery/v1';
import { expect, test } from 'vitest';
import { planEndpoints, subsetsOf } from '../endpoints/plan.ts';
import { planServiceSlices } from './plan.ts';

const service = (spec: Partial<Service['spec']> = {}): Service => ({ metadata: { name: 's', namespace: 'ns', uid: 'svc', labels: { team: 'x' } }, spec: { clusterIP: '10.0.0.1', ipFamilies: ['IPv4'], selector: { app: 'x' }, ports: [{ name: 'http', port: 80, targetPort: 'web', protocol: 'TCP' }], ...spec } });
const pod = (i: number, fields: { ready?: boolean; gone?: boolean; node?: string } = {}): Pod => ({
  metadata: { name: `p${i}`, namespace: 'ns', uid: `u${i}`, ...(fields.gone && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
  spec: { nodeName: fields.node ?? 'n', containers: [{ name: 'c', ports: [{ name: 'web', containerPort: 8080, protocol: 'TCP' }] }] },
  status: { phase: 'Running', podIP: `10.1.0.${i}`, podIPs: [{ ip: `10.1.0.${i}` }], conditions: [{ type: 'Ready', status: fields.ready === false ? 'False' : 'True' }] },
});
const nodes = { zoneOf: (name: string) => (name === 'n' ? { zone: 'z1' } : undefined) };
const plan = (s: Service, pods: Pod[], existing: EndpointSlice[] = [], maxPerSlice = 3) => planServiceSlices(s, pods, existing, { maxPerSlice, nodes });
let written = 0;
const stored = (slices: EndpointSlice[]): EndpointSlice[] => slices.map((slice) => ({ ...slice, metadata: { ...slice.metadata, name: slice.metadata.name ?? `s-${++written}`, uid: `slice${written}` } }));

test('a service without endpoints has one empty slice, which is left alone afterwards', () => {
  const first = plan(service(), []);
  expect(first.create).toMatchObject([{ metadata: { generateName: 's-', labels: { team: 'x', 'kubernetes.io/service-name': 's', 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' }, ownerReferences: [{ kind: 'Service', uid: 'svc', controller: true }] }, addressType: 'IPv4', endpoints: [], ports: [] }]);
  expect(plan(service(), [], stored(first.create))).toMatchObject({ create: [], update: [], delete: [] });
});

test.each<[string, Parameters<typeof pod>[1], Partial<Service['spec']>, object]>([
  ['ready', {}, {}, { ready: true, serving: true, terminating: false }],
  ['not ready', { ready: false }, {}, { ready: false, serving: false, terminating: false }],
  ['on its way out', { gone: true }, {}, { ready: false, serving: true, terminating: true }],
  ['not ready but published', { ready: false }, { publishNotReadyAddresses: true }, { ready: true, serving: false, terminating: false }],
])('a pod that is %s shows as such', (_, fields, spec, conditions) => {
  const [slice] = plan(service(spec), [pod(1, fields)]).create;
  expect(slice).toMatchObject({ endpoints: [{ addresses: ['10.1.0.1'], conditions, targetRef: { kind: 'Pod', name: 'p1', uid: 'u1' }, nodeName: 'n', zone: 'z1' }], ports: [{ name: 'http', port: 8080, protocol: 'TCP' }] });
});

test.each([[true, { forZones: [{ name: 'z1' }], forNodes: [{ name: 'n' }] }], [false, undefined]])('with trafficDistribution PreferSameNode an endpoint that is ready: %s has hints %j', (ready, hints) => {
  const [slice] = plan(service({ trafficDistribution: 'PreferSameNode' }), [pod(1, { ready })]).create;
  expect(slice.endpoints?.[0].hints).toEqual(hints);
});

test('new endpoints fill slices that are written anyway, then the fullest that fits, and only then new ones', () => {
  const existing = stored(plan(service(), [1, 2, 3, 4, 5].map((i) => pod(i))).create);
  expect(existing.map((s) => s.endpoints?.length)).toEqual([3, 2]);
  const grown = plan(service(), [1, 2, 3, 4, 5, 6].map((i) => pod(i)), existing);
  expect([grown.create.length, grown.update.map((s) => [s.metadata.name, s.endpoints?.length])]).toEqual([0, [[existing[1].metadata.name, 3]]]);
  const swapped = plan(service(), [2, 3, 4, 5, 6].map((i) => pod(i)), existing);
  expect(swapped.update.map((s) => [s.metadata.name, s.endpoints?.length])).toEqual([[existing[0].metadata.name, 3]]);
  const shrunk = plan(service(), [1].map((i) => pod(i)), existing);
  expect([shrunk.update.length, shrunk.delete.map((s) => s.metadata.name)]).toEqual([1, [existing[1].metadata.name]]);
});

test('a pod on an unknown node is left out and looked at again; one on no node at all is nothing', () => {
  expect(plan(service(), [pod(1, { node: 'gone' })])).toMatchObject({ problems: ['skipping Pod p1 for Service ns/s: Node gone Not Found'], create: [{ endpoints: [] }] });
  expect(plan(service(), [pod(1, { node: '' })])).toMatchObject({ problems: [] });
});

test('with traffic distribution endpoints name the zones and nodes they are for', () => {
  expect(plan(service({ trafficDistribution: 'PreferSameNode' }), [pod(1)]).create[0].endpoints?.[0].hints).toEqual({ forZones: [{ name: 'z1' }], forNodes: [{ name: 'n' }] });
});

test('endpoints stand in subsets of equal ports, ready ones apart, and are written only when they change', () => {
  const s = service({ clusterIP: 'None' });
  const pods = [pod(2), pod(1), pod(3, { ready: false }), pod(4, { gone: true })];
  expect(subsetsOf(s, pods).map((subset) => [subset.addresses?.map((a) => a.ip), subset.notReadyAddresses?.map((a) => a.ip), subset.ports?.[0].port])).toEqual([[['10.1.0.1', '10.1.0.2'], ['10.1.0.3'], 8080]]);
  const first = planEndpoints(s, pods, undefined, '2026-01-01T00:00:00Z')!;
  expect(first.metadata).toMatchObject({ name: 's', labels: { team: 'x', 'service.kubernetes.io/headless': '', 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' }, annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:00Z' } });
  expect(planEndpoints(s, pods, first, '2026-01-01T00:05:00Z')).toBeUndefined();
});
