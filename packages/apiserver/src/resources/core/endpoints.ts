import { endpoints as type, invalid, notSupported, required, type FieldError } from '@pilothouse/apimachinery';
import type { EndpointAddress, EndpointPort, Endpoints } from '@pilothouse/api-schemas/types/core/v1';
import type { Strategy } from '../../contract.ts';
import { defineResource } from '../define.ts';
import { validateEndpointIp } from '../validation/endpoint-ip.ts';
import { same } from '../validation/equality.ts';
import { ipWarnings, validateIp } from '../validation/ip.ts';
import { checkName, isDns1123Label, isDns1123Subdomain, isPortNumber, isQualifiedName } from '../validation/names.ts';
import { dnsSubdomainName, validateObjectMeta, validateObjectMetaUpdate } from '../validation/object-meta.ts';

function validateAddress(errors: FieldError[], address: EndpointAddress, path: string): void {
  validateIp(errors, `${path}.ip`, address.ip);
  if (address.hostname) checkName(errors, `${path}.hostname`, address.hostname, isDns1123Label);
  if (address.nodeName !== undefined) checkName(errors, `${path}.nodeName`, address.nodeName, isDns1123Subdomain);
  validateEndpointIp(errors, address.ip, `${path}.ip`);
}

function validatePort(errors: FieldError[], port: EndpointPort, path: string, needsName: boolean): void {
  if (port.name) checkName(errors, `${path}.name`, port.name, isDns1123Label);
  else if (needsName) errors.push(required(`${path}.name`));
  for (const message of isPortNumber(port.port)) errors.push(invalid(`${path}.port`, port.port, message));
  if (!port.protocol) errors.push(required(`${path}.protocol`));
  else if (!['SCTP', 'TCP', 'UDP'].includes(port.protocol)) errors.push(notSupported(`${path}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']));
  if (port.appProtocol !== undefined) checkName(errors, `${path}.appProtocol`, port.appProtocol, isQualifiedName);
}

function validateSubsets(errors: FieldError[], object: Endpoints): void {
  object.subsets?.forEach((subset, i) => {
    const path = `subsets[${i}]`;
    if (!subset.addresses?.length && !subset.notReadyAddresses?.length) errors.push(required(path, 'must specify `addresses` or `notReadyAddresses`'));
    for (const list of ['addresses', 'notReadyAddresses'] as const) subset[list]?.forEach((address, j) => validateAddress(errors, address, `${path}.${list}[${j}]`));
    subset.ports?.forEach((port, j) => validatePort(errors, port, `${path}.ports[${j}]`, subset.ports!.length > 1));
  });
}

const strategy: Strategy<Endpoints> = {
  allowCreateOnUpdate: true,
  defaults(object) {
    for (const subset of object.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= 'TCP';
  },
  validate(object) {
    const errors: FieldError[] = [];
    validateObjectMeta(errors, object.metadata, { name: dnsSubdomainName, namespaced: true });
    validateSubsets(errors, object);
    return errors;
  },
  validateUpdate(object, old) {
    const errors: FieldError[] = [];
    validateObjectMetaUpdate(errors, object.metadata, old.metadata);
    validateObjectMeta(errors, object.metadata, { name: dnsSubdomainName, namespaced: true });
    if (!same(object.subsets, old.subsets)) validateSubsets(errors, object);
    return errors;
  },
  warnings: (object) =>
    (object.subsets ?? []).flatMap((subset, i) => (['addresses', 'notReadyAddresses'] as const).flatMap((list) => (subset[list] ?? []).flatMap((address, j) => ipWarnings(`subsets[${i}].${list}[${j}].ip`, address.ip)))),
};

export const endpoints = defineResource<any>(type, { strategy, storagePrefix: 'services/endpoints' });
