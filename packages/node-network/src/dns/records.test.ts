import { describe, expect, test } from 'vitest';
import { type ClusterView, resolveCluster } from './records.ts';

const service = (name: string, spec: object) => ({ metadata: { name, namespace: 'default' }, spec }) as any;
const slice = (name: string, endpoints: object[], ports: object[] = [{ name: 'h', protocol: 'TCP', port: 80 }]) => ({ metadata: { name: `${name}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } }, addressType: 'IPv4', endpoints, ports }) as any;
const services = [
  service('web', { clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7'], ports: [{ name: 'http', protocol: 'TCP', port: 80 }] }),
  service('sub', { clusterIP: 'None', ports: [{ name: 'h', port: 80 }] }),
  service('idle', { clusterIP: 'None' }),
  service('out', { type: 'ExternalName', externalName: 'example.org' }),
];
const slices = [slice('sub', [{ addresses: ['10.244.0.3'], hostname: 'one', conditions: { ready: true } }, { addresses: ['10.244.0.4'], conditions: { ready: true } }]), slice('idle', [{ addresses: ['10.244.0.9'], conditions: { ready: false } }])];
const view: ClusterView = {
  service: (ns, name) => services.find((s) => s.metadata.namespace === ns && s.metadata.name === name),
  namespaceExists: (ns) => ns === 'default',
  slices: (_, name) => slices.filter((s) => s.metadata.labels['kubernetes.io/service-name'] === name),
  serviceByClusterIP: (ip) => services.find((s) => s.spec.clusterIP === ip),
  slicesByAddress: (ip) => slices.filter((s) => s.endpoints.some((e: any) => e.addresses.includes(ip))),
};
const ask = (name: string, type = 'A') => resolveCluster({ name, type }, view, { domain: 'cluster.local', ttlSeconds: 30 });
const shown = (name: string, type?: string) => {
  const answer = ask(name, type);
  return answer && [answer.rcode, ...answer.answers.map((r) => (r.type === 'SRV' ? `${r.data.port} ${r.data.target}` : String(r.data)))];
};

describe('names of the cluster', () => {
  test.each([
    ['a service is its cluster IP', 'web.default.svc.cluster.local', 'A', ['NOERROR', '10.96.0.7']],
    ['a service without an IPv6 address has no AAAA, but exists', 'web.default.svc.cluster.local', 'AAAA', ['NOERROR']],
    ['a headless service is its ready endpoints', 'sub.default.svc.cluster.local', 'A', ['NOERROR', '10.244.0.3', '10.244.0.4']],
    ['a headless service without ready endpoints does not exist', 'idle.default.svc.cluster.local', 'A', ['NXDOMAIN']],
    ['a host name below a headless service is one endpoint', 'one.sub.default.svc.cluster.local', 'A', ['NOERROR', '10.244.0.3']],
    ['an endpoint without a host name is known by its address', '10-244-0-4.sub.default.svc.cluster.local', 'A', ['NOERROR', '10.244.0.4']],
    ['a named port is a service record', '_http._tcp.web.default.svc.cluster.local', 'SRV', ['NOERROR', '80 web.default.svc.cluster.local']],
    ['service records of a headless service name its hosts', '_h._tcp.sub.default.svc.cluster.local', 'SRV', ['NOERROR', '80 one.sub.default.svc.cluster.local', '80 10-244-0-4.sub.default.svc.cluster.local']],
    ['an unknown port does not exist', '_nope._tcp.web.default.svc.cluster.local', 'SRV', ['NXDOMAIN']],
    ['an external name is an alias', 'out.default.svc.cluster.local', 'A', ['NOERROR', 'example.org']],
    ['a pod is the address in its name', '10-244-0-3.default.pod.cluster.local', 'A', ['NOERROR', '10.244.0.3']],
    ['an unknown service does not exist', 'nope.default.svc.cluster.local', 'A', ['NXDOMAIN']],
    ['an unknown namespace does not exist', 'web.nope.svc.cluster.local', 'A', ['NXDOMAIN']],
    ['the zone itself exists', 'cluster.local', 'A', ['NOERROR']],
    ['the version of the specification is a text', 'dns-version.cluster.local', 'TXT', ['NOERROR', '1.1.0']],
    ['a cluster IP is known in reverse', '7.0.96.10.in-addr.arpa', 'PTR', ['NOERROR', 'web.default.svc.cluster.local']],
    ['a headless endpoint is known in reverse', '3.0.244.10.in-addr.arpa', 'PTR', ['NOERROR', 'one.sub.default.svc.cluster.local']],
  ])('%s', (_, name, type, want) => expect(shown(name, type)).toEqual(want));

  test('other names are not ours to answer', () => {
    expect(ask('example.org')).toBeUndefined();
    expect(ask('1.1.1.1.in-addr.arpa', 'PTR')).toBeUndefined();
  });
});
