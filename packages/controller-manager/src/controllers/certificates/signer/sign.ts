/** Issues certificates with an authority's key, whatever kind of key that is. */
import { createPrivateKey, type KeyObject, webcrypto } from 'node:crypto';
import type { Random } from '@pilothouse/base';
import type { CertificateSigningRequest } from '@pilothouse/api-schemas/types/certificates/v1';
import { encodeUsages, validity } from '../policies.ts';
import { readRequest, x509Library } from '../request.ts';

/** An authority: certificate and private key in PEM. */
export interface Authority {
  certificate: string;
  key: string;
}

const curves: Readonly<Record<string, { namedCurve: string; hash: string }>> = {
  prime256v1: { namedCurve: 'P-256', hash: 'SHA-256' },
  secp384r1: { namedCurve: 'P-384', hash: 'SHA-384' },
  secp521r1: { namedCurve: 'P-521', hash: 'SHA-512' },
};

function signatureOf(key: KeyObject): { name: string; hash?: string; namedCurve?: string } {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
    case 'ed25519':
      return { name: 'Ed25519' };
    case 'ec': {
      const curve = curves[key.asymmetricKeyDetails?.namedCurve ?? ''];
      if (curve) return { name: 'ECDSA', ...curve };
    }
  }
  throw new Error(`cannot sign with a key of type ${key.asymmetricKeyType}: an RSA, ECDSA or Ed25519 key is needed`);
}

/** The certificate a request is given, in PEM. @throws where the request is unsound or the authority has expired */
export async function sign(csr: CertificateSigningRequest, authority: Authority, options: { longestMs: number; nowMs: number; random: Random }): Promise<string> {
  const x509 = await x509Library();
  const { request, alternatives } = await readRequest(csr);
  if (!(await request.verify(webcrypto as never))) throw new Error('unable to verify certificate request signature');
  const issuer = new x509.X509Certificate(authority.certificate);
  const privateKey = createPrivateKey(authority.key);
  const signing = signatureOf(privateKey);
  const signingKey = await webcrypto.subtle.importKey('pkcs8', privateKey.export({ type: 'pkcs8', format: 'der' }), signing, false, ['sign']);
  const { flags, extended } = encodeUsages(csr.spec?.usages ?? []);
  const { notBefore, notAfter } = validity(csr.spec?.expirationSeconds, { longestMs: options.longestMs, nowMs: options.nowMs, authorityEndsMs: issuer.notAfter.getTime() });
  const kept = alternatives.filter(({ type }) => ['dns', 'email', 'ip', 'url'].includes(type));
  const serial = options.random.bytes(16);
  // Positive, and as long as it can be.
  serial[0] = (serial[0] & 0x7f) | 0x40;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: Buffer.from(serial).toString('hex'),
    subject: request.subjectName,
    issuer: issuer.subjectName,
    notBefore: new Date(notBefore),
    notAfter: new Date(notAfter),
    publicKey: request.publicKey,
    signingKey: signingKey as never,
    signingAlgorithm: signing as never,
    extensions: [
      ...(flags ? [new x509.KeyUsagesExtension(flags, true)] : []),
      ...(extended.length ? [new x509.ExtendedKeyUsageExtension(extended)] : []),
      new x509.BasicConstraintsExtension(false, undefined, true),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...(kept.length ? [new x509.SubjectAlternativeNameExtension(kept, !request.subject)] : []),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}
