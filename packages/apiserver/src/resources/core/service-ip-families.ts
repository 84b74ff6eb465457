/** Families and addresses of a service before any is taken: what follows from what the client gave and what was there. */
import { type FieldError, invalid, invalidError, parseIp } from '@pilothouse/apimachinery';
import type { Service as Published } from '@pilothouse/api-schemas/types/core/v1';
import type { Filled } from '../filled.ts';
import { same } from '../validation/equality.ts';
import { validateClusterIpFields } from '../validation/service.ts';

type Service = Filled<Published>;

export const needsClusterIp = ({ spec }: Service): boolean => spec.type !== 'ExternalName';
export const needsNodePort = ({ spec }: Service): boolean => spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
export const needsHealthCheckPort = ({ spec }: Service): boolean => spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';

const sameIps = (a: Service, b: Service): boolean => (a.spec.clusterIP ?? '') === (b.spec.clusterIP ?? '') && same(a.spec.clusterIPs, b.spec.clusterIPs);

/** A client that knows only `clusterIP` does not unset the list, and the other way round. */
export function normalizeClusterIps({ spec }: Service, old: Service | undefined): void {
  if (!old) {
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    return;
  }
  const before = old.spec;
  if (before.clusterIPs?.length && !spec.clusterIPs?.length && before.clusterIP === spec.clusterIP) spec.clusterIPs = before.clusterIPs;
  if (before.clusterIP === spec.clusterIP || !same(before.clusterIPs, spec.clusterIPs)) return;
  if (before.clusterIP && !spec.clusterIP) delete spec.clusterIPs;
  else if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP];
}

/** A PUT that leaves out what the server gave keeps it. */
export function keepAllocated(service: Service, old: Service): void {
  const { spec } = service;
  if (needsClusterIp(old) && needsClusterIp(service)) {
    if (!spec.clusterIP && old.spec.clusterIP) spec.clusterIP = old.spec.clusterIP;
    if (!spec.clusterIPs?.length && old.spec.clusterIPs?.length) spec.clusterIPs = old.spec.clusterIPs;
  }
  if (needsNodePort(old) && needsNodePort(service)) {
    const used = new Set(spec.ports?.map((port) => port.nodePort));
    for (const port of spec.ports ?? []) {
      const before = old.spec.ports?.findLast((p) => (p.name ?? '') === (port.name ?? ''))?.nodePort;
      if (!port.nodePort && before && !used.has(before)) port.nodePort = before;
    }
  }
  if (needsHealthCheckPort(old) && needsHealthCheckPort(service) && !spec.healthCheckNodePort && old.spec.healthCheckNodePort) spec.healthCheckNodePort = old.spec.healthCheckNodePort;
}

/** A change of type drops what the new type has no use for, where the client did not change it. */
export function dropTypeDependent(service: Service, old: Service): void {
  const { spec } = service;
  const before = old.spec;
  if (needsClusterIp(old) && !needsClusterIp(service)) {
    if (sameIps(old, service)) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    if (same(before.ipFamilies, spec.ipFamilies)) delete spec.ipFamilies;
    if (before.ipFamilyPolicy === spec.ipFamilyPolicy) delete spec.ipFamilyPolicy;
  }
  const portType = (s: Service) => s.spec.type === 'NodePort' || s.spec.type === 'LoadBalancer';
  if (portType(old) && !portType(service) && (spec.ports ?? []).every((port) => !port.nodePort || before.ports?.some((p) => p.nodePort === port.nodePort))) for (const port of spec.ports ?? []) delete port.nodePort;
  if (needsHealthCheckPort(old) && !needsHealthCheckPort(service) && before.healthCheckNodePort === spec.healthCheckNodePort) delete spec.healthCheckNodePort;
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    if (spec.allocateLoadBalancerNodePorts === before.allocateLoadBalancerNodePorts) delete spec.allocateLoadBalancerNodePorts;
    if (spec.loadBalancerClass === before.loadBalancerClass) delete spec.loadBalancerClass;
  }
  if (externallyAccessible(old) && !externallyAccessible(service) && before.externalTrafficPolicy === spec.externalTrafficPolicy) delete spec.externalTrafficPolicy;
  if (spec.type !== 'LoadBalancer') service.status = { loadBalancer: {}, ...(service.status.conditions && { conditions: service.status.conditions }) };
}

