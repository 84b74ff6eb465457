import { describe, expect, test } from 'vitest';
import { humanDuration } from './cells.ts';
import { columnDefinitions, columnsFor } from './index.ts';
import { summarizePod } from './pods.ts';
import { formatSelector } from './selectors.ts';

describe('durations', () => {
  const s = 1000, m = 60 * s, h = 60 * m, d = 24 * h;
  test.each([
    [-5 * s, '<invalid>'], [0, '0s'], [119 * s, '119s'], [2 * m, '2m'], [3 * m + 20 * s, '3m20s'], [10 * m + 1 * s, '10m'], [179 * m, '179m'],
    [3 * h, '3h'], [7 * h + 59 * m, '7h59m'], [8 * h + 10 * m, '8h'], [47 * h, '47h'], [2 * d, '2d'], [2 * d + 3 * h, '2d3h'], [8 * d + 3 * h, '8d'], [2 * 365 * d, '2y'], [3 * 365 * d + 20 * d, '3y20d'], [9 * 365 * d + 20 * d, '9y'],
  ])('%d ms is %s', (ms, text) => expect(humanDuration(ms)).toBe(text));
});

const container = (name: string) => ({ name });
const running = (name: string, ready = true, restartCount = 0) => ({ name, ready, restartCount, image: '', imageID: '', state: { running: {} } });
const exited = (name: string, exitCode: number, reason = '') => ({ name, ready: false, restartCount: 0, image: '', imageID: '', state: { terminated: { exitCode, reason } } });
const pod = (spec: object, status: object, metadata: object = {}) => ({ metadata: { name: 'p', ...metadata }, spec: { containers: [container('a')], ...spec }, status }) as any;

describe('the status of a pod', () => {
  test.each([
    ['is its phase without statuses', pod({}, { phase: 'Pending' }), 'Pending'],
    ['is the waiting reason of a container', pod({}, { phase: 'Pending', containerStatuses: [{ name: 'a', ready: false, restartCount: 0, state: { waiting: { reason: 'ErrImagePull' } } }] }), 'ErrImagePull'],
    ['counts finished init containers', pod({ initContainers: [container('i'), container('j')] }, { phase: 'Pending', initContainerStatuses: [exited('i', 0), { name: 'j', restartCount: 0, state: { running: {} } }] }), 'Init:1/2'],
    ['names a failed init container', pod({ initContainers: [container('i')] }, { phase: 'Pending', initContainerStatuses: [exited('i', 3)] }), 'Init:ExitCode:3'],
    ['stays Running while another container runs', pod({ containers: [container('a'), container('b')] }, { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }], containerStatuses: [exited('a', 0, 'Completed'), running('b')] }), 'Running'],
    ['is the failure when another container completed', pod({ containers: [container('a'), container('b')] }, { phase: 'Failed', containerStatuses: [exited('a', 0, 'Completed'), exited('b', 1, 'Error')] }), 'Error'],
    ['is Terminating once deleted', pod({}, { phase: 'Running', containerStatuses: [running('a')] }, { deletionTimestamp: '2026-01-01T00:00:00Z' }), 'Terminating'],
    ['is SchedulingGated while gates hold it', pod({}, { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] }), 'SchedulingGated'],
  ])('%s', (_, input, want) => expect(summarizePod(input).reason).toBe(want));

  test('sidecars count towards readiness and restarts', () => {
    const summary = summarizePod(pod({ initContainers: [{ name: 's', restartPolicy: 'Always' }] }, { phase: 'Running', conditions: [{ type: 'Initialized', status: 'True' }], initContainerStatuses: [{ ...running('s', true, 2), started: true }], containerStatuses: [running('a', true, 1)] }));
    expect([summary.ready, summary.total, summary.restarts]).toEqual([2, 2, 3]);
  });
});

test('selectors are written in key order', () => {
  expect(formatSelector({ matchLabels: { b: 'c', a: 'b' }, matchExpressions: [{ key: 'z', operator: 'In', values: ['2', '1'] }, { key: 'd', operator: 'DoesNotExist' }] })).toBe('a=b,b=c,!d,z in (1,2)');
  expect(formatSelector({})).toBe('<none>');
});

const host = (name: string) => ({ host: name });
test.each([
  ['networking.k8s.io', 'ingresses', 2, { spec: { rules: [host('a'), host('b'), host('c'), {}] } }, 'a,b,c + 1 more...'],
  ['networking.k8s.io', 'ingresses', 2, { spec: { rules: [{}] } }, '*'],
  ['networking.k8s.io', 'ingresses', 3, { status: { loadBalancer: { ingress: [{ ip: '9.9.9.9' }, { hostname: 'a' }, { ip: '1.1.1.1' }] } } }, '1.1.1.1,9.9.9.9,a'],
  ['networking.k8s.io', 'ipaddresses', 1, { spec: { parentRef: { resource: 'Services', namespace: 'n', name: 'x' } } }, 'services/n/x'],
  ['discovery.k8s.io', 'endpointslices', 2, { ports: [{ name: 'web' }, { port: 1 }] }, 'web,1'],
  ['discovery.k8s.io', 'endpointslices', 3, { endpoints: [{ addresses: [] }] }, '<unset>'],
  ['admissionregistration.k8s.io', 'validatingadmissionpolicybindings', 2, { spec: { paramRef: { name: 'p' } } }, '*/p'],
  ['admissionregistration.k8s.io', 'validatingadmissionpolicybindings', 2, { spec: { paramRef: { selector: { matchLabels: { b: 'c' }, matchExpressions: [{ key: 'k', operator: 'In', values: ['x', 'y'] }] } } } }, '&LabelSelector{MatchLabels:map[string]string{b: c,},MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:k,Operator:In,Values:[x y],},},}'],
  ['resource.k8s.io', 'resourceslices', 1, { spec: { allNodes: true } }, ''],
  ['certificates.k8s.io', 'certificatesigningrequests', 4, { spec: { expirationSeconds: 3600 } }, '60m'],
])('%s %s, column %d of %j', (group, plural, at, object, text) => expect(columnsFor(group, 'v1', plural)[at].value({ metadata: {}, ...object }, 0)).toBe(text));

test('addresses have a cell more than columns', () => {
  const columns = columnsFor('networking.k8s.io', 'v1', 'ipaddresses');
  expect([columns.length, columnDefinitions(columns, { types: {} } as never).length]).toEqual([3, 2]);
});
