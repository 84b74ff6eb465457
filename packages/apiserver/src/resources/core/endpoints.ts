import { dns1123Label, dns1123Subdomain, endpoints as type, type FieldError, ipWarnings, nameIsDnsSubdomain, notSupported, portNumber, qualifiedName, required, validateIpForLegacyField } from '@pilothouse/apimachinery';
import type { EndpointAddress, EndpointPort, Endpoints } from '@pilothouse/api-schemas/types/core/v1';
import type { Strategy } from '../../contract.ts';
import { defineResource } from '../define.ts';
import { validateEndpointIp } from '../validation/endpoint-ip.ts';
import { same } from '../validation/equality.ts';
import { checkName } from '../validation/check-name.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../validation/object-meta.ts';

function validateAddress(errors: FieldError[], address: EndpointAddress, path: string): void {
  errors.push(...validateIpForLegacyField(address.ip, `${path}.ip`));
  if (address.hostname) checkName(errors, `${path}.hostname`, address.hostname, dns1123Label);
  if (address.nodeName !== undefined) checkName(errors, `${path}.nodeName`, address.nodeName, dns1123Subdomain);
  validateEndpointIp(errors, address.ip, `${path}.ip`);
}

function validatePort(errors: FieldError[], port: EndpointPort, path: string, needsName: boolean): void {
  if (port.name) checkName(errors, `${path}.name`, port.name, dns1123Label);
  else if (needsName) errors.push(required(`${path}.name`));
  checkName(errors, `${path}.port`, port.port, portNumber);
  if (!port.protocol) errors.push(required(`${path}.protocol`));
  else if (!['SCTP', 'TCP', 'UDP'].includes(port.protocol)) errors.push(notSupported(`${path}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']));
  if (port.appProtocol !== undefined) checkName(errors, `${path}.appProtocol`, port.appProtocol, qualifiedName);
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
    validateObjectMeta(errors, object.metadata, { name: nameIsDnsSubdomain, namespaced: true });
    validateSubsets(errors, object);
    return errors;
  },
  validateUpdate(object, old) {
    const errors: FieldError[] = [];
    validateObjectMetaUpdate(errors, object.metadata, old.metadata);
    validateObjectMeta(errors, object.metadata, { name: nameIsDnsSubdomain, namespaced: true });
    if (!same(object.subsets, old.subsets)) validateSubsets(errors, object);
    return errors;
  },
  warnings: (object) =>
    (object.subsets ?? []).flatMap((subset, i) => (['addresses', 'notReadyAddresses'] as const).flatMap((list) => (subset[list] ?? []).flatMap((address, j) => ipWarnings(address.ip, `subsets[${i}].${list}[${j}].ip`)))),
};

export const endpoints = defineResource<any>(type, { strategy, storagePrefix: 'services/endpoints' });
