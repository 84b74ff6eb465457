import { issueAuthority, issueCertificate } from '@pilothouse/apiserver/pki/index';
import type { Runtime } from '@pilothouse/base';

const yearMs = 365 * 24 * 3_600_000;

/** A serving certificate for this run, by an authority of its own (PEM), as upstream's daemons make theirs. */
export async function ownCertificate({ clock, random }: Pick<Runtime, 'clock' | 'random'>, name: string): Promise<{ authority: string; tls: { cert: string; key: string } }> {
  const now = clock.now();
  const validity = { notBefore: now - 3_600_000, notAfter: now + yearMs };
  const authority = await issueAuthority(`${name}-ca@${Math.floor(now / 1000)}`, validity, random);
  const own = await issueCertificate(authority, { commonName: name, usages: ['server'], names: [name, 'localhost'], addresses: ['127.0.0.1'] }, validity, random);
  return { authority: authority.certificate, tls: { cert: own.certificate + authority.certificate, key: own.key } };
}
