import { cidrContains, cidrWarnings, type FieldError, forbidden, invalid, nameIsDnsSubdomain, networkPolicies as type, notSupported, portName, parseCidr, portNumber, required, validateCidrForLegacyField, validateLabelSelector } from '@pilothouse/apimachinery';
import type { NetworkPolicy as Published, NetworkPolicyPeer, NetworkPolicyPort } from '@pilothouse/api-schemas/types/networking/v1';
import type { Strategy } from '../../contract.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { checkName } from '../validation/check-name.ts';
import { withMeta } from '../validation/object-meta.ts';

type NetworkPolicy = Filled<Published>;
const protocols = ['TCP', 'UDP', 'SCTP'];

function validatePort(errors: FieldError[], { protocol, port, endPort }: NetworkPolicyPort, path: string): void {
  if (protocol !== undefined && !protocols.includes(protocol)) errors.push(notSupported(`${path}.protocol`, protocol, protocols));
  const end = (value: unknown, detail: string) => errors.push(invalid(`${path}.endPort`, value, detail));
  if (port === undefined) {
    if (endPort !== undefined) end(endPort, 'may not be specified when `port` is not specified');
  } else if (typeof port === 'number') {
    checkName(errors, `${path}.port`, port, portNumber);
    if (endPort === undefined) return;
    if (endPort < port) end(port, 'must be greater than or equal to `port`');
    for (const message of portNumber(endPort)) end(endPort, message);
  } else {
    if (endPort !== undefined) end(endPort, 'may not be specified when `port` is non-numeric');
    checkName(errors, `${path}.port`, port, portName);
  }
}

/** What was there before and stays allowed. */
interface Allowances {
  oldCidrs: readonly string[];
  allowInvalidValues: boolean;
}

function validatePeer(errors: FieldError[], { podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer, path: string, { oldCidrs, allowInvalidValues }: Allowances): void {
  errors.push(...validateLabelSelector(podSelector, `${path}.podSelector`, { allowInvalidValues }));
  errors.push(...validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`, { allowInvalidValues }));
  if (ipBlock && !ipBlock.cidr) errors.push(required(`${path}.ipBlock.cidr`));
  else if (ipBlock) {
    errors.push(...validateCidrForLegacyField(ipBlock.cidr, `${path}.ipBlock.cidr`, { old: oldCidrs }));
    const cidr = parseCidr(ipBlock.cidr);
    if (cidr)
      ipBlock.except?.forEach((text, i) => {
        const at = `${path}.ipBlock.except[${i}]`;
        errors.push(...validateCidrForLegacyField(text, at, { old: oldCidrs }));
        const except = parseCidr(text);
        if (except && (!cidrContains(cidr, { family: except.family, bits: except.network }) || cidr.prefix >= except.prefix)) errors.push(invalid(at, text, 'must be a strict subset of `cidr`'));
      });
  }
  if (!podSelector && !namespaceSelector && !ipBlock) errors.push(required(path, 'must specify a peer'));
  else if (ipBlock && (podSelector || namespaceSelector)) errors.push(forbidden(path, 'may not specify both ipBlock and another peer'));
}

const peersOf = ({ spec }: NetworkPolicy): NetworkPolicyPeer[] => [...(spec.ingress ?? []).flatMap((rule) => rule.from ?? []), ...(spec.egress ?? []).flatMap((rule) => rule.to ?? [])];

function validatePolicy(errors: FieldError[], object: NetworkPolicy, old: NetworkPolicy | undefined): void {
  const { spec } = object;
  const oldCidrs = old ? peersOf(old).flatMap(({ ipBlock }) => (ipBlock ? [ipBlock.cidr, ...(ipBlock.except ?? [])] : [])) : [];
  const allowances = { oldCidrs, allowInvalidValues: validateLabelSelector(old?.spec.podSelector, '').length > 0 };
  errors.push(...validateLabelSelector(spec.podSelector, 'spec.podSelector', allowances));
  spec.ingress?.forEach((rule, i) => {
    rule.ports?.forEach((port, j) => validatePort(errors, port, `spec.ingress[${i}].ports[${j}]`));
    rule.from?.forEach((peer, j) => validatePeer(errors, peer, `spec.ingress[${i}].from[${j}]`, allowances));
  });
  spec.egress?.forEach((rule, i) => {
    rule.ports?.forEach((port, j) => validatePort(errors, port, `spec.egress[${i}].ports[${j}]`));
    rule.to?.forEach((peer, j) => validatePeer(errors, peer, `spec.egress[${i}].to[${j}]`, allowances));
  });
  const types = spec.policyTypes ?? [];
  if (types.length > 2) errors.push(invalid('spec.policyTypes', types, 'may not specify more than two policyTypes'));
  else
    types.forEach((policy, i) => {
      if (policy !== 'Ingress' && policy !== 'Egress') errors.push(notSupported(`spec.policyTypes[${i}]`, policy, ['Ingress', 'Egress']));
    });
}

const strategy: Strategy<NetworkPolicy> = {
  generation: true,
  defaults({ spec }) {
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
    if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
  },
  ...withMeta<NetworkPolicy>({ name: nameIsDnsSubdomain, namespaced: true }, validatePolicy),
  warnings(object) {
    const of = (list: 'ingress' | 'egress', peers: 'from' | 'to') =>
      (object.spec[list] ?? []).flatMap((rule, i) =>
        ((rule as Record<string, NetworkPolicyPeer[] | undefined>)[peers] ?? []).flatMap(({ ipBlock }, j) => {
          const path = `spec.${list}[${i}].${peers}[${j}].ipBlock`;
          return ipBlock ? [...cidrWarnings(ipBlock.cidr, `${path}.cidr`), ...(ipBlock.except ?? []).flatMap((except, k) => cidrWarnings(except, `${path}.except[${k}]`))] : [];
        }),
      );
    return [...of('ingress', 'from'), ...of('egress', 'to')];
  },
};

export const networkPolicies = defineResource<any>(type, { strategy });
