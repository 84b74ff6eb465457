import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, fakeClock, realRandom, realClock, silentLogger } from '@pilothouse/base';
import { load } from 'js-yaml';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ensurePki } from './ensure.ts';
import { mergeKubeconfig, removeFromKubeconfig, writeKubeconfig } from './kubeconfig.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pilothouse-pki-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const runtime = (clock: Clock = fakeClock(realClock.now())) => ({ clock, random: realRandom, log: silentLogger });

test('the serving certificate is good for every name and address of the API server', async () => {
  const pki = await ensurePki(dir, runtime(), { hostName: 'box', addresses: ['192.168.1.7', '0.0.0.0'] });
  const certificate = new X509Certificate(pki.apiserver.certificate);
  for (const host of ['localhost', 'box', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local']) expect(certificate.checkHost(host), host).toBe(host);
  for (const address of ['127.0.0.1', '::1', '10.96.0.1', '192.168.1.7']) expect(certificate.checkIP(address), address).toBe(address);
  expect(certificate.checkIP('0.0.0.0')).toBeUndefined();
  expect(certificate.verify(new X509Certificate(pki.ca.certificate).publicKey)).toBe(true);
  expect(new X509Certificate(pki.ca.certificate).ca).toBe(true);
  await pki.serviceAccount;
});

test('daemons that start at once on an empty directory agree on the authorities', async () => {
  const all = await Promise.all([1, 2, 3].map(() => ensurePki(dir, runtime(realClock))));
  expect(new Set(all.map((pki) => pki.ca.certificate)).size).toBe(1);
  expect(new Set(all.map((pki) => pki.frontProxyCa.certificate)).size).toBe(1);
  expect(new Set((await Promise.all(all.map((pki) => pki.serviceAccount))).map((key) => key.privateKey)).size).toBe(1);
});

test('certificates say who the parts of the control plane are, in kubeadm\'s words', async () => {
  const pki = await ensurePki(dir, runtime());
  await pki.serviceAccount;
  const subject = async (pair: Promise<{ certificate: string }>) => new X509Certificate((await pair).certificate).subject;
  expect(await subject(pki.client('admin'))).toBe('O=system:masters\nCN=admin');
  expect(await subject(pki.client('apiserver-kubelet-client'))).toBe('O=system:masters\nCN=kube-apiserver-kubelet-client');
  expect(await subject(pki.client('scheduler'))).toBe('CN=system:kube-scheduler');
  expect(await subject(pki.kubeletClient('n1'))).toBe('O=system:nodes\nCN=system:node:n1');
  expect(new X509Certificate((await pki.client('front-proxy-client')).certificate).verify(new X509Certificate(pki.frontProxyCa.certificate).publicKey)).toBe(true);
  expect(await subject(pki.clientCertificate({ commonName: 'jane', organizations: ['dev', 'ops'] }))).toBe('O=dev\nO=ops\nCN=jane');
});

test('files are reused, readable by their owner only, and renewed when little life is left or a name is new', async () => {
  const clock = fakeClock(realClock.now());
  const first = await ensurePki(dir, runtime(clock));
  expect((await stat(first.apiserver.keyFile)).mode & 0o777).toBe(0o600);
  expect((await stat(first.ca.keyFile)).mode & 0o777).toBe(0o600);
  const again = await ensurePki(dir, runtime(clock));
  expect(again.apiserver.certificate).toBe(first.apiserver.certificate);
  expect((await again.serviceAccount).privateKey).toBe((await first.serviceAccount).privateKey);
  const named = await ensurePki(dir, runtime(clock), { names: ['api.example.com'] });
  expect(named.apiserver.certificate).not.toBe(first.apiserver.certificate);
  expect(named.ca.certificate).toBe(first.ca.certificate);
  clock.advance(300 * 24 * 3600 * 1000);
  const later = await ensurePki(dir, runtime(clock), { names: ['api.example.com'] });
  expect(later.apiserver.certificate).not.toBe(named.apiserver.certificate);
});

test('a kubeconfig is merged beside the user\'s other entries and taken out again', async () => {
  const file = join(dir, 'config');
  await writeFile(file, 'apiVersion: v1\nkind: Config\ncurrent-context: work\npreferences: {}\nclusters:\n- name: work\n  cluster: {server: https://work}\ncontexts:\n- name: work\n  context: {cluster: work, user: work}\nusers:\n- name: work\n  user: {token: t}\n');
  await mergeKubeconfig(file, 'pilothouse', { server: 'https://127.0.0.1:6443', certificateAuthority: 'CA', token: 'x' }, realClock);
  const merged = load(await readFile(file, 'utf8')) as any;
  expect(merged['current-context']).toBe('pilothouse');
  expect(merged.clusters.map((c: any) => c.name)).toEqual(['work', 'pilothouse']);
  expect(merged.clusters[1].cluster).toEqual({ 'certificate-authority-data': Buffer.from('CA').toString('base64'), server: 'https://127.0.0.1:6443' });
  expect(merged.users[0].user.token).toBe('t');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await mergeKubeconfig(file, 'pilothouse', { server: 'https://127.0.0.1:7443' }, realClock);
  await removeFromKubeconfig(file, 'pilothouse', realClock);
  const left = load(await readFile(file, 'utf8')) as any;
  expect(left.clusters).toEqual([{ name: 'work', cluster: { server: 'https://work' } }]);
  expect(left['current-context']).toBe('');
  await expect(stat(`${file}.lock`)).rejects.toThrow();
});

test('a daemon\'s kubeconfig names one cluster, one user and one context', async () => {
  const file = join(dir, 'sub', 'scheduler.conf');
  await writeKubeconfig(file, { server: 'https://h:6443', certificateAuthority: 'CA', clientCertificate: 'C', clientKey: 'K' }, { name: 'kubernetes', userName: 'system:kube-scheduler' });
  const written = load(await readFile(file, 'utf8')) as any;
  expect(written.contexts).toEqual([{ name: 'kubernetes', context: { cluster: 'kubernetes', user: 'system:kube-scheduler' } }]);
  expect(written['current-context']).toBe('kubernetes');
});
