import { describe, expect, test } from 'vitest';
import { aContainer, aPod } from '../testdata/builders.ts';
import { admit } from './admission.ts';
import { createAllocation, resizeStep } from './allocation.ts';
import { createBackoff, formatGoSeconds } from './backoff.ts';
import { precedingEnds } from './kill-pod.ts';
import { dnsOf, hostnameOf, hostsFile } from './network-files.ts';
import { qosClassOf } from './pod-facts.ts';
import { linuxResources, oomScoreAdj, podCgroup, podTotals } from './resources.ts';
import { nonRootProblem } from './security.ts';

const resources = (requests?: object, limits?: object) => aContainer('c', { resources: { requests, limits } } as never);

describe('back-off', () => {
  test('begins at once, doubles up to the cap, and is forgotten after twice the cap', () => {
    const b = createBackoff({ initialMs: 10_000, maxMs: 300_000 });
    expect(b.remainingMs('k', 0, 0)).toBe(0);
    const delays: number[] = [];
    for (let now = 0, i = 0; i < 7; i++, now += b.delayMs('k')) {
      b.next('k', now, now);
      delays.push(b.delayMs('k'));
    }
    expect(delays).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
    expect(b.remainingMs('k', 2_000_000, 2_000_000)).toBe(0);
  });
  test.each([[10, '10s'], [160, '2m40s'], [300, '5m0s'], [3600, '1h0m0s']])('%d seconds are written %s', (s, text) => {
    expect(formatGoSeconds(s)).toBe(text);
  });
});

describe('admission', () => {
  const node = { metadata: { name: 'n', labels: { 'kubernetes.io/os': 'linux', zone: 'a' } }, spec: {}, status: { allocatable: { cpu: '2', memory: '1Gi', pods: '2' } } };
  const ask = (pod: ReturnType<typeof aPod>, others: ReturnType<typeof aPod>[] = []) => admit({ pod, node: node as never, others, allowedUnsafeSysctls: [] });
  const withPort = aPod({ containers: [aContainer('c', { ports: [{ containerPort: 80, hostPort: 80 }] })] });
  test.each([
    ['takes a pod that fits', ask(aPod()), undefined],
    ['refuses too much cpu', ask(aPod({ containers: [resources({ cpu: '3' })] })), 'OutOfcpu'],
    ['counts the others', ask(aPod({ containers: [resources({ memory: '600Mi' })] }), [aPod({ containers: [resources({ memory: '600Mi' })] })]), 'OutOfmemory'],
    ['refuses one pod too many', ask(aPod(), [aPod(), aPod()]), 'OutOfpods'],
    ['refuses a taken host port', ask(withPort, [withPort]), 'NodePorts'],
    ['refuses what is meant for other nodes', ask(aPod({ nodeSelector: { zone: 'b' } })), 'NodeAffinity'],
    ['refuses an affinity that does not hold', ask(aPod({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'NotIn', values: ['a'] }] }] } } } })), 'NodeAffinity'],
    ['refuses unsafe sysctls', ask(aPod({ securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } })), 'SysctlForbidden'],
    ['takes safe ones', ask(aPod({ securityContext: { sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }] } })), undefined],
  ])('%s', (_, refusal, reason) => {
    expect(refusal?.reason).toBe(reason);
  });
});

