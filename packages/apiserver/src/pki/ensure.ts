/** The cluster's certificates on disk, in kubeadm's layout: made where missing, renewed in time, otherwise reused. */
import { createPrivateKey, createPublicKey, generateKeyPair, X509Certificate } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Runtime } from '@pilothouse/base';
import { type AuthorityName, apiServerCertificate, authorities, type CertificateSpec, type ClientCertificateName, clientCertificates, kubeletClientCertificate, kubeletServingCertificate, type ServingNames } from './certificates.ts';
import { writeFileAtomically, writeFileOnce } from './files.ts';
import { canonicalAddress, type CertificateRequest, issueAuthority, issueCertificate, type KeyPair, type Subject, type Validity } from './issue.ts';

const dayMs = 24 * 3600 * 1000;
const authorityLifeMs = 3650 * dayMs;
const certificateLifeMs = 365 * dayMs;
/** Clocks of other machines may be a little behind. */
const skewMs = 5 * 60 * 1000;

/** A pair that lies on disk. */
export interface StoredKeyPair extends KeyPair {
  certificateFile: string;
  keyFile: string;
}

export interface ServiceAccountKey {
  privateKey: string;
  publicKey: string;
  privateKeyFile: string;
  publicKeyFile: string;
}

export interface Pki {
  dir: string;
  ca: StoredKeyPair;
  frontProxyCa: StoredKeyPair;
  /** Serving certificate of the API server. */
  apiserver: StoredKeyPair;
  /** Signs service account tokens (RS256, as kubeadm's). A promise, for making an RSA key takes longer than everything else together. */
  serviceAccount: Promise<ServiceAccountKey>;
  /** A client certificate of the control plane's own, made on first use. */
  client(name: ClientCertificateName): Promise<StoredKeyPair>;
  kubeletClient(node: string): Promise<StoredKeyPair>;
  kubeletServing(node: string, addresses: readonly string[]): Promise<StoredKeyPair>;
  /** A client certificate that is not kept on disk. `lifeMs` defaults to a year. */
  clientCertificate(subject: Subject, lifeMs?: number): Promise<KeyPair>;
}

const absent = (error: unknown) => {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw error;
};

async function readPair(base: string): Promise<StoredKeyPair | undefined> {
  const certificateFile = `${base}.crt`;
  const keyFile = `${base}.key`;
  const [certificate, key] = await Promise.all([readFile(certificateFile, 'utf8').catch(absent), readFile(keyFile, 'utf8').catch(absent)]);
  return certificate && key ? { certificate, key, certificateFile, keyFile } : undefined;
}

async function writePair(base: string, pair: KeyPair): Promise<StoredKeyPair> {
  await mkdir(dirname(base), { recursive: true, mode: 0o700 });
  const stored = { ...pair, certificateFile: `${base}.crt`, keyFile: `${base}.key` };
  await Promise.all([writeFileAtomically(stored.certificateFile, pair.certificate), writeFileAtomically(stored.keyFile, pair.key)]);
  return stored;
}

/** True while more than a third of the life is left. */
export function isFresh(certificate: X509Certificate, nowMs: number): boolean {
  const from = Date.parse(certificate.validFrom);
  const to = Date.parse(certificate.validTo);
  return nowMs >= from && to - nowMs > (to - from) / 3;
}

/** How long a process that has written an authority's key may take to write its certificate. */
const otherProcessMs = 2_000;

const commonNames = /(?:^|\n)(CN|O)=([^\n]*)/g;

/** Whether the certificate says what the specification wants, signed by this authority, matching its key. */
export function satisfies(pair: KeyPair, spec: CertificateRequest, authority: KeyPair): boolean {
  try {
    const certificate = new X509Certificate(pair.certificate);
    const subject = [...certificate.subject.matchAll(commonNames)];
    const commonName = subject.find((m) => m[1] === 'CN')?.[2];
    const organizations = subject.filter((m) => m[1] === 'O').map((m) => m[2]);
    const have = new Set((certificate.subjectAltName ?? '').split(', ').map((entry) => entry.replace(/^DNS:/, '').replace(/^IP Address:(.*)$/, (_, a) => canonicalAddress(a.toLowerCase()))));
    return (
      commonName === spec.commonName &&
      organizations.length === (spec.organizations ?? []).length &&
      organizations.every((o) => spec.organizations!.includes(o)) &&
      (spec.names ?? []).every((n) => have.has(n)) &&
      (spec.addresses ?? []).every((a) => have.has(canonicalAddress(a))) &&
      certificate.checkPrivateKey(createPrivateKey(pair.key)) &&
      certificate.verify(new X509Certificate(authority.certificate).publicKey)
    );
  } catch {
    return false;
  }
}

