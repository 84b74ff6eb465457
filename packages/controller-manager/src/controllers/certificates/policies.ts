/** What the built-in signers sign, and for how long. Pure. @see https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers */
import type { RequestedNames } from './request.ts';

type Check = (names: RequestedNames, usages: readonly string[]) => string | undefined;

const sameSet = (a: readonly string[], b: readonly string[]): boolean => new Set(a).size === b.length && b.every((member) => a.includes(member));
/** Keys that are not RSA have no use for encipherment, so it need not be asked for. */
const eitherUsage = (usages: readonly string[], purpose: string): string | undefined => {
  const wanted = ['digital signature', 'key encipherment', purpose].sort();
  return sameSet(usages, wanted) || sameSet(usages, ['digital signature', purpose]) ? undefined : `usages did not match [${wanted.join(' ')}]`;
};
const isOnlyNodes = ({ organizations }: RequestedNames): boolean => organizations.length === 1 && organizations[0] === 'system:nodes';

/** Why a kubelet may not have the client certificate it asks for. */
export const kubeletClientProblem: Check = (names, usages) => {
  if (!isOnlyNodes(names)) return 'subject organization is not system:nodes';
  if (names.dnsNames.length) return 'DNS subjectAltNames are not allowed';
  if (names.emailAddresses.length) return 'Email subjectAltNames are not allowed';
  if (names.ipAddresses.length) return 'IP subjectAltNames are not allowed';
  if (names.uris.length) return 'URI subjectAltNames are not allowed';
  if (!names.commonName.startsWith('system:node:')) return 'subject common name does not begin with system:node:';
  return eitherUsage(usages, 'client auth');
};

/** Why a kubelet may not have the serving certificate it asks for. */
const kubeletServingProblem: Check = (names, usages) => {
  if (!isOnlyNodes(names)) return 'subject organization is not system:nodes';
  if (!names.dnsNames.length && !names.ipAddresses.length) return 'DNS or IP subjectAltName is required';
  if (names.emailAddresses.length) return 'Email subjectAltNames are not allowed';
  if (names.uris.length) return 'URI subjectAltNames are not allowed';
  return eitherUsage(usages, 'server auth') ?? (names.commonName.startsWith('system:node:') ? undefined : 'subject common name does not begin with system:node:');
};

const apiClientProblem: Check = (_names, usages) => {
  const invalid = usages.find((usage) => !['digital signature', 'key encipherment', 'client auth'].includes(usage));
  if (invalid !== undefined) return `invalid usage for client certificate: ${invalid}`;
  return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth';
};

/** The signers built in, by name: what they refuse, and the flags `--cluster-signing-<flag>-cert-file` and `-key-file` of an authority of their own. */
export const signers: Readonly<Record<string, { problem: Check; flag: string }>> = {
  'kubernetes.io/kubelet-serving': { problem: kubeletServingProblem, flag: 'kubelet-serving' },
  'kubernetes.io/kube-apiserver-client-kubelet': { problem: kubeletClientProblem, flag: 'kubelet-client' },
  'kubernetes.io/kube-apiserver-client': { problem: apiClientProblem, flag: 'kube-apiserver-client' },
  'kubernetes.io/legacy-unknown': { problem: () => undefined, flag: 'legacy-unknown' },
};

/** Bits of the key usage extension, by the API's names. */
const keyUsages: Readonly<Record<string, number>> = {
  signing: 1, 'digital signature': 1, 'content commitment': 2, 'key encipherment': 4, 'data encipherment': 8, 'key agreement': 16,
  'cert sign': 32, 'crl sign': 64, 'encipher only': 128, 'decipher only': 256,
};
/** Object identifiers of extended usages, in the order in which they are written. */
const extendedUsages: Readonly<Record<string, string>> = {
  any: '2.5.29.37.0', 'server auth': '1.3.6.1.5.5.7.3.1', 'client auth': '1.3.6.1.5.5.7.3.2', 'code signing': '1.3.6.1.5.5.7.3.3',
  'email protection': '1.3.6.1.5.5.7.3.4', 's/mime': '1.3.6.1.5.5.7.3.4', 'ipsec end system': '1.3.6.1.5.5.7.3.5', 'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
  'ipsec user': '1.3.6.1.5.5.7.3.7', timestamping: '1.3.6.1.5.5.7.3.8', 'ocsp signing': '1.3.6.1.5.5.7.3.9',
  'microsoft sgc': '1.3.6.1.4.1.311.10.3.3', 'netscape sgc': '2.16.840.1.113730.4.1',
};

/** @throws for a usage that no certificate can have */
export function encodeUsages(usages: readonly string[]): { flags: number; extended: string[] } {
  const unknown = usages.filter((usage) => !(usage in keyUsages) && !(usage in extendedUsages));
  if (unknown.length) throw new Error(`unrecognized usage values: [${unknown.map((usage) => JSON.stringify(usage)).join(' ')}]`);
  const extended = Object.keys(extendedUsages).filter((usage) => usages.includes(usage)).map((usage) => extendedUsages[usage]);
  return { flags: usages.reduce((flags, usage) => flags | (keyUsages[usage] ?? 0), 0), extended: [...new Set(extended)] };
}

const minuteMs = 60_000;
/** Certificates begin to hold before they are issued, as clocks differ. */
const backdateMs = 5 * minuteMs;
/** Shorter certificates are not cut by that time. */
const shortMs = 8 * 60 * minuteMs;
const leastMs = 10 * minuteMs;

/** From when to when a certificate holds, in ms. @throws where its authority has expired */
export function validity(expirationSeconds: number | undefined, options: { longestMs: number; nowMs: number; authorityEndsMs: number }): { notBefore: number; notAfter: number } {
  const { longestMs, nowMs, authorityEndsMs } = options;
  const asked = expirationSeconds === undefined ? longestMs : expirationSeconds * 1000;
  const ttlMs = asked > longestMs ? longestMs : expirationSeconds === undefined ? asked : Math.max(asked, leastMs);
  const notBefore = nowMs - backdateMs;
  const end = new Date(authorityEndsMs).toISOString();
  if (notBefore >= authorityEndsMs) throw new Error(`the signer has expired: NotAfter=${end}`);
  if (nowMs >= authorityEndsMs) throw new Error(`refusing to sign a certificate that expired in the past: NotAfter=${end}`);
  return { notBefore, notAfter: Math.min(nowMs + (ttlMs < shortMs ? ttlMs : ttlMs - backdateMs), authorityEndsMs) };
}
