/**
 * The certificates of a cluster as data: file names, subjects and uses are kubeadm's.
 * @see https://kubernetes.io/docs/setup/best-practices/certificates/
 */
import type { CertificateRequest } from './issue.ts';

export const authorities = {
  ca: { file: 'ca', commonName: 'kubernetes' },
  'front-proxy-ca': { file: 'front-proxy-ca', commonName: 'front-proxy-ca' },
} as const;

export type AuthorityName = keyof typeof authorities;

export interface CertificateSpec extends CertificateRequest {
  /** Path under the pki directory without `.crt`/`.key`. */
  file: string;
  authority: AuthorityName;
}

const client = (file: string, commonName: string, organizations: string[] = [], authority: AuthorityName = 'ca'): CertificateSpec => ({ file, authority, commonName, organizations, usages: ['client'] });

/** What the control plane's own parts present. */
export const clientCertificates = {
  'apiserver-kubelet-client': client('apiserver-kubelet-client', 'kube-apiserver-kubelet-client', ['system:masters']),
  'front-proxy-client': client('front-proxy-client', 'front-proxy-client', [], 'front-proxy-ca'),
  admin: client('admin', 'admin', ['system:masters']),
  'controller-manager': client('controller-manager', 'system:kube-controller-manager'),
  scheduler: client('scheduler', 'system:kube-scheduler'),
  'kube-proxy': client('kube-proxy', 'system:kube-proxy', ['system:node-proxier']),
} as const;

export type ClientCertificateName = keyof typeof clientCertificates;

export interface ServingNames {
  /** Further DNS names. */
  names?: readonly string[];
  /** Further IP addresses: bind and advertise addresses. */
  addresses?: readonly string[];
  /** First address of the service range; default 10.96.0.1. */
  serviceAddress?: string;
  /** Default cluster.local. */
  dnsDomain?: string;
  hostName?: string;
}

const unique = (values: readonly (string | undefined)[]): string[] => [...new Set(values.filter((v): v is string => !!v))];

export function apiServerCertificate(options: ServingNames): CertificateSpec {
  const domain = options.dnsDomain ?? 'cluster.local';
  return {
    file: 'apiserver',
    authority: 'ca',
    commonName: 'kube-apiserver',
    usages: ['server'],
    names: unique([options.hostName?.toLowerCase(), 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', `kubernetes.default.svc.${domain}`, 'localhost', ...(options.names ?? [])]),
    addresses: unique(['127.0.0.1', '::1', options.serviceAddress ?? '10.96.0.1', ...(options.addresses ?? [])]).filter((a) => a !== '0.0.0.0' && a !== '::'),
  };
}

/** What a kubelet presents to the API server. */
export const kubeletClientCertificate = (node: string): CertificateSpec => client(`kubelet/${node}/kubelet-client`, `system:node:${node}`, ['system:nodes']);

/** What a kubelet serves on port 10250. */
export const kubeletServingCertificate = (node: string, addresses: readonly string[]): CertificateSpec => ({
  file: `kubelet/${node}/kubelet`,
  authority: 'ca',
  commonName: `system:node:${node}`,
  organizations: ['system:nodes'],
  usages: ['server'],
  names: unique([node, 'localhost']),
  addresses: unique(['127.0.0.1', ...addresses]),
});
