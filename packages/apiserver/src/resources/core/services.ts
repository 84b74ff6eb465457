import { cidrWarnings, type FieldError, ipWarnings, nameIsDnsLabel, services as type } from '@pilothouse/apimachinery';
import type { Service as Published } from '@pilothouse/api-schemas/types/core/v1';
import type { ResourceDefinition, Strategy } from '../../contract.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import type { ResourceOptions } from '../options.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../validation/object-meta.ts';
import { validateLoadBalancerStatus, validateService, validateServiceChanges } from '../validation/service.ts';
import { ServiceAllocator } from './service-allocation.ts';
import { dropTypeDependent, externallyAccessible, initIpFamilies, keepAllocated, normalizeClusterIps } from './service-ip-families.ts';

type Service = Filled<Published>;

function setDefaults(service: Service): void {
  const { spec } = service;
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'ClientIP' && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined) spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: 10800 } };
  spec.type ||= 'ClusterIP';
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    if (!port.targetPort) port.targetPort = port.port;
  }
  if (externallyAccessible(service)) spec.externalTrafficPolicy ||= 'Cluster';
  if (['NodePort', 'LoadBalancer', 'ClusterIP'].includes(spec.type)) spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type !== 'LoadBalancer') return;
  spec.allocateLoadBalancerNodePorts ??= true;
  for (const ingress of service.status.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP';
}

/** Upstream stores it and shows it to nobody. */
function dropUnneeded({ spec }: Service): void {
  if (spec.type === 'ExternalName') delete spec.internalTrafficPolicy;
}

function warningsOf({ spec }: Service): string[] {
  const out: string[] = [];
  const headless = spec.type === 'ClusterIP' && spec.clusterIP === 'None';
  const external = spec.externalIPs ?? [];
  if (headless) {
    if (spec.loadBalancerIP) out.push('spec.loadBalancerIP is ignored for headless services');
    if (external.length) out.push('spec.externalIPs is ignored for headless services');
    if (spec.sessionAffinity !== 'None') out.push('spec.SessionAffinity is ignored for headless services');
  }
  external.forEach((ip, i) => out.push(...ipWarnings(ip, `spec.externalIPs[${i}]`)));
  if (external.length && !headless && spec.type !== 'ExternalName') out.push('spec.externalIPs is deprecated and may no longer be implemented in some clusters');
  if (spec.loadBalancerIP) out.push(...ipWarnings(spec.loadBalancerIP, 'spec.loadBalancerIP'));
  spec.loadBalancerSourceRanges?.forEach((range, i) => out.push(...cidrWarnings(range, `spec.loadBalancerSourceRanges[${i}]`)));
  if (spec.type === 'ExternalName' && external.length) out.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (spec.type !== 'ExternalName' && spec.externalName) out.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  if (spec.trafficDistribution === 'PreferClose') out.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  return out;
}

/** Each call gives services an allocator of their own. */
export function services(options: ResourceOptions): ResourceDefinition {
  const allocator = new ServiceAllocator(options);
  const strategy: Strategy<Service> = {
    allowCreateOnUpdate: true,
    defaults: setDefaults,
    prepareForCreate(service) {
      dropUnneeded(service);
      normalizeClusterIps(service, undefined);
      initIpFamilies(service, undefined, allocator.families);
    },
    prepareForUpdate(service, old, context) {
      if (context.subresource !== '') return;
      dropUnneeded(service);
      keepAllocated(service, old);
      normalizeClusterIps(service, old);
      initIpFamilies(service, old, allocator.families);
      dropTypeDependent(service, old);
    },
    validate(service) {
      const errors: FieldError[] = [];
      validateObjectMeta(errors, service.metadata, { name: nameIsDnsLabel, namespaced: true });
      validateService(errors, service, undefined);
      return errors;
    },
    validateUpdate(service, old) {
      const errors: FieldError[] = [];
      validateObjectMetaUpdate(errors, service.metadata, old.metadata);
      validateServiceChanges(errors, service, old);
      validateService(errors, service, old);
      return errors;
    },
    validateStatusUpdate(service, old) {
      const errors: FieldError[] = [];
      validateObjectMetaUpdate(errors, service.metadata, old.metadata);
      validateLoadBalancerStatus(errors, service.status.loadBalancer, old.status.loadBalancer, service.spec.type);
      return errors;
    },
    warnings: warningsOf,
    begin: (service, old, context) => (context.subresource === '' ? allocator.take(service, old, context) : Promise.resolve(undefined)),
    afterDelete: (service, context) => allocator.free(service, context),
  };
  return defineResource<any>(type, {
    strategy,
    storagePrefix: 'services/specs',
    selectableFields: { 'spec.clusterIP': (s: Service) => s.spec.clusterIP ?? '', 'spec.type': (s: Service) => s.spec.type ?? '' },
  });
}
