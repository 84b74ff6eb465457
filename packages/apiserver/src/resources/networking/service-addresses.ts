/** ServiceCIDRs and the IPAddresses taken from them. */
import { dns1123Subdomain, type FieldError, goQuote, immutableText, invalid, ipAddresses as addressType, nameIsDnsSubdomain, parseCidr, pathSegmentName, required, serviceCIDRs as cidrType, validateCidr, validateIp } from '@pilothouse/apimachinery';
import type { IPAddress as PublishedAddress, ServiceCIDR as PublishedCidr } from '@pilothouse/api-schemas/types/networking/v1';
import type { Strategy } from '../../contract.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { checkName } from '../validation/check-name.ts';
import { internalForm } from '../validation/internal-form.ts';
import { immutable, keepMetaOnStatus, validateObjectMetaUpdate, wholeAndChange, withMeta } from '../validation/object-meta.ts';

type IPAddress = Filled<PublishedAddress>;
type ServiceCIDR = Filled<PublishedCidr>;

/** Names of IPAddresses are addresses. */
function isIpName(name: string): string[] {
  const shown = `Invalid value: ${goQuote(name)}: `;
  return validateIp(name, '').map(({ message }) => message.slice(shown.length));
}

function validateAddress(errors: FieldError[], { spec }: IPAddress): void {
  const ref = spec.parentRef;
  if (!ref) {
    errors.push(required('spec.parentRef'));
    return;
  }
  if (ref.group) checkName(errors, 'spec.parentRef.group', ref.group, dns1123Subdomain);
  for (const key of ['resource', 'name'] as const) {
    if (!ref[key]) errors.push(required(`spec.parentRef.${key}`));
    else checkName(errors, `spec.parentRef.${key}`, ref[key], pathSegmentName);
  }
  if (ref.namespace) checkName(errors, 'spec.parentRef.namespace', ref.namespace, pathSegmentName);
}

function validateCidrs(errors: FieldError[], cidrs: readonly string[]): void {
  const path = 'spec.cidrs';
  if (cidrs.length === 0) errors.push(required(path, 'at least one CIDR required'));
  else if (cidrs.length > 2) errors.push(invalid(path, internalForm('networking/v1.ServiceCIDRSpec', { cidrs }), 'may only hold up to 2 values'));
  else {
    cidrs.forEach((cidr, i) => errors.push(...validateCidr(cidr, `${path}[${i}]`)));
    const [a, b] = cidrs.map(parseCidr);
    if (a && b && a.family === b.family) errors.push(invalid(path, cidrs, 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'));
  }
}

function validateServiceCidr(errors: FieldError[], { spec }: ServiceCIDR, old: ServiceCIDR | undefined): void {
  const now = spec.cidrs ?? [];
  if (!old) {
    validateCidrs(errors, now);
    return;
  }
  const before = old.spec.cidrs ?? [];
  const grows = before.length === 1 && now.length === 2;
  if (before.length !== now.length && !grows) errors.push(invalid('spec.cidrs', now, immutableText));
  else
    before.forEach((cidr, i) => {
      if (cidr !== now[i]) errors.push(invalid(`spec.cidrs[${i}]`, now[i], immutableText));
    });
  if (grows) validateCidrs(errors, now);
}

const cidrStrategy: Strategy<ServiceCIDR> = {
  prepareForUpdate(object, old, { subresource }) {
    if (subresource === 'status') keepMetaOnStatus(object, old);
  },
  ...withMeta<ServiceCIDR>({ name: nameIsDnsSubdomain, namespaced: false }, validateServiceCidr),
  validateStatusUpdate(object, old) {
    const errors: FieldError[] = [];
    validateObjectMetaUpdate(errors, object.metadata, old.metadata);
    return errors;
  },
};

export const ipAddresses = defineResource<any>(addressType, {
  strategy: wholeAndChange<IPAddress>(
    { name: isIpName, namespaced: false },
    {
      whole: validateAddress,
      change(errors, object, old) {
        validateObjectMetaUpdate(errors, object.metadata, old.metadata);
        immutable(errors, object.spec.parentRef ?? null, old.spec.parentRef ?? null, 'spec.parentRef', 'networking/v1.ParentReference');
      },
    },
  ),
});
export const serviceCIDRs = defineResource<any>(cidrType, { strategy: cidrStrategy });
