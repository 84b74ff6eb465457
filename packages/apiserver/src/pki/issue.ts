/** Makes authorities and certificates in memory: ECDSA P-256 throughout, as fast to make as to use. */
import { createHash, KeyObject, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import type { Random } from '@pilothouse/base';

/** A certificate and its private key, both in PEM. */
export interface KeyPair {
  certificate: string;
  key: string;
}

export interface Subject {
  commonName: string;
  organizations?: readonly string[];
}

export interface CertificateRequest extends Subject {
  usages: readonly ('client' | 'server')[];
  /** DNS names and IP addresses the certificate is good for. */
  names?: readonly string[];
  addresses?: readonly string[];
}

/** Validity in milliseconds since the epoch. */
export interface Validity {
  notBefore: number;
  notAfter: number;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signing = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** The X.509 library costs tens of milliseconds to load, which a start with all certificates at hand need not pay. */
const library = async () => {
  await import('reflect-metadata');
  return import('@peculiar/x509');
};

const pemOfKey = (key: webcrypto.CryptoKey): string => KeyObject.from(key).export({ type: 'sec1', format: 'pem' }).toString();

/** A positive serial number of 63 bits, as upstream's are. */
function serialNumber(random: Random): string {
  const bytes = random.bytes(8);
  bytes[0] = (bytes[0] & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

const nameOf = (subject: Subject) => [...(subject.organizations ?? []).map((o) => ({ O: [o] })), { CN: [subject.commonName] }];

/** A self-signed authority. */
export async function issueAuthority(commonName: string, validity: Validity, random: Random): Promise<KeyPair> {
  const x509 = await library();
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(random),
    name: nameOf({ commonName }),
    notBefore: new Date(validity.notBefore),
    notAfter: new Date(validity.notAfter),
    keys: keys as never,
    signingAlgorithm: signing,
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment | x509.KeyUsageFlags.keyCertSign, true),
      new x509.BasicConstraintsExtension(true, undefined, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as never),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: commonName }]),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: pemOfKey(keys.privateKey) };
}

/** A certificate and key signed by `authority`. `publicKey` (SPKI in DER) certifies a key that stays elsewhere; `key` is then empty. */
export async function issueCertificate(authority: KeyPair, request: CertificateRequest, validity: Validity, random: Random, publicKey?: Uint8Array): Promise<KeyPair> {
  const x509 = await library();
  const { createPrivateKey } = await import('node:crypto');
  const own = publicKey ? undefined : await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certified = own?.publicKey ?? new x509.PublicKey(publicKey! as never);
  const signer = await webcrypto.subtle.importKey('pkcs8', createPrivateKey(authority.key).export({ type: 'pkcs8', format: 'der' }), algorithm, false, ['sign']);
  const issuer = new x509.X509Certificate(authority.certificate);
  const alternatives = [...(request.names ?? []).map((value) => ({ type: 'dns' as const, value })), ...(request.addresses ?? []).map((value) => ({ type: 'ip' as const, value }))];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(random),
    subject: nameOf(request),
    issuer: issuer.subjectName,
    notBefore: new Date(validity.notBefore),
    notAfter: new Date(Math.min(validity.notAfter, issuer.notAfter.getTime())),
    publicKey: certified as never,
    signingKey: signer as never,
    signingAlgorithm: signing,
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension(request.usages.map((use) => (use === 'client' ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth))),
      new x509.BasicConstraintsExtension(false, undefined, true),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...(alternatives.length ? [new x509.SubjectAlternativeNameExtension(alternatives)] : []),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: own ? pemOfKey(own.privateKey) : '' };
}

/** SHA-256 of a DER certificate in lower-case hex, the form of `authentication.kubernetes.io/credential-id`. */
export const certificateFingerprint = (der: Uint8Array): string => createHash('sha256').update(der).digest('hex');

/** An IPv6 address in the one spelling certificates are compared by; other text unchanged. */
export function canonicalAddress(address: string): string {
  if (isIP(address) !== 6) return address;
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}
