/** The names of a pod: its hostname, /etc/hosts and resolver configuration. Pure. */
import type { HostAlias, Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { DNSConfig } from '../cri/contract.ts';

const longestHostname = 63;

/** Host name and, for a pod of a subdomain, its domain. @throws where the whole name does not fit and is asked for */
export function hostnameOf(pod: Pod, clusterDomain: string): { hostname: string; domain: string } {
  const spec = pod.spec!;
  if (spec.hostnameOverride) return { hostname: spec.hostnameOverride, domain: '' };
  const hostname = (spec.hostname || pod.metadata.name!).slice(0, longestHostname).replace(/[-.]+$/, '');
  const domain = spec.subdomain ? `${spec.subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}` : '';
  if (!spec.setHostnameAsFQDN || !domain) return { hostname, domain };
  const whole = `${hostname}.${domain}`;
  if (whole.length > 64) throw new Error(`failed to construct FQDN from pod hostname and cluster domain, FQDN ${whole} is too long (64 characters is the max, ${whole.length} characters requested)`);
  return { hostname: whole, domain };
}

const aliases = (list: readonly HostAlias[] | undefined) => (list?.length ? `\n# Entries added by HostAliases.\n${list.map((a) => [a.ip, ...(a.hostnames ?? [])].join('\t')).join('\n')}\n` : '');

/** A pod's /etc/hosts; on the host's network the host's, with the pod's aliases. */
export function hostsFile(pod: Pod, options: { ips: readonly string[]; hostname: string; domain: string; hostFile: string }): string {
  if (pod.spec?.hostNetwork) return `# Kubernetes-managed hosts file (host network).\n${options.hostFile}${aliases(pod.spec.hostAliases)}`;
  const names = options.domain && !options.hostname.endsWith(options.domain) ? `${options.hostname}.${options.domain}\t${options.hostname}` : options.hostname;
  return ['# Kubernetes-managed hosts file.', '127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback', 'fe00::0\tip6-localnet', 'fe00::0\tip6-mcastprefix', 'fe00::1\tip6-allnodes', 'fe00::2\tip6-allrouters', ...options.ips.map((ip) => `${ip}\t${names}`), ''].join('\n') + aliases(pod.spec?.hostAliases);
}

const mostServers = 3;
const mostSearches = 32;

/** Reads a resolv.conf. */
export function parseResolvConf(text: string): DNSConfig {
  const config: DNSConfig = { servers: [], searches: [], options: [] };
  for (const line of text.split('\n')) {
    const [word, ...rest] = line.replace(/[#;].*/, '').trim().split(/\s+/);
    if (word === 'nameserver' && rest[0]) config.servers.push(rest[0]);
    else if (word === 'search') config.searches = rest.filter((s) => s !== '.');
    else if (word === 'domain' && rest[0]) config.searches = [rest[0]];
    else if (word === 'options') config.options = rest;
  }
  return config;
}

/** The resolver of a pod. `warn` is told of a cluster without DNS, and of lists cut to what resolvers take. */
export function dnsOf(pod: Pod, options: { clusterDns: readonly string[]; clusterDomain: string; host: DNSConfig; warn?(reason: string, message: string): void }): DNSConfig {
  const spec = pod.spec!;
  const { host, clusterDomain, clusterDns, warn } = options;
  const policy = spec.dnsPolicy ?? 'ClusterFirst';
  let config: DNSConfig = { servers: [...host.servers], searches: [...host.searches], options: [...host.options] };
  if (policy === 'None') config = { servers: [], searches: [], options: [] };
  else if (policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !spec.hostNetwork)) {
    if (clusterDns.length) {
      const namespace = pod.metadata.namespace;
      const own = clusterDomain ? [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain] : [];
      config = { servers: [...clusterDns], searches: unique([...own, ...host.searches]), options: ['ndots:5'] };
    } else warn?.('MissingClusterDNS', `pod: ${JSON.stringify(`${pod.metadata.name}_${namespace(pod)}(${pod.metadata.uid})`)}. kubelet does not have ClusterDNS IP configured and cannot create Pod using ${JSON.stringify(policy)} policy. Falling back to "Default" policy.`);
  }
  const extra = spec.dnsConfig;
  if (extra) {
    const own = new Map(config.options.map((o) => [o.split(':')[0], o]));
    for (const { name, value } of extra.options ?? []) own.set(name!, value === undefined ? name! : `${name}:${value}`);
    config = { servers: unique([...config.servers, ...(extra.nameservers ?? [])]), searches: unique([...config.searches, ...(extra.searches ?? [])]), options: [...own.values()] };
  }
  if (config.servers.length > mostServers) {
    config.servers = config.servers.slice(0, mostServers);
    warn?.('DNSConfigForming', `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${config.servers.join(' ')}`);
  }
  if (config.searches.length > mostSearches) {
    config.searches = config.searches.slice(0, mostSearches);
    warn?.('DNSConfigForming', `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${config.searches.join(' ')}`);
  }
  return config;
}

const namespace = (pod: Pod) => pod.metadata.namespace;
const unique = (list: string[]) => [...new Set(list)];
