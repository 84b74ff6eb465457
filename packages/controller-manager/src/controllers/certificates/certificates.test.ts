import { webcrypto, X509Certificate } from 'node:crypto';
import { formatTime } from '@pilothouse/base';
import { certificateSigningRequests } from '@pilothouse/apimachinery';
import type { CertificateSigningRequest } from '@pilothouse/api-schemas/types/certificates/v1';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, describe, expect, test } from 'vitest';
import { csrApprovingController } from './approver/controller.ts';
import { csrCleanerController } from './cleaner/controller.ts';
import { deleteAtMs } from './cleaner/plan.ts';
import { encodeUsages, signers, validity } from './policies.ts';
import type { RequestedNames } from './request.ts';
import { x509Library } from './request.ts';
import { csrSigningController } from './signer/controller.ts';

let bench: ControllerBench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const rsa = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: new Uint8Array([1, 0, 1]), modulusLength: 2048 };
const pemOf = (label: string, der: ArrayBuffer) => `-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n')}\n-----END ${label}-----\n`;

async function authority(algorithm: object): Promise<Record<string, string>> {
  const x509 = await x509Library();
  const keys = (await webcrypto.subtle.generateKey(algorithm as never, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({ name: 'CN=kubernetes', keys: keys as never, signingAlgorithm: algorithm as never, notBefore: new Date('2020-01-01'), notAfter: new Date('2040-01-01'), extensions: [new x509.BasicConstraintsExtension(true, undefined, true), await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as never)] });
  return { 'cluster-signing-cert-file': certificate.toString('pem'), 'cluster-signing-key-file': pemOf('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)) };
}

async function request(name: string, more: Partial<NonNullable<CertificateSigningRequest['spec']>> = {}, alternatives: { type: 'dns' | 'ip'; value: string }[] = []): Promise<CertificateSigningRequest> {
  const x509 = await x509Library();
  const keys = (await webcrypto.subtle.generateKey(ecdsa, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const made = await x509.Pkcs10CertificateRequestGenerator.create({ name: 'O=system:nodes, CN=system:node:n1', keys: keys as never, signingAlgorithm: ecdsa, extensions: alternatives.length ? [new x509.SubjectAlternativeNameExtension(alternatives)] : [] });
  return { metadata: { name }, spec: { request: Buffer.from(made.toString('pem')).toString('base64'), signerName: 'kubernetes.io/kube-apiserver-client-kubelet', usages: ['digital signature', 'client auth'], ...more } };
}

/** Signing happens on other threads, which the clock of the bench does not wait for. */
async function eventually<T>(condition: () => Promise<T | undefined | false | ''>): Promise<T> {
  for (let i = 0; i < 500; i++) {
    const found = await condition();
    if (found) return found;
    await bench!.clock.advanceAsync(50);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error('the condition did not come to hold');
}

const plain: RequestedNames = { commonName: 'system:node:n1', organizations: ['system:nodes'], dnsNames: [], emailAddresses: [], ipAddresses: [], uris: [] };

describe('what the signers sign', () => {
  test.each([
    ['kubernetes.io/kube-apiserver-client-kubelet', {}, ['client auth', 'digital signature'], undefined],
    ['kubernetes.io/kube-apiserver-client-kubelet', { organizations: ['x'] }, [], 'subject organization is not system:nodes'],
    ['kubernetes.io/kube-apiserver-client-kubelet', { ipAddresses: ['1.2.3.4'] }, [], 'IP subjectAltNames are not allowed'],
    ['kubernetes.io/kube-apiserver-client-kubelet', {}, ['server auth'], 'usages did not match [client auth digital signature key encipherment]'],
    ['kubernetes.io/kubelet-serving', {}, ['server auth', 'digital signature'], 'DNS or IP subjectAltName is required'],
    ['kubernetes.io/kubelet-serving', { dnsNames: ['n1'] }, ['server auth', 'digital signature', 'key encipherment'], undefined],
    ['kubernetes.io/kubelet-serving', { dnsNames: ['n1'], commonName: 'n1' }, ['server auth', 'digital signature'], 'subject common name does not begin with system:node:'],
    ['kubernetes.io/kube-apiserver-client', {}, ['server auth'], 'invalid usage for client certificate: server auth'],
    ['kubernetes.io/kube-apiserver-client', {}, ['digital signature'], 'missing required usage for client certificate: client auth'],
  ])('%s, asked for %j with usages %j', (signer, names, usages, problem) => {
    expect(signers[signer].problem({ ...plain, ...names }, usages)).toBe(problem);
  });

  test.each([
    ['as long as the signer will', undefined, 364 * 24 + 23 + 55 / 60],
    ['for a short time', 3600, 1],
    ['for less than ten minutes', 10, 1 / 6],
    ['for too long', 10 * 365 * 86_400, 364 * 24 + 23 + 55 / 60],
  ])('a certificate asked for %s holds from five minutes ago', (_, seconds, hours) => {
    expect(validity(seconds, { longestMs: 365 * 86_400_000, nowMs: 0, authorityEndsMs: 1e13 })).toEqual({ notBefore: -300_000, notAfter: Math.round(hours * 3_600_000) });
  });

  test('usages become bits and identifiers, unknown ones an error', () => {
    expect(encodeUsages(['client auth', 'server auth', 'signing', 'key encipherment'])).toEqual({ flags: 5, extended: ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'] });
    expect(() => encodeUsages(['nonsense'])).toThrow('unrecognized usage values: ["nonsense"]');
  });

  test.each([
    ['pending for a day', {}, 24],
    ['denied for an hour', { conditions: [{ type: 'Denied', status: 'True', lastUpdateTime: formatTime(0) }] }, 1],
    ['approved and not issued for a day', { conditions: [{ type: 'Approved', status: 'True', lastUpdateTime: formatTime(0) }] }, 24],
    ['approved and issued for an hour', { conditions: [{ type: 'Approved', status: 'True', lastUpdateTime: formatTime(0) }], certificate: 'eA==' }, 1],
  ])('a request is kept %s', (_, status, hours) => {
    expect(deleteAtMs({ metadata: { name: 'c', creationTimestamp: formatTime(0) }, spec: {} as never, status })).toBe(hours * 3_600_000);
  });
});

test.each([['ECDSA', ecdsa], ['RSA', rsa]])("a kubelet's request is approved, signed with an %s key, and deleted in time", async (_, algorithm) => {
  const flags = await authority(algorithm);
  // What asks for somebody else's node may be approved; asking for one's own would need another right.
  const authorizers = [{ name: 'test', authorize: ({ subresource = '' }: { subresource?: string }) => ({ decision: subresource === 'selfnodeclient' ? ('deny' as const) : ('allow' as const), reason: '' }) }];
  bench = await runOnBench([csrApprovingController, csrSigningController, csrCleanerController], { flags, server: { authorizers } });
  const { client } = bench;
  const get = () => client.get(certificateSigningRequests, 'c').catch(() => undefined);
  await client.create(certificateSigningRequests, await request('c', { expirationSeconds: 3600 }));
  const issued = await eventually(async () => {
    const found = await get();
    return found?.status?.certificate !== undefined && found;
  });
  expect(issued.status!.conditions!.map((c) => [c.type, c.status, c.reason, c.message])).toEqual([['Approved', 'True', 'AutoApproved', 'Auto approving kubelet client certificate after SubjectAccessReview.']]);
  const certificate = new X509Certificate(Buffer.from(issued.status!.certificate!, 'base64'));
  expect(certificate.subject).toBe('O=system:nodes\nCN=system:node:n1');
  expect(certificate.verify(new X509Certificate(flags['cluster-signing-cert-file']).publicKey)).toBe(true);
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
  expect(certificate.validToDate.getTime() - certificate.validFromDate.getTime()).toBe(65 * 60_000);
  for (let i = 0; i < 4; i++) await bench.advance(1_000_000);
  expect(await get()).toBeUndefined();
});

test('a serving certificate holds for the names asked for; what breaks the rules fails', async () => {
  bench = await runOnBench([csrSigningController], { flags: await authority(ecdsa) });
  const { client } = bench;
  const serving = { signerName: 'kubernetes.io/kubelet-serving', usages: ['digital signature', 'server auth'] };
  await client.create(certificateSigningRequests, await request('good', serving, [{ type: 'dns', value: 'n1' }, { type: 'ip', value: '10.0.0.1' }]));
  await client.create(certificateSigningRequests, await request('bad', serving));
  for (const name of ['good', 'bad']) await client.patch(certificateSigningRequests, name, { status: { conditions: [{ type: 'Approved', status: 'True', reason: 'Test', message: 'm' }] } }, { subresource: 'approval' });
  const good = await eventually(async () => (await client.get(certificateSigningRequests, 'good')).status?.certificate);
  expect(new X509Certificate(Buffer.from(good, 'base64')).subjectAltName).toBe('DNS:n1, IP Address:10.0.0.1');
  const failed = await eventually(async () => (await client.get(certificateSigningRequests, 'bad')).status?.conditions?.find((c) => c.type === 'Failed'));
  expect(failed).toMatchObject({ status: 'True', reason: 'SignerValidationFailure', message: 'DNS or IP subjectAltName is required' });
});