async function ensureAuthority(dir: string, name: AuthorityName, runtime: Runtime): Promise<StoredKeyPair> {
  const { file, commonName } = authorities[name];
  const base = join(dir, file);
  const now = runtime.clock.now();
  const held = await readPair(base);
  // An authority that is about to end is not replaced silently: everything it signed would stop working at once.
  if (held) {
    if (Date.parse(new X509Certificate(held.certificate).validTo) <= now) throw new Error(`the certificate authority ${held.certificateFile} has expired: move it away with all that it signed, and start again`);
    return held;
  }
  const made = await issueAuthority(commonName, { notBefore: now - skewMs, notAfter: now + authorityLifeMs }, runtime.random);
  if ((await writeFileOnce(`${base}.key`, made.key)) !== made.key) {
    // Another process was quicker: its certificate follows at once, unless it died in between.
    for (let waited = 0; waited < otherProcessMs; waited += 20) {
      const theirs = await readPair(base);
      if (theirs) return theirs;
      await runtime.clock.sleep(20);
    }
  }
  return writePair(base, made);
}

async function ensureServiceAccountKey(dir: string): Promise<ServiceAccountKey> {
  const privateKeyFile = join(dir, 'sa.key');
  const publicKeyFile = join(dir, 'sa.pub');
  let privateKey = await readFile(privateKeyFile, 'utf8').catch(absent);
  if (privateKey === undefined) {
    const made = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
    // Making it takes long enough for another process to have been quicker.
    privateKey = await writeFileOnce(privateKeyFile, made.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString());
  }
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
  if ((await readFile(publicKeyFile, 'utf8').catch(absent)) !== publicKey) await writeFileAtomically(publicKeyFile, publicKey);
  return { privateKey, publicKey, privateKeyFile, publicKeyFile };
}

/**
 * Reads or makes what the API server needs to serve (both authorities, its serving certificate, the token key);
 * everything else is made when first asked for, or meanwhile. Files have mode 0600.
 */
export async function ensurePki(dir: string, runtime: Runtime, options: ServingNames = {}): Promise<Pki> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const serviceAccount = ensureServiceAccountKey(dir);
  // Whoever awaits it sees the failure; unawaited it must not end the process.
  serviceAccount.catch(() => {});
  const [ca, frontProxyCa] = await Promise.all([ensureAuthority(dir, 'ca', runtime), ensureAuthority(dir, 'front-proxy-ca', runtime)]);
  const pending = new Map<string, Promise<StoredKeyPair>>();
  const validity = (lifeMs: number): Validity => ({ notBefore: runtime.clock.now() - skewMs, notAfter: runtime.clock.now() + lifeMs });

  async function readOrIssue(spec: CertificateSpec): Promise<StoredKeyPair> {
    const authority = spec.authority === 'ca' ? ca : frontProxyCa;
    const base = join(dir, spec.file);
    const held = await readPair(base);
    if (held && satisfies(held, spec, authority) && isFresh(new X509Certificate(held.certificate), runtime.clock.now())) return held;
    runtime.log.debug('Issuing certificate', { file: `${base}.crt`, reason: held ? 'renewal' : 'missing' });
    return writePair(base, await issueCertificate(authority, spec, validity(certificateLifeMs), runtime.random));
  }
  const ensure = (spec: CertificateSpec): Promise<StoredKeyPair> => {
    let made = pending.get(spec.file);
    if (!made) {
      // Callers at once share one issue; a later call looks at the files again, so that renewal needs no restart.
      made = readOrIssue(spec).finally(() => pending.delete(spec.file));
      pending.set(spec.file, made);
    }
    return made;
  };

  return {
    dir,
    ca,
    frontProxyCa,
    apiserver: await ensure(apiServerCertificate(options)),
    serviceAccount,
    client: (name) => ensure(clientCertificates[name]),
    kubeletClient: (node) => ensure(kubeletClientCertificate(node)),
    kubeletServing: (node, addresses) => ensure(kubeletServingCertificate(node, addresses)),
    clientCertificate: (subject, lifeMs = certificateLifeMs) => issueCertificate(ca, { ...subject, usages: ['client'] }, validity(lifeMs), runtime.random),
  };
}