export const externallyAccessible = ({ spec }: Service): boolean => spec.type === 'LoadBalancer' || spec.type === 'NodePort' || (spec.type === 'ClusterIP' && (spec.externalIPs?.length ?? 0) > 0);

/** Sets policy and families. `configured`: the cluster's families, the first its default. @throws StatusError 422 */
export function initIpFamilies(service: Service, old: Service | undefined, configured: readonly ('IPv4' | 'IPv6')[]): void {
  const { spec } = service;
  if (spec.type === 'ExternalName' || keepsPreferDualStack(service, old)) return;
  const headlessWithoutSelector = spec.clusterIP === 'None' && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ??= old?.spec.ipFamilyPolicy ?? (headlessWithoutSelector ? 'RequireDualStack' : 'SingleStack');
  const errors: FieldError[] = [];
  const fail = () => {
    if (errors.length) throw invalidError({ group: '', kind: 'Service' }, service.metadata.name ?? '', errors);
  };
  validateClusterIpFields(errors, service, old);
  fail();
  const single = spec.ipFamilyPolicy === 'SingleStack';
  const bad = (detail: string) => errors.push(invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy, detail));
  if (old && single) {
    if (sameIps(old, service) && (spec.clusterIPs?.length ?? 0) > 1) spec.clusterIPs = spec.clusterIPs!.slice(0, 1);
    if (same(old.spec.ipFamilies, spec.ipFamilies) && (spec.ipFamilies?.length ?? 0) > 1) spec.ipFamilies = spec.ipFamilies!.slice(0, 1);
  } else if (old) {
    if (old.spec.clusterIPs?.length === 2 && spec.clusterIPs?.length === 1) bad("must be 'SingleStack' to release the secondary cluster IP");
    if (old.spec.ipFamilies?.length === 2 && spec.ipFamilies?.length === 1) bad("must be 'SingleStack' to release the secondary IP family");
  }
  if (single && spec.clusterIPs?.length === 2) bad("must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified");
  if (single && spec.ipFamilies?.length === 2) bad("must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified");
  familiesOfIps(errors, spec, configured);
  fail();
  if (headlessWithoutSelector) {
    const families = (spec.ipFamilies = spec.ipFamilies?.length ? spec.ipFamilies : [configured[0]]);
    if (families.length < 2 && !single) spec.ipFamilies = [families[0], other(families[0])];
    return;
  }
  if (spec.ipFamilyPolicy === 'RequireDualStack' && configured.length < 2) bad('this cluster is not configured for dual-stack services');
  spec.ipFamilies?.forEach((family, i) => {
    if (!configured.includes(family as 'IPv4')) errors.push(invalid(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster'));
  });
  fail();
  const families = (spec.ipFamilies = spec.ipFamilies?.length ? spec.ipFamilies : [configured[0]]);
  if (!single && families.length === 1 && configured.length === 2) spec.ipFamilies = [families[0], other(families[0])];
}

const other = (family: string): string => (family === 'IPv4' ? 'IPv6' : 'IPv4');

function familiesOfIps(errors: FieldError[], spec: Service['spec'], configured: readonly string[]): void {
  for (const [i, text] of (spec.clusterIPs ?? []).entries()) {
    if (text === 'None') break;
    if (i < (spec.ipFamilies?.length ?? 0)) continue;
    const family = parseIp(text)?.family === 6 ? 'IPv6' : 'IPv4';
    if (!configured.includes(family)) errors.push(invalid(`spec.clusterIPs[${i}]`, spec.clusterIPs, `${family} is not configured on this cluster`));
    else spec.ipFamilies = [...(spec.ipFamilies ?? []), family];
  }
}

/** An update of a service that prefers two families and changes nothing of it is left as it is. */
function keepsPreferDualStack(service: Service, old: Service | undefined): boolean {
  const policy = service.spec.ipFamilyPolicy;
  return old !== undefined && policy === 'PreferDualStack' && (old.spec.ipFamilyPolicy ?? policy) === policy && old.spec.type === service.spec.type && sameIps(old, service) && same(old.spec.ipFamilies, service.spec.ipFamilies);
}
