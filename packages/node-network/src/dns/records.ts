/** The names of a cluster, from Services and EndpointSlices. @see https://github.com/kubernetes/dns/blob/master/docs/specification.md */
import type { Service } from '@pilothouse/api-schemas/types/core/v1';
import type { EndpointSlice } from '@pilothouse/api-schemas/types/discovery/v1';

/** What the resolver reads; lookups by key, no lists. */
export interface ClusterView {
  service(namespace: string, name: string): Service | undefined;
  namespaceExists(namespace: string): boolean;
  slices(namespace: string, service: string): readonly EndpointSlice[];
  serviceByClusterIP(address: string): Service | undefined;
  /** Slices that carry an endpoint address. */
  slicesByAddress(address: string): readonly EndpointSlice[];
}

export interface Question {
  name: string;
  type: string;
}

export type Record =
  | { name: string; type: 'A' | 'AAAA' | 'CNAME' | 'PTR'; ttl: number; data: string }
  | { name: string; type: 'TXT'; ttl: number; data: string[] }
  | { name: string; type: 'SRV'; ttl: number; data: { priority: number; weight: number; port: number; target: string } }
  | { name: string; type: 'SOA'; ttl: number; data: { mname: string; rname: string; serial: number; refresh: number; retry: number; expire: number; minimum: number } }
  | { name: string; type: 'NS'; ttl: number; data: string };

export interface Answer {
  rcode: 'NOERROR' | 'NXDOMAIN';
  answers: Record[];
  additionals: Record[];
}

export interface ZoneOptions {
  /** `cluster.local`. */
  domain: string;
  ttlSeconds: number;
}

const specificationVersion = '1.1.0';
const isIPv4 = (address: string) => !address.includes(':');
const family = (address: string): 'A' | 'AAAA' => (isIPv4(address) ? 'A' : 'AAAA');
const dashed = (address: string) => address.replace(/[.:]/g, '-');

interface Host {
  /** The endpoint's own label: its host name, or its address with dashes. */
  label: string;
  address: string;
}

/** Ready endpoints of a headless service, each address once. */
function hostsOf(slices: readonly EndpointSlice[]): Host[] {
  const found = new Map<string, Host>();
  for (const slice of slices) {
    if (slice.addressType === 'FQDN') continue;
    for (const endpoint of slice.endpoints ?? []) {
      if (endpoint.conditions?.ready === false) continue;
      for (const address of endpoint.addresses ?? []) found.set(address, { label: endpoint.hostname || dashed(address), address });
    }
  }
  return [...found.values()];
}

interface PortEntry {
  name: string;
  protocol: string;
  port: number;
}
const portsOf = (service: Service, slices: readonly EndpointSlice[]): PortEntry[] => {
  if (service.spec?.clusterIP !== 'None') return (service.spec?.ports ?? []).map((p) => ({ name: p.name ?? '', protocol: p.protocol ?? 'TCP', port: p.port }));
  const found = new Map<string, PortEntry>();
  for (const slice of slices) for (const p of slice.ports ?? []) if (p.port) found.set(`${p.name}/${p.protocol}/${p.port}`, { name: p.name ?? '', protocol: p.protocol ?? 'TCP', port: p.port });
  return [...found.values()];
};

/** Answers a question about the cluster's zone; undefined when the name is outside it. `name` in lower case without the final dot. */
export function resolveCluster(question: Question, view: ClusterView, zone: ZoneOptions): Answer | undefined {
  const reverse = reverseAddress(question.name);
  if (reverse !== undefined) return question.type === 'PTR' ? resolveReverse(question, reverse, view, zone) : undefined;
  if (question.name !== zone.domain && !question.name.endsWith(`.${zone.domain}`)) return undefined;
  const labels = question.name === zone.domain ? [] : question.name.slice(0, -zone.domain.length - 1).split('.');
  const found = lookUp(labels, question, view, zone);
  if (!found) return { rcode: 'NXDOMAIN', answers: [], additionals: [] };
  return { rcode: 'NOERROR', ...found };
}

type Found = Pick<Answer, 'answers' | 'additionals'>;
const nothing: Found = { answers: [], additionals: [] };

/** undefined: the name does not exist. */
function lookUp(labels: string[], question: Question, view: ClusterView, zone: ZoneOptions): Found | undefined {
  if (labels.length === 0) return apex(question, zone);
  const kind = labels.at(-1);
  if (labels.length === 1) {
    if (kind === 'dns-version') return question.type === 'TXT' || question.type === 'ANY' ? { answers: [{ name: question.name, type: 'TXT', ttl: zone.ttlSeconds, data: [specificationVersion] }], additionals: [] } : nothing;
    return kind === 'svc' || kind === 'pod' ? nothing : undefined;
  }
  const namespace = labels.at(-2)!;
  if (kind === 'pod') return lookUpPod(labels, namespace, question, view, zone);
  if (kind !== 'svc') return undefined;
  if (labels.length === 2) return view.namespaceExists(namespace) ? nothing : undefined;
  return lookUpService(labels.slice(0, -2), namespace, question, view, zone);
}

function apex(question: Question, zone: ZoneOptions): Found {
  if (question.type === 'SOA') return { answers: [soa(zone)], additionals: [] };
  if (question.type === 'NS') return { answers: [{ name: zone.domain, type: 'NS', ttl: zone.ttlSeconds, data: `ns.dns.${zone.domain}` }], additionals: [] };
  return nothing;
}

/** The start of authority that goes with negative answers. */
export const soa = (zone: ZoneOptions): Record => ({ name: zone.domain, type: 'SOA', ttl: zone.ttlSeconds, data: { mname: `ns.dns.${zone.domain}`, rname: `hostmaster.${zone.domain}`, serial: 1, refresh: 7200, retry: 1800, expire: 86400, minimum: zone.ttlSeconds } });

