import { dns1123Label, dns1123Subdomain, duplicate, type FieldError, forbidden, invalid, isDualStackPair, notSupported, parseIp, portNumber, qualifiedName, required, validateCidrForLegacyField, validateIpForLegacyField, validateLabels } from '@pilothouse/apimachinery';
import type { LoadBalancerStatus, Service as Published, ServicePort } from '@pilothouse/api-schemas/types/core/v1';
import type { Filled } from '../filled.ts';
import { validatePort } from './handlers.ts';
import { checkName } from './check-name.ts';
import { validateEndpointIp } from './endpoint-ip.ts';
import { internalForm } from './internal-form.ts';

type Service = Filled<Published>;

const sourceRanges = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const isHeadless = ({ spec }: Service): boolean => spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === 'None';
const isLoadBalancer = ({ spec }: Service): boolean => spec.type === 'LoadBalancer';
const externallyAccessible = ({ spec }: Service): boolean => spec.type === 'LoadBalancer' || spec.type === 'NodePort' || (spec.type === 'ClusterIP' && (spec.externalIPs?.length ?? 0) > 0);

/** All rules but metadata's and those about what changed. */
export function validateService(errors: FieldError[], service: Service, old: Service | undefined): void {
  const { spec, metadata } = service;
  const hints = metadata.annotations?.['service.kubernetes.io/topology-aware-hints'];
  const mode = metadata.annotations?.['service.kubernetes.io/topology-mode'];
  if (hints !== undefined && mode !== undefined && hints !== mode)
    errors.push(invalid('metadata.annotations[service.kubernetes.io/topology-mode]', mode, 'must match annotations[service.kubernetes.io/topology-aware-hints] when both are specified'));
  if (!spec.ports?.length && !isHeadless(service) && spec.type !== 'ExternalName') errors.push(required('spec.ports'));
  validateType(errors, service);
  validatePorts(errors, service);
  errors.push(...validateLabels(spec.selector, 'spec.selector'));
  validateAffinity(errors, service);
  validateClusterIpFields(errors, service, old);
  spec.externalIPs?.forEach((ip, i) => {
    const before = errors.length;
    errors.push(...validateIpForLegacyField(ip, `spec.externalIPs[${i}]`, { old: old?.spec.externalIPs }));
    if (errors.length === before) validateEndpointIp(errors, ip, `spec.externalIPs[${i}]`);
  });
  if (!spec.type) errors.push(required('spec.type'));
  else if (!['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'].includes(spec.type)) errors.push(notSupported('spec.type', spec.type, ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']));
  validatePortNumbers(errors, service, old);
  validateSourceRanges(errors, service, old);
  if (spec.allocateLoadBalancerNodePorts !== undefined && !isLoadBalancer(service)) errors.push(forbidden('spec.allocateLoadBalancerNodePorts', "may only be used when `type` is 'LoadBalancer'"));
  validateLoadBalancerClass(errors, service);
  validateTraffic(errors, service);
}

function validateType(errors: FieldError[], service: Service): void {
  const { spec } = service;
  if ((spec.type === 'LoadBalancer' || spec.type === 'NodePort') && isHeadless(service)) errors.push(invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`));
  if (spec.type !== 'ExternalName') return;
  const why = 'may not be set for ExternalName services';
  if (spec.clusterIPs?.length) errors.push(forbidden('spec.clusterIPs', why));
  if (spec.ipFamilies?.length) errors.push(forbidden('spec.ipFamilies', why));
  if (spec.ipFamilyPolicy !== undefined) errors.push(forbidden('spec.ipFamilyPolicy', why));
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  if (name) checkName(errors, 'spec.externalName', name, dns1123Subdomain);
  else errors.push(required('spec.externalName'));
}

function validatePorts(errors: FieldError[], { spec }: Service): void {
  const ports = spec.ports ?? [];
  const names = new Set<string>();
  ports.forEach((port: ServicePort, i) => {
    const path = `spec.ports[${i}]`;
    if (port.name) {
      checkName(errors, `${path}.name`, port.name, dns1123Label);
      if (names.has(port.name)) errors.push(duplicate(`${path}.name`, port.name));
      names.add(port.name);
    } else if (ports.length > 1) errors.push(required(`${path}.name`));
    checkName(errors, `${path}.port`, port.port, portNumber);
    if (!port.protocol) errors.push(required(`${path}.protocol`));
    else if (!['SCTP', 'TCP', 'UDP'].includes(port.protocol)) errors.push(notSupported(`${path}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']));
    validatePort(errors, port.targetPort, `${path}.targetPort`);
    if (port.appProtocol !== undefined) checkName(errors, `${path}.appProtocol`, port.appProtocol, qualifiedName);
  });
}

function validatePortNumbers(errors: FieldError[], { spec }: Service, old: Service | undefined): void {
  const ports = spec.ports ?? [];
  if (spec.type === 'ClusterIP')
    ports.forEach((port, i) => {
      if (port.nodePort) errors.push(forbidden(`spec.ports[${i}].nodePort`, "may not be used when `type` is 'ClusterIP'"));
    });
  const nodePorts = new Set<string>();
  ports.forEach((port, i) => {
    if (!port.nodePort) return;
    const key = `${port.protocol}/${port.nodePort}`;
    if (nodePorts.has(key)) errors.push(old ? duplicate(`spec.ports[${i}].nodePort`, port.nodePort) : invalid(`spec.ports[${i}].nodePort`, port.nodePort, 'provided port is already allocated'));
    nodePorts.add(key);
  });
  const numbers = new Set<string>();
  ports.forEach((port, i) => {
    const key = `${port.protocol}/${port.port}`;
    if (numbers.has(key)) errors.push(duplicate(`spec.ports[${i}]`, internalForm('core/v1.ServicePort', { protocol: port.protocol, port: port.port })));
    numbers.add(key);
  });
}

function validateAffinity(errors: FieldError[], { spec }: Service): void {
  const path = 'spec.sessionAffinityConfig';
  const { sessionAffinity: affinity, sessionAffinityConfig: config } = spec;
  if (!affinity) errors.push(required('spec.sessionAffinity'));
  else if (affinity !== 'ClientIP' && affinity !== 'None') errors.push(notSupported('spec.sessionAffinity', affinity, ['ClientIP', 'None']));
  if (affinity === 'None' && config) errors.push(forbidden(path, 'must not be set when session affinity is None'));
  if (affinity !== 'ClientIP') return;
  const why = 'when session affinity type is ClientIP';
  const seconds = config?.clientIP?.timeoutSeconds;
  if (!config) errors.push(required(path, why));
  else if (!config.clientIP) errors.push(required(`${path}.clientIP`, why));
  else if (seconds === undefined) errors.push(required(`${path}.clientIP.timeoutSeconds`, why));
  else if (seconds <= 0 || seconds > 86400) errors.push(invalid(`${path}.clientIP.timeoutSeconds`, seconds, 'must be greater than 0 and less than 86400'));
}

const policies = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];