describe('resources', () => {
  test.each([
    [[aContainer('c')], 'BestEffort'],
    [[resources({ cpu: '1' })], 'Burstable'],
    [[resources({ cpu: '1', memory: '1Gi' }, { cpu: '1', memory: '1Gi' })], 'Guaranteed'],
    [[resources({ cpu: '1', memory: '1Gi' }, { cpu: '1', memory: '1Gi' }), aContainer('d')], 'Burstable'],
  ])('a pod of %j is %s', (containers, want) => {
    expect(qosClassOf(aPod({ containers }))).toBe(want);
  });
  test('become shares, quota and bytes', () => {
    const c = resources({ cpu: '20m', memory: '8Mi' }, { cpu: '100m', memory: '32Mi' });
    expect(linuxResources(aPod({ containers: [c] }), c, { memoryCapacity: 8 * 2 ** 30 })).toMatchObject({ cpuShares: 20, cpuQuota: 10_000, cpuPeriod: 100_000, memoryLimitInBytes: 32 * 2 ** 20, oomScoreAdj: 999 });
    expect(oomScoreAdj(aPod(), aContainer('c'), 1)).toBe(1000);
  });
  test('init containers count by their peak, sidecars with the rest', () => {
    const pod = aPod({ initContainers: [{ ...resources({ cpu: '100m' }), name: 's', restartPolicy: 'Always' }, { ...resources({ cpu: '500m' }), name: 'i' }], containers: [resources({ cpu: '200m' })] });
    expect(podTotals(pod).requests.cpu).toBe(600);
    expect(podCgroup(pod, '/x').path).toBe('/x/kubepods/burstable/podu1');
  });
  test('a change that fits is accepted, one that never can is told', () => {
    const before = resources({ cpu: '100m' });
    const pod = (cpu: string) => aPod({ containers: [resources({ cpu })] });
    const a = createAllocation();
    a.update(pod('100m'), [], { cpu: '1' });
    a.update(pod('200m'), [], { cpu: '1' });
    expect(a.of(before)?.requests).toEqual({ cpu: '200m' });
    a.update(pod('3'), [], { cpu: '1' });
    expect([a.of(before)?.requests, a.conditions()[0].reason]).toEqual([{ cpu: '200m' }, 'Infeasible']);
    expect(resizeStep({ ...resources({ cpu: '2' }), resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] }, { requests: { cpu: '1' } })).toBe('restart');
  });
});

describe('names', () => {
  const long = aPod({}, { name: `${'a'.repeat(62)}-bcd` });
  test('a host name is cut to 63 characters and does not end in a dash', () => {
    expect(hostnameOf(long, 'cluster.local').hostname).toBe('a'.repeat(62));
  });
  test('/etc/hosts names the pod, its domain and its aliases', () => {
    const pod = aPod({ subdomain: 'sub', hostAliases: [{ ip: '1.2.3.4', hostnames: ['x', 'y'] }] });
    const { hostname, domain } = hostnameOf(pod, 'cluster.local');
    const file = hostsFile(pod, { ips: ['10.0.0.9'], hostname, domain, hostFile: '' });
    expect(file).toContain('10.0.0.9\tp.sub.ns.svc.cluster.local\tp\n');
    expect(file.endsWith('\n# Entries added by HostAliases.\n1.2.3.4\tx\ty\n')).toBe(true);
  });
  test('resolvers follow the policy', () => {
    const host = { servers: ['9.9.9.9'], searches: ['corp'], options: [] };
    const of = (spec: object) => dnsOf(aPod(spec), { clusterDns: ['10.96.0.10'], clusterDomain: 'cluster.local', host });
    expect(of({})).toEqual({ servers: ['10.96.0.10'], searches: ['ns.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp'], options: ['ndots:5'] });
    expect(of({ hostNetwork: true }).servers).toEqual(['9.9.9.9']);
    expect(of({ dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'], options: [{ name: 'ndots', value: '2' }] } })).toEqual({ servers: ['1.1.1.1'], searches: [], options: ['ndots:2'] });
    expect(of({ dnsConfig: { options: [{ name: 'ndots', value: '1' }] } }).options).toEqual(['ndots:1']);
  });
});

test('sidecars end after the containers, the last first', () => {
  const sidecar = (name: string) => aContainer(name, { restartPolicy: 'Always' });
  const pod = aPod({ initContainers: [sidecar('s1'), sidecar('s2')] });
  expect([precedingEnds(pod, 'c'), precedingEnds(pod, 's2'), precedingEnds(pod, 's1')]).toEqual([[], ['c'], ['c', 's2']]);
});

test('what must not run as root is checked against the image and the spec', () => {
  const problem = (securityContext: object, image: { uid?: number; username: string }) => nonRootProblem(aPod(), aContainer('c', { securityContext }), image)?.replace(/ \(pod.*/, '');
  expect(problem({ runAsNonRoot: true }, { uid: 0, username: '' })).toBe('container has runAsNonRoot and image will run as root');
  expect(problem({ runAsNonRoot: true, runAsUser: 0 }, { uid: 0, username: '' })).toBe("container's runAsUser breaks non-root policy");
  expect(problem({ runAsNonRoot: true }, { username: 'web' })).toContain('non-numeric user (web)');
  expect(problem({ runAsNonRoot: true, runAsUser: 5 }, { uid: 0, username: '' })).toBeUndefined();
});
