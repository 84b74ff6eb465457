/** The objects of an empty cluster that depend on how this server was started. */
import type { ConfigMap, Endpoints, Service } from '@pilothouse/api-schemas/types/core/v1';
import type { EndpointSlice } from '@pilothouse/api-schemas/types/discovery/v1';
import type { ServiceCIDR } from '@pilothouse/api-schemas/types/networking/v1';
import { isIP } from 'node:net';
import { requestHeaderDefaults, type RequestHeaderOptions } from '../auth/authenticators/request-header.ts';

export interface ServerFacts {
  /** Where others reach this server (`--advertise-address` and port). */
  advertiseAddress: string;
  port: number;
  /** `--service-cluster-ip-range`; one or two ranges. */
  serviceRanges: readonly string[];
  /** First address of the first range. */
  serviceAddress: string;
  /** PEM. */
  clientCa?: string;
  requestHeaderCa?: string;
  /** How the front proxy tells who its users are; default: upstream's. */
  requestHeader?: RequestHeaderOptions;
}

const serviceName = 'kubernetes';

export const kubernetesService = (facts: ServerFacts): Service => ({
  metadata: { name: serviceName, namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
  spec: {
    type: 'ClusterIP',
    clusterIP: facts.serviceAddress,
    clusterIPs: [facts.serviceAddress],
    ipFamilies: [isIP(facts.serviceAddress) === 6 ? 'IPv6' : 'IPv4'],
    ipFamilyPolicy: 'SingleStack',
    sessionAffinity: 'None',
    ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: facts.port }],
  },
});

/** `addresses`: those of all API servers. */
export const kubernetesEndpoints = (addresses: readonly string[], port: number): Endpoints => ({
  metadata: { name: serviceName, namespace: 'default', labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
  subsets: addresses.length ? [{ addresses: addresses.map((ip) => ({ ip })), ports: [{ name: 'https', port, protocol: 'TCP' }] }] : [],
});

export const kubernetesEndpointSlice = (addresses: readonly string[], port: number): EndpointSlice => ({
  metadata: { name: serviceName, namespace: 'default', labels: { 'kubernetes.io/service-name': serviceName } },
  addressType: addresses.length && isIP(addresses[0]) === 6 ? 'IPv6' : 'IPv4',
  endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  ports: [{ name: 'https', port, protocol: 'TCP' }],
});

export const serviceCidr = (facts: ServerFacts): ServiceCIDR => ({
  metadata: { name: serviceName, finalizers: ['networking.k8s.io/service-cidr-finalizer'] },
  spec: { cidrs: [...facts.serviceRanges] },
});

/** How extension API servers are to authenticate those whom this server passes on. */
export function extensionAuthentication(facts: ServerFacts): ConfigMap {
  const { allowedNames, extraHeaderPrefixes, groupHeaders, uidHeaders, userHeaders } = { ...requestHeaderDefaults, ...facts.requestHeader };
  const list = (values: readonly string[]) => JSON.stringify(values.map((v) => v.replace(/(^|-)[a-z]/g, (c) => c.toUpperCase())));
  return {
    metadata: { name: 'extension-apiserver-authentication', namespace: 'kube-system' },
    data: {
      ...(facts.clientCa && { 'client-ca-file': facts.clientCa }),
      ...(facts.requestHeaderCa && {
        'requestheader-allowed-names': JSON.stringify(allowedNames),
        'requestheader-client-ca-file': facts.requestHeaderCa,
        'requestheader-extra-headers-prefix': list(extraHeaderPrefixes),
        'requestheader-group-headers': list(groupHeaders),
        'requestheader-uid-headers': list(uidHeaders),
        'requestheader-username-headers': list(userHeaders),
      }),
    },
  };
}

/** Since when tokens in secrets are watched for use. `day`: `2026-01-02`. */
export const legacyTokenTracking = (day: string): ConfigMap => ({ metadata: { name: 'kube-apiserver-legacy-service-account-token-tracking', namespace: 'kube-system' }, data: { since: day } });
