/** Client certificates: the common name is the user, the organizations are the groups. */
import { X509Certificate } from 'node:crypto';
import { type ApiRequest, unauthorizedError } from '@pilothouse/apimachinery';
import { certificateFingerprint } from '../../pki/issue.ts';
import type { Runtime } from '@pilothouse/base';
import type { Authenticator } from '../../contract.ts';
import { credentialIdKey } from '../names.ts';

const clientAuth = '1.3.6.1.5.5.7.3.2';
const anyUse = '2.5.29.37.0';
const knownLimit = 4096;

interface Parsed {
  commonName: string;
  organizations: string[];
  fingerprint: string;
  /** Signed by one of the authorities, for use as a client. */
  trusted: boolean;
  notBefore: number;
  notAfter: number;
}

export interface CertificateChecker {
  /** The subject, if the peer's certificate is of these authorities and in force. */
  check(peer: ApiRequest['peer']): { commonName: string; organizations: string[]; fingerprint: string } | undefined;
}

/** `authorities`: PEM bundles. What has been verified once is remembered by fingerprint; validity in time is asked each time. */
export function certificateChecker(runtime: Pick<Runtime, 'clock'>, authorities: readonly string[]): CertificateChecker {
  const roots = authorities.flatMap((bundle) => bundle.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []).map((pem) => new X509Certificate(pem));
  const known = new Map<string, Parsed>();
  function parse(raw: Uint8Array, fingerprint: string): Parsed {
    const certificate = new X509Certificate(raw);
    const subject = certificate.subject?.split('\n') ?? [];
    const values = (key: string) => subject.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));
    const uses = certificate.keyUsage as string[] | undefined;
    const trusted = roots.some((root) => certificate.checkIssued(root) && certificate.verify(root.publicKey)) && (!uses || uses.includes(clientAuth) || uses.includes(anyUse));
    return { commonName: values('CN')[0] ?? '', organizations: values('O'), fingerprint, trusted, notBefore: Date.parse(certificate.validFrom), notAfter: Date.parse(certificate.validTo) };
  }
  return {
    check(peer) {
      const certificate = peer?.certificate;
      if (!certificate?.raw) return undefined;
      const fingerprint = certificate.fingerprint ?? certificateFingerprint(certificate.raw);
      let parsed = known.get(fingerprint);
      if (!parsed) {
        if (known.size >= knownLimit) known.clear();
        parsed = parse(certificate.raw, fingerprint);
        known.set(fingerprint, parsed);
      }
      const now = runtime.clock.now();
      return parsed.trusted && now >= parsed.notBefore && now <= parsed.notAfter ? parsed : undefined;
    },
  };
}

/**
 * Users by client certificate. A certificate without `raw` (in-process callers) has been vouched for by its transport.
 * One that no authority here has signed, or that is out of date, is refused rather than overlooked.
 */
export function certificateAuthenticator(checker: CertificateChecker): Authenticator {
  return {
    name: 'x509',
    authenticate({ peer }) {
      const certificate = peer?.certificate;
      if (peer?.certificateError) throw unauthorizedError();
      if (!certificate) return undefined;
      const subject = certificate.raw ? checker.check(peer) : { fingerprint: '', ...certificate };
      if (!subject) throw unauthorizedError();
      if (!subject.commonName) return undefined;
      return { user: { name: subject.commonName, groups: subject.organizations, ...(subject.fingerprint && { extra: { [credentialIdKey]: [`X509SHA256=${subject.fingerprint}`] } }) } };
    },
  };
}
