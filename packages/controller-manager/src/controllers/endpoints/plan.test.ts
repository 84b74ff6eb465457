import type { Pod, Service } from '@pilothouse/api-schemas/types/core/v1';
import { expect, test } from 'vitest';
import { subsetsOf } from './plan.ts';
import { sortPorts } from './port-order.ts';

const pod = (name: string, ip: string, ports: Record<string, number>, ready = true): Pod => ({
  metadata: { name, namespace: 'ns', uid: name }, spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i', ports: Object.entries(ports).map(([port, containerPort]) => ({ name: port, containerPort, protocol: 'TCP' })) }] },
  status: { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});
const service = (ports: string[], clusterIP = '10.0.0.1'): Service => ({ metadata: { name: 's', namespace: 'ns' }, spec: { clusterIP, ipFamilies: ['IPv4'], selector: {}, ports: ports.map((name, i) => ({ name, port: 80 + i, targetPort: name, protocol: 'TCP' })) } });
const shown = (subsets: ReturnType<typeof subsetsOf>) => subsets.map(({ addresses = [], notReadyAddresses = [], ports = [] }) => `${ports.map((port) => port.name).sort()}: ${addresses.map(({ ip }) => ip)} / ${notReadyAddresses.map(({ ip }) => ip)}`);

test.each<[string, Service, Pod[], string[]]>([
  ['ports of the same pods share a subset', service(['web', 'metrics']), [pod('a', '10.1.0.1', { web: 80, metrics: 90 }), pod('b', '10.1.0.2', { web: 80, metrics: 90 }, false)], ['metrics,web: 10.1.0.1 / 10.1.0.2']],
  ['a port that fewer pods have stands apart', service(['web', 'metrics']), [pod('a', '10.1.0.1', { web: 80, metrics: 90 }), pod('b', '10.1.0.2', { web: 80 })], ['metrics: 10.1.0.1 / ', 'web: 10.1.0.1,10.1.0.2 / ']],
  ['a named port with several numbers is several', service(['web']), [pod('a', '10.1.0.1', { web: 80 }), pod('b', '10.1.0.2', { web: 81 })], ['web: 10.1.0.1 / ', 'web: 10.1.0.2 / ']],
  ['without ports a headless service has addresses', service([], 'None'), [pod('a', '10.1.0.1', {})], [': 10.1.0.1 / ']],
  ['without ports a service with an address has none', service([]), [pod('a', '10.1.0.1', {})], []],
  ['a pod that lacks the port is not there', service(['web']), [pod('a', '10.1.0.1', {})], []],
])('%s', (_, given, pods, expected) => {
  expect(shown(subsetsOf(given, pods))).toEqual(expected);
});

test('the order of ports depends on nothing but the ports', () => {
  const ports = ['a', 'b', 'c', 'd'].map((name, i) => ({ name, port: 80 + i, protocol: 'TCP' }));
  expect(sortPorts([...ports].reverse())).toEqual(sortPorts(ports));
});