/** Addresses, families and their policy among themselves. */
export function validateClusterIpFields(errors: FieldError[], service: Service, old: Service | undefined): void {
  const { spec } = service;
  if (spec.type === 'ExternalName') return;
  const ips = spec.clusterIPs ?? [];
  if (spec.clusterIP) {
    if (ips.length === 0) errors.push(required('spec.clusterIPs'));
    else if (ips[0] !== spec.clusterIP) errors.push(invalid('spec.clusterIPs', ips, 'first value must match `clusterIP`'));
  } else if (ips.length) errors.push(invalid('spec.clusterIPs', ips, 'must be empty when `clusterIP` is not specified'));
  spec.ipFamilies?.forEach((family, i) => {
    if (family !== 'IPv4' && family !== 'IPv6') errors.push(notSupported(`spec.ipFamilies[${i}]`, family, ['IPv4', 'IPv6']));
    if (spec.ipFamilies!.indexOf(family) < i) errors.push(duplicate(`spec.ipFamilies[${i}]`, family));
  });
  if (spec.ipFamilyPolicy !== undefined && !policies.includes(spec.ipFamilyPolicy)) errors.push(notSupported('spec.ipFamilyPolicy', spec.ipFamilyPolicy, policies));
  let wrong = false;
  ips.forEach((ip, i) => {
    if (i === 0 && ip === 'None') {
      if (ips.length > 1) {
        wrong = true;
        errors.push(invalid('spec.clusterIPs', ips, "'None' must be the first and only value"));
      }
      return;
    }
    const before = errors.length;
    errors.push(...validateIpForLegacyField(ip, `spec.clusterIPs[${i}]`, { old: old?.spec.clusterIPs }));
    wrong ||= errors.length > before;
  });
  if (ips.length > 2) errors.push(invalid('spec.clusterIPs', ips, 'may only hold up to 2 values'));
  if (wrong) return;
  if (ips.length > 1 && !isDualStackPair(ips)) errors.push(invalid('spec.clusterIPs', ips, 'may specify no more than one IP for each IP family'));
  if (isHeadless(service)) return;
  ips.forEach((ip, i) => {
    const family = spec.ipFamilies?.[i];
    const actual = parseIp(ip)?.family === 6 ? 'IPv6' : 'IPv4';
    if ((family === 'IPv4' || family === 'IPv6') && family !== actual) errors.push(invalid(`spec.clusterIPs[${i}]`, ip, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``));
  });
}

