import { dns1123Label, dns1123Subdomain, type FieldError, forbidden, ingressClasses as classType, ingresses as ingressType, invalid, ipWarnings, nameIsDnsSubdomain, notSupported, parseIp, pathSegmentName, portName, portNumber, required, tooLong, validateDomainPrefixedPath, validateIpForLegacyField, wildcardDns1123Subdomain } from '@pilothouse/apimachinery';
import type { TypedLocalObjectReference } from '@pilothouse/api-schemas/types/core/v1';
import type { HTTPIngressPath, Ingress as PublishedIngress, IngressBackend, IngressClass as PublishedClass, IngressClassParametersReference } from '@pilothouse/api-schemas/types/networking/v1';
import type { Strategy } from '../../contract.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { checkName } from '../validation/check-name.ts';
import { immutable, validateObjectMeta, validateObjectMetaUpdate } from '../validation/object-meta.ts';

type Ingress = Filled<PublishedIngress>;
type IngressClass = Filled<PublishedClass>;

const classAnnotation = 'kubernetes.io/ingress.class';
const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix'];

function validateReference(errors: FieldError[], { apiGroup, kind, name }: TypedLocalObjectReference, path: string): void {
  if (apiGroup !== undefined && apiGroup !== null) checkName(errors, `${path}.apiGroup`, apiGroup, dns1123Subdomain);
  for (const [key, value] of [['kind', kind], ['name', name]] as const) {
    if (!value) errors.push(required(`${path}.${key}`));
    else checkName(errors, `${path}.${key}`, value, pathSegmentName);
  }
}

function validateBackend(errors: FieldError[], { resource, service }: IngressBackend, path: string): void {
  if (resource && service) errors.push(invalid(path, '', 'cannot set both resource and service backends'));
  else if (resource) validateReference(errors, resource, `${path}.resource`);
  else if (!service) errors.push(invalid(path, '', 'resource or service backend is required'));
  else {
    if (!service.name) errors.push(required(`${path}.service.name`));
    else checkName(errors, `${path}.service.name`, service.name, dns1123Label);
    const { name, number } = service.port ?? {};
    if (name && number) errors.push(invalid(path, '', 'cannot set both port name & port number'));
    else if (name) checkName(errors, `${path}.service.port.name`, name, portName);
    else if (number) checkName(errors, `${path}.service.port.number`, number, portNumber);
    else errors.push(required(path, 'port name or number is required'));
  }
}

function validatePath(errors: FieldError[], { path: given = '', pathType, backend }: HTTPIngressPath, path: string): void {
  const bad = (detail: string) => errors.push(invalid(`${path}.path`, given, detail));
  if (pathType === undefined || pathType === null) {
    errors.push(required(`${path}.pathType`, 'pathType must be specified'));
    return;
  }
  if (pathType === 'Exact' || pathType === 'Prefix') {
    if (!given.startsWith('/')) bad('must be an absolute path');
    if (given) {
      for (const sequence of ['//', '/./', '/../', '%2f', '%2F']) if (given.includes(sequence)) bad(`must not contain '${sequence}'`);
      for (const suffix of ['/..', '/.']) if (given.endsWith(suffix)) bad(`cannot end with '${suffix}'`);
    }
  } else if (pathType === 'ImplementationSpecific') {
    if (given && !given.startsWith('/')) bad('must be an absolute path');
  } else errors.push(notSupported(`${path}.pathType`, pathType, pathTypes));
  validateBackend(errors, backend, `${path}.backend`);
}

const checkHost = (errors: FieldError[], path: string, host: string): void => checkName(errors, path, host, host.includes('*') ? wildcardDns1123Subdomain : dns1123Subdomain);

function validateSpec(errors: FieldError[], { spec }: Ingress, old: Ingress | undefined): void {
  if (!spec.rules?.length && !spec.defaultBackend) errors.push(invalid('spec', spec.rules ?? null, 'either `defaultBackend` or `rules` must be specified'));
  if (spec.defaultBackend) validateBackend(errors, spec.defaultBackend, 'spec.defaultBackend');
  spec.rules?.forEach((rule, i) => {
    const path = `spec.rules[${i}]`;
    if (rule.host) {
      if (parseIp(rule.host)) errors.push(invalid(`${path}.host`, rule.host, 'must be a DNS name, not an IP address'));
      checkHost(errors, `${path}.host`, rule.host);
    }
    if (rule.http && !rule.http.paths?.length) errors.push(required(`${path}.http.paths`));
    rule.http?.paths?.forEach((one, j) => validatePath(errors, one, `${path}.http.paths[${j}]`));
  });
  const hadBadSecret = old?.spec.tls?.some(({ secretName }) => secretName && dns1123Subdomain(secretName).length);
  spec.tls?.forEach((tls, i) => {
    tls.hosts?.forEach((host, j) => checkHost(errors, `spec.tls[${i}].hosts[${j}]`, host));
    if (tls.secretName && !hadBadSecret) checkName(errors, `spec.tls[${i}].secretName`, tls.secretName, dns1123Subdomain);
  });
  if (spec.ingressClassName !== undefined) checkName(errors, 'spec.ingressClassName', spec.ingressClassName, dns1123Subdomain);
}

