import { dns1123Label, dns1123Subdomain, duplicate, endpointSlices as type, type FieldError, invalid, ipWarnings, labelValue, nameIsDnsSubdomain, notSupported, parseIp, qualifiedName, required, tooMany, validateIp, validateIpForLegacyField, validateLabels } from '@pilothouse/apimachinery';
import type { Endpoint, EndpointSlice } from '@pilothouse/api-schemas/types/discovery/v1';
import type { Strategy } from '../../contract.ts';
import { defineResource } from '../define.ts';
import { validateEndpointIp } from '../validation/endpoint-ip.ts';
import { same } from '../validation/equality.ts';
import { checkName } from '../validation/check-name.ts';
import { immutable, validateObjectMeta } from '../validation/object-meta.ts';

const addressTypes = ['FQDN', 'IPv4', 'IPv6'];

function validateAddress(errors: FieldError[], address: string, type: string, path: string, listPath: string): void {
  const before = errors.length;
  if (type === 'FQDN') {
    const name = address.replace(/\.$/, '');
    if (!address) errors.push(required(path));
    else if (dns1123Subdomain(name).length) errors.push(invalid(path, name, dns1123Subdomain(name).join(',')));
    else if (!name.includes('.')) errors.push(invalid(path, name, 'should be a domain with at least two segments separated by dots'));
    else {
      const label = name.split('.').find((part) => dns1123Label(part).length);
      if (label !== undefined) errors.push(invalid(path, label, dns1123Label(label).join(',')));
    }
    return;
  }
  if (type !== 'IPv4' && type !== 'IPv6') return;
  if (type === 'IPv4') errors.push(...validateIpForLegacyField(address, path));
  else errors.push(...validateIp(address, path));
  if (errors.length > before) return;
  if (parseIp(address)?.family !== (type === 'IPv4' ? 4 : 6)) errors.push(invalid(listPath, address, `must be an ${type} address`));
  validateEndpointIp(errors, address, path);
}

function validateEndpoint(errors: FieldError[], endpoint: Endpoint, type: string, path: string): void {
  const addresses = endpoint.addresses ?? [];
  if (addresses.length === 0) errors.push(required(`${path}.addresses`, 'must contain at least 1 address'));
  else if (addresses.length > 100) errors.push(tooMany(`${path}.addresses`, addresses.length, 100));
  addresses.forEach((address, i) => validateAddress(errors, address, type, `${path}.addresses[${i}]`, `${path}.addresses`));
  if (endpoint.nodeName !== undefined) checkName(errors, `${path}.nodeName`, endpoint.nodeName, dns1123Subdomain);
  const topology = endpoint.deprecatedTopology ?? {};
  if (Object.keys(topology).length > 16) errors.push(tooMany(`${path}.deprecatedTopology`, Object.keys(topology).length, 16));
  errors.push(...validateLabels(topology, `${path}.deprecatedTopology`));
  if (endpoint.hostname !== undefined) checkName(errors, `${path}.hostname`, endpoint.hostname, dns1123Label);
  for (const [list, check] of [['forZones', labelValue], ['forNodes', dns1123Subdomain]] as const) {
    const hints = endpoint.hints?.[list] ?? [];
    if (hints.length > 8) {
      errors.push(tooMany(`${path}.hints.${list}`, hints.length, 8));
      return;
    }
    hints.forEach(({ name }, i) => {
      const at = `${path}.hints.${list}[${i}].name`;
      if (hints.findIndex((other) => other.name === name) < i) errors.push(duplicate(at, name));
      checkName(errors, at, name, check);
    });
  }
}

function validateSlice(errors: FieldError[], object: EndpointSlice, old: EndpointSlice | undefined): void {
  validateObjectMeta(errors, object.metadata, { name: nameIsDnsSubdomain, namespaced: true });
  if (!object.addressType) errors.push(required('addressType'));
  else if (!addressTypes.includes(object.addressType)) errors.push(notSupported('addressType', object.addressType, addressTypes));
  const ports = object.ports ?? [];
  if (ports.length > 20000) errors.push(tooMany('ports', ports.length, 20000));
  else
    ports.forEach(({ name = '', protocol, appProtocol }, i) => {
      if (name) checkName(errors, `ports[${i}].name`, name, dns1123Label);
      if (ports.findIndex((other) => (other.name ?? '') === name) < i) errors.push(duplicate(`ports[${i}].name`, name));
      if (protocol === undefined) errors.push(required(`ports[${i}].protocol`));
      else if (!['SCTP', 'TCP', 'UDP'].includes(protocol)) errors.push(notSupported(`ports[${i}].protocol`, protocol, ['SCTP', 'TCP', 'UDP']));
      if (appProtocol !== undefined) checkName(errors, `ports[${i}].appProtocol`, appProtocol, qualifiedName);
    });
  const endpoints = object.endpoints ?? [];
  if (old && same(endpoints, old.endpoints)) return;
  if (endpoints.length > 1000) errors.push(tooMany('endpoints', endpoints.length, 1000));
  else endpoints.forEach((endpoint, i) => validateEndpoint(errors, endpoint, object.addressType, `endpoints[${i}]`));
}

/** Topology is a thing of v1beta1; a node's name in it survives where the slice had it before. */
function dropTopology(object: EndpointSlice, old: EndpointSlice | undefined): void {
  if (old && same(object.endpoints, old.endpoints)) return;
  const host = 'kubernetes.io/hostname';
  const known = new Set((old?.endpoints ?? []).flatMap((endpoint) => endpoint.deprecatedTopology?.[host] ?? []));
  for (const endpoint of object.endpoints ?? []) {
    const name = endpoint.deprecatedTopology?.[host];
    if (endpoint.nodeName === undefined && name && known.has(name) && !dns1123Subdomain(name).length) endpoint.nodeName = name;
    delete endpoint.deprecatedTopology;
  }
}

const managedBy = new Set(['endpointslice-controller.k8s.io', 'endpointslicemirroring-controller.k8s.io']);

const strategy: Strategy<EndpointSlice> = {
  generation: (object, old) => !same({ ...object, metadata: object.metadata.labels }, { ...old, metadata: old.metadata.labels }),
  defaults(object) {
    for (const port of object.ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  prepareForCreate: (object) => dropTopology(object, undefined),
  prepareForUpdate: (object, old) => dropTopology(object, old),
  validate(object) {
    const errors: FieldError[] = [];
    validateSlice(errors, object, undefined);
    return errors;
  },
  validateUpdate(object, old) {
    const errors: FieldError[] = [];
    validateSlice(errors, object, old);
    immutable(errors, object.addressType, old.addressType, 'addressType');
    return errors;
  },
  warnings(object, old) {
    const fqdn = !old && object.addressType === 'FQDN' ? ['spec.addressType: FQDN endpoints are deprecated'] : [];
    if (managedBy.has(object.metadata.labels?.['endpointslice.kubernetes.io/managed-by'] ?? '')) return fqdn;
    return [...fqdn, ...(object.endpoints ?? []).flatMap((endpoint, i) => (endpoint.addresses ?? []).flatMap((address, j) => ipWarnings(address, `endpoints[${i}].addresses[${j}]`)))];
  },
};

export const endpointSlices = defineResource<any>(type, { strategy });