function validateSourceRanges(errors: FieldError[], service: Service, old: Service | undefined): void {
  const { spec, metadata } = service;
  const why = "may only be used when `type` is 'LoadBalancer'";
  if (spec.loadBalancerSourceRanges?.length) {
    const path = 'spec.LoadBalancerSourceRanges';
    if (!isLoadBalancer(service)) errors.push(forbidden(path, why));
    const before = (old?.spec.loadBalancerSourceRanges ?? []).map((range) => range.trim());
    spec.loadBalancerSourceRanges.forEach((range, i) => errors.push(...validateCidrForLegacyField(range.trim(), `${path}[${i}]`, { old: before })));
    return;
  }
  const text = metadata.annotations?.[sourceRanges];
  if (text === undefined) return;
  const path = `metadata.annotations[${sourceRanges}]`;
  if (!isLoadBalancer(service)) errors.push(forbidden(path, why));
  if (old?.metadata.annotations?.[sourceRanges] !== text && text.trim()) for (const range of text.split(',')) errors.push(...validateCidrForLegacyField(range.trim(), path));
}

function validateLoadBalancerClass(errors: FieldError[], service: Service): void {
  const name = service.spec.loadBalancerClass;
  if (name === undefined) return;
  if (isLoadBalancer(service)) checkName(errors, 'spec.loadBalancerClass', name, qualifiedName);
  else errors.push(forbidden('spec.loadBalancerClass', "may only be used when `type` is 'LoadBalancer'"));
}

const distributions = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];