const ingressRules = { name: nameIsDnsSubdomain, namespaced: true };

const ingressStrategy: Strategy<Ingress> = {
  generation: true,
  validate(object) {
    const errors: FieldError[] = [];
    validateObjectMeta(errors, object.metadata, ingressRules);
    validateSpec(errors, object, undefined);
    const annotation = object.metadata.annotations?.[classAnnotation];
    const name = object.spec.ingressClassName;
    if (annotation !== undefined && name !== undefined && annotation !== name) errors.push(invalid(`annotations.${classAnnotation}`, annotation, 'must match `ingressClassName` when both are specified'));
    return errors;
  },
  validateUpdate(object, old) {
    const errors: FieldError[] = [];
    validateObjectMetaUpdate(errors, object.metadata, old.metadata);
    validateObjectMeta(errors, object.metadata, ingressRules);
    validateSpec(errors, object, old);
    return errors;
  },
  validateStatusUpdate({ metadata, status }, old) {
    const errors: FieldError[] = [];
    validateObjectMetaUpdate(errors, metadata, old.metadata);
    const before = (old.status.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip ? [ip] : []));
    status.loadBalancer?.ingress?.forEach(({ ip, hostname }, i) => {
      const path = `status.loadBalancer.ingress[${i}]`;
      if (ip) errors.push(...validateIpForLegacyField(ip, `${path}.ip`, { old: before }));
      if (!hostname) return;
      checkName(errors, `${path}.hostname`, hostname, dns1123Subdomain);
      if (parseIp(hostname)) errors.push(invalid(`${path}.hostname`, hostname, 'must be a DNS name, not an IP address'));
    });
    return errors;
  },
  warnsOnStatus: true,
  warnings({ metadata, spec, status }, old) {
    // A write of the rest carries the very status that is stored.
    if (old) return status === old.status ? [] : (status.loadBalancer?.ingress ?? []).flatMap(({ ip }, i) => (ip ? ipWarnings(ip, `status.loadBalancer.ingress[${i}]`) : []));
    return metadata.annotations?.[classAnnotation] !== undefined && spec.ingressClassName === undefined ? [`annotation "${classAnnotation}" is deprecated, please use 'spec.ingressClassName' instead`] : [];
  },
};

function validateParameters(errors: FieldError[], parameters: IngressClassParametersReference): void {
  const path = 'spec.parameters';
  const { scope, namespace } = parameters;
  validateReference(errors, parameters, path);
  if (scope === undefined) errors.push(required(`${path}.scope`));
  else if (scope !== 'Cluster' && scope !== 'Namespace') errors.push(notSupported(`${path}.scope`, scope, ['Cluster', 'Namespace']));
  else if (scope === 'Namespace') {
    if (namespace === undefined) errors.push(required(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'"));
    else checkName(errors, `${path}.namespace`, namespace, dns1123Label);
  } else if (namespace !== undefined) errors.push(forbidden(`${path}.namespace`, "`parameters.scope` is set to 'Cluster'"));
}

function validateClass(errors: FieldError[], object: IngressClass): void {
  const controller = object.spec.controller ?? '';
  validateObjectMeta(errors, object.metadata, { name: nameIsDnsSubdomain, namespaced: false });
  if (controller.length > 250) errors.push(tooLong('spec.controller', 250));
  errors.push(...validateDomainPrefixedPath(controller, 'spec.controller'));
  if (object.spec.parameters) validateParameters(errors, object.spec.parameters);
}

const classStrategy: Strategy<IngressClass> = {
  generation: true,
  defaults({ spec }) {
    if (spec.parameters) spec.parameters.scope ??= 'Cluster';
  },
  validate(object) {
    const errors: FieldError[] = [];
    validateClass(errors, object);
    return errors;
  },
  validateUpdate(object, old) {
    const errors: FieldError[] = [];
    validateObjectMetaUpdate(errors, object.metadata, old.metadata);
    immutable(errors, object.spec.controller ?? '', old.spec.controller ?? '', 'spec.controller');
    validateClass(errors, object);
    return errors;
  },
};

export const ingresses = defineResource<any>(ingressType, { strategy: ingressStrategy, storagePrefix: 'ingress' });
export const ingressClasses = defineResource<any>(classType, { strategy: classStrategy });