/** `10-244-0-3.<namespace>.pod`: the address is in the name. */
function lookUpPod(labels: string[], namespace: string, question: Question, view: ClusterView, zone: ZoneOptions): Found | undefined {
  if (!view.namespaceExists(namespace)) return undefined;
  if (labels.length === 2) return nothing;
  if (labels.length !== 3) return undefined;
  const octets = labels[0].split('-');
  if (octets.length === 4 && octets.every((o) => /^\d{1,3}$/.test(o) && Number(o) <= 255)) return addressRecords(question, [octets.join('.')], zone);
  const v6 = labels[0].replaceAll('-', ':');
  return /^[0-9a-f:]+$/.test(v6) && v6.includes(':') ? addressRecords(question, [v6], zone) : undefined;
}

function addressRecords(question: Question, addresses: readonly string[], zone: ZoneOptions): Found {
  const answers = addresses.filter((a) => question.type === family(a) || question.type === 'ANY').map((data): Record => ({ name: question.name, type: family(data), ttl: zone.ttlSeconds, data }));
  return { answers, additionals: [] };
}

/** `rest`: labels before `<namespace>.svc`; the service's name is the last of them. */
function lookUpService(rest: string[], namespace: string, question: Question, view: ClusterView, zone: ZoneOptions): Found | undefined {
  const name = rest.at(-1)!;
  const service = view.service(namespace, name);
  if (!service) return undefined;
  const fqdn = `${name}.${namespace}.svc.${zone.domain}`;
  if (service.spec?.type === 'ExternalName') {
    if (rest.length !== 1) return undefined;
    return { answers: [{ name: question.name, type: 'CNAME', ttl: zone.ttlSeconds, data: (service.spec.externalName ?? '').replace(/\.$/, '') }], additionals: [] };
  }
  const slices = view.slices(namespace, name);
  const headless = service.spec?.clusterIP === 'None';
  const hosts = headless ? hostsOf(slices) : [];
  if (headless && !hosts.length) return undefined;
  const addresses = headless ? hosts.map((h) => h.address) : (service.spec?.clusterIPs ?? [service.spec?.clusterIP ?? '']).filter(Boolean);
  if (rest.length === 1) {
    if (question.type === 'SRV') return serviceRecords(question, fqdn, portsOf(service, slices), headless ? hosts : undefined, addresses, zone);
    return addressRecords(question, addresses, zone);
  }
  if (rest.length === 2 && !rest[0].startsWith('_')) {
    const named = hosts.filter((h) => h.label === rest[0]);
    return named.length ? addressRecords(question, named.map((h) => h.address), zone) : undefined;
  }
  if (rest.length === 3 && rest[0].startsWith('_') && rest[1].startsWith('_')) {
    const ports = portsOf(service, slices).filter((p) => p.name.toLowerCase() === rest[0].slice(1) && p.protocol.toLowerCase() === rest[1].slice(1));
    if (!ports.length) return undefined;
    return question.type === 'SRV' || question.type === 'ANY' ? serviceRecords(question, fqdn, ports, headless ? hosts : undefined, addresses, zone) : nothing;
  }
  return undefined;
}

function serviceRecords(question: Question, fqdn: string, ports: readonly PortEntry[], hosts: readonly Host[] | undefined, addresses: readonly string[], zone: ZoneOptions): Found {
  const targets = hosts ? hosts.map((h) => ({ target: `${h.label}.${fqdn}`, addresses: [h.address] })) : [{ target: fqdn, addresses: [...addresses] }];
  const weight = Math.max(1, Math.floor(100 / Math.max(1, targets.length * ports.length)));
  const answers = ports.flatMap((p) => targets.map((t): Record => ({ name: question.name, type: 'SRV', ttl: zone.ttlSeconds, data: { priority: 0, weight, port: p.port, target: t.target } })));
  const additionals = targets.flatMap((t) => t.addresses.map((data): Record => ({ name: t.target, type: family(data), ttl: zone.ttlSeconds, data })));
  return { answers, additionals };
}

/** The address of a reverse name; undefined for other names. */
export function reverseAddress(name: string): string | undefined {
  const v4 = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\.in-addr\.arpa$/.exec(name);
  if (v4) return [v4[4], v4[3], v4[2], v4[1]].join('.');
  if (!name.endsWith('.ip6.arpa')) return undefined;
  const nibbles = name.slice(0, -9).split('.').reverse().join('');
  return nibbles.length === 32 ? nibbles.match(/.{4}/g)!.join(':') : undefined;
}

/** undefined: not an address of the cluster. */
function resolveReverse(question: Question, address: string, view: ClusterView, zone: ZoneOptions): Answer | undefined {
  const name = (data: string): Record => ({ name: question.name, type: 'PTR', ttl: zone.ttlSeconds, data });
  const service = view.serviceByClusterIP(address);
  if (service) return { rcode: 'NOERROR', answers: [name(`${service.metadata.name}.${service.metadata.namespace}.svc.${zone.domain}`)], additionals: [] };
  const answers = new Map<string, Record>();
  for (const slice of view.slicesByAddress(address)) {
    const serviceName = slice.metadata.labels?.['kubernetes.io/service-name'];
    const owner = serviceName && view.service(slice.metadata.namespace!, serviceName);
    if (!owner || owner.spec?.clusterIP !== 'None') continue;
    for (const host of hostsOf([slice])) {
      if (host.address !== address) continue;
      const target = `${host.label}.${serviceName}.${slice.metadata.namespace}.svc.${zone.domain}`;
      answers.set(target, name(target));
    }
  }
  return answers.size ? { rcode: 'NOERROR', answers: [...answers.values()], additionals: [] } : undefined;
}