function validateTraffic(errors: FieldError[], service: Service): void {
  const { spec } = service;
  const external = spec.externalTrafficPolicy ?? '';
  if (!externallyAccessible(service)) {
    if (external) errors.push(invalid('spec.externalTrafficPolicy', external, 'may only be set for externally-accessible services'));
  } else if (!external) errors.push(required('spec.externalTrafficPolicy'));
  else if (external !== 'Cluster' && external !== 'Local') errors.push(notSupported('spec.externalTrafficPolicy', external, ['Cluster', 'Local']));
  const port = spec.healthCheckNodePort ?? 0;
  const needsCheck = isLoadBalancer(service) && external === 'Local';
  if (!needsCheck && port !== 0) errors.push(invalid('spec.healthCheckNodePort', port, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"));
  // Absent where it is needed: taken from the range when the write begins.
  if (needsCheck && port !== 0) checkName(errors, 'spec.healthCheckNodePort', port, portNumber);
  const internal = spec.internalTrafficPolicy;
  if (internal === undefined && ['NodePort', 'LoadBalancer', 'ClusterIP'].includes(spec.type ?? '')) errors.push(required('spec.internalTrafficPolicy'));
  if (internal !== undefined && internal !== 'Cluster' && internal !== 'Local') errors.push(notSupported('spec.internalTrafficPolicy', internal, ['Cluster', 'Local']));
  if (spec.trafficDistribution !== undefined && !distributions.includes(spec.trafficDistribution)) errors.push(notSupported('spec.trafficDistribution', spec.trafficDistribution, distributions));
}

const fixed = 'may not change once set';

/** What of a stored service may not change. */
export function validateServiceChanges(errors: FieldError[], service: Service, old: Service): void {
  const { spec } = service;
  if (spec.type !== 'ExternalName' && old.spec.type !== 'ExternalName') {
    if (!(isHeadless(old) && isHeadless(service))) validateIpChanges(errors, service, old);
    if (!isHeadless(old) && !isHeadless(service)) validateFamilyChanges(errors, service, old);
  }
  if (isLoadBalancer(old) && isLoadBalancer(service) && old.spec.loadBalancerClass !== spec.loadBalancerClass) errors.push(invalid('spec.loadBalancerClass', spec.loadBalancerClass ?? null, fixed));
  const checked = (s: Service) => isLoadBalancer(s) && s.spec.externalTrafficPolicy === 'Local';
  if (checked(old) && checked(service) && old.spec.healthCheckNodePort !== spec.healthCheckNodePort) errors.push(forbidden('spec.healthCheckNodePort', 'field is immutable'));
}

function validateIpChanges(errors: FieldError[], { spec }: Service, old: Service): void {
  const now = spec.clusterIPs ?? [];
  const before = old.spec.clusterIPs ?? [];
  if (before.length === now.length) {
    before.forEach((ip, i) => {
      if (ip !== now[i]) errors.push(invalid(`spec.clusterIPs[${i}]`, now, fixed));
    });
    return;
  }
  const shrinks = before.length > now.length;
  if (shrinks && now.length === 0) errors.push(invalid('spec.clusterIPs[0]', spec.clusterIPs ?? null, 'primary clusterIP can not be unset'));
  if (before.length && now.length && now[0] !== before[0]) errors.push(invalid('spec.clusterIPs[0]', now, fixed));
  if (shrinks && now.length === 1 && spec.ipFamilyPolicy !== 'SingleStack') errors.push(invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy ?? null, "must be set to 'SingleStack' when releasing the secondary clusterIP"));
}

function validateFamilyChanges(errors: FieldError[], { spec }: Service, old: Service): void {
  const now = spec.ipFamilies ?? [];
  const before = old.spec.ipFamilies ?? [];
  if (before.length === now.length) {
    before.forEach((family, i) => {
      if (family !== now[i]) errors.push(invalid('spec.ipFamilies[0]', now, fixed));
    });
    return;
  }
  const shrinks = before.length > now.length;
  if (shrinks && !spec.clusterIPs?.length) errors.push(invalid('spec.ipFamilies[0]', now, 'primary ipFamily can not be unset'));
  if (before.length && now.length && now[0] !== before[0]) errors.push(invalid('spec.ipFamilies[0]', spec.clusterIPs ?? null, fixed));
  if (shrinks && now.length === 1 && spec.ipFamilyPolicy !== 'SingleStack') errors.push(invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy ?? null, "must be set to 'SingleStack' when releasing the secondary ipFamily"));
}

export function validateLoadBalancerStatus(errors: FieldError[], status: LoadBalancerStatus | undefined, old: LoadBalancerStatus | undefined, type: string | undefined): void {
  const path = 'status.loadBalancer.ingress';
  const ingress = status?.ingress ?? [];
  if (type !== 'LoadBalancer' && ingress.length) {
    errors.push(forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'"));
    return;
  }
  const before = (old?.ingress ?? []).flatMap(({ ip }) => (ip ? [ip] : []));
  ingress.forEach(({ ip, ipMode, hostname }, i) => {
    const at = `${path}[${i}]`;
    if (ip) errors.push(...validateIpForLegacyField(ip, `${at}.ip`, { old: before }));
    if (ipMode === undefined) {
      if (ip) errors.push(required(`${at}.ipMode`, 'must be specified when `ip` is set'));
    } else if (!ip) errors.push(forbidden(`${at}.ipMode`, 'may not be specified when `ip` is not set'));
    else if (ipMode !== 'Proxy' && ipMode !== 'VIP') errors.push(notSupported(`${at}.ipMode`, ipMode, ['Proxy', 'VIP']));
    if (!hostname) return;
    checkName(errors, `${at}.hostname`, hostname, dns1123Subdomain);
    if (parseIp(hostname)) errors.push(invalid(`${at}.hostname`, hostname, 'must be a DNS name, not an IP address'));
  });
}
