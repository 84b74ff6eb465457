import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isNotFound, notFoundError } from '@pilothouse/apimachinery';
import { aPod } from '../testdata/builders.ts';
import { writeAtomically } from './atomic-writer.ts';
import { prepareHostPath } from './host-path.ts';
import { referencesOf } from './object-sources.ts';
import { payloadOf, type PayloadSources } from './payloads.ts';
import { resolveSubPath } from './sub-path.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'volumes-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));
const files = (o: Record<string, string>) => new Map(Object.entries(o).map(([path, text]) => [path, { data: Buffer.from(text), mode: 0o644 }]));
const write = (o: Record<string, string>) => writeAtomically(join(dir, 'v'), files(o), { nowMs: 0 });

describe('files that change together', () => {
  test('are links through ..data, which turns in one step', () => {
    expect(write({ a: '1', 'sub/b': '2' })).toBe(true);
    expect([readlinkSync(join(dir, 'v/a')), readlinkSync(join(dir, 'v/..data')).slice(0, 4), readFileSync(join(dir, 'v/sub/b'), 'utf8')]).toEqual(['..data/a', '..19', '2']);
    const before = readlinkSync(join(dir, 'v/..data'));
    expect(write({ a: '1', 'sub/b': '2' })).toBe(false);
    expect(readlinkSync(join(dir, 'v/..data'))).toBe(before);
    expect(write({ a: '3' })).toBe(true);
    expect(readdirSync(join(dir, 'v')).filter((n) => !n.startsWith('..'))).toEqual(['a']);
    expect(existsSync(join(dir, 'v', before))).toBe(false);
  });
  test.each(['../x', '/x', 'a/../../x', '..data'])('never leave their directory: %s', (path) => {
    expect(() => write({ [path]: 'x' })).toThrow(/invalid path/);
  });
});

describe('subPath', () => {
  test('makes what is missing and follows links that stay inside', () => {
    mkdirSync(join(dir, 'real'));
    symlinkSync('real', join(dir, 'link'));
    expect(resolveSubPath(dir, 'link/new')).toBe(join(dir, 'real/new'));
    expect(statSync(join(dir, 'real/new')).isDirectory()).toBe(true);
  });
  test('refuses links that lead out', () => {
    symlinkSync('/etc', join(dir, 'out'));
    expect(() => resolveSubPath(dir, 'out/x')).toThrow(/not within volume path/);
    expect(() => resolveSubPath(dir, '../x')).toThrow(/must not contain/);
  });
});

test('hostPath types are checked, and made where they say so', () => {
  const file = join(dir, 'f');
  writeFileSync(file, '');
  prepareHostPath(join(dir, 'new'), 'DirectoryOrCreate');
  expect(statSync(join(dir, 'new')).isDirectory()).toBe(true);
  expect(() => prepareHostPath(file, 'Directory')).toThrow(`hostPath type check failed: ${file} is not a directory`);
  expect(() => prepareHostPath('/nope', 'Socket')).toThrow('/nope is not a socket file');
});

describe('what volumes hold', () => {
  const sources = {
    podIps: ['10.0.0.1'], hostIps: [], allocatable: {}, isNotFound,
    configMap: async (_: string, name: string) => {
      if (name === 'nope') throw notFoundError({ group: '', plural: 'configmap' }, name);
      return { metadata: {}, data: { a: 'one' }, binaryData: { b: 'AAE=' } };
    },
    secret: async () => ({ metadata: {}, data: {} }),
    serviceAccountToken: async () => 'token',
    clusterTrustBundle: async () => undefined,
  } as PayloadSources;
  const of = async (volume: object, pod = aPod({}, { labels: { k: 'v"' } })) => Object.fromEntries([...((await payloadOf(pod, { name: 'v', ...volume }, sources)) ?? [])].map(([path, f]) => [path, `${Buffer.from(f.data).toString('latin1')} ${f.mode.toString(8)}`]));
  test.each([
    [{ configMap: { name: 'cm' } }, { a: 'one 644', b: '\0\u0001 644' }],
    [{ configMap: { name: 'cm', items: [{ key: 'a', path: 'x/y', mode: 0o400 }] } }, { 'x/y': 'one 400' }],
    [{ configMap: { name: 'nope', optional: true } }, {}],
    [{ downwardAPI: { items: [{ path: 'l', fieldRef: { fieldPath: 'metadata.labels' } }] } }, { l: 'k="v\\"" 644' }],
    [{ projected: { sources: [{ serviceAccountToken: { path: 't' } }, { configMap: { name: 'cm', items: [{ key: 'a', path: 'a' }] } }] } }, { t: 'token 644', a: 'one 644' }],
  ])('%j', async (volume, want) => {
    expect(await of(volume)).toEqual(want);
  });
  test('a token is its owner\'s alone where the pod has one', async () => {
    const volume = { projected: { sources: [{ serviceAccountToken: { path: 't' } }] } };
    expect((await of(volume, aPod({ securityContext: { runAsUser: 5 } }))).t).toBe('token 600');
  });
  test('what is missing is named', async () => {
    await expect(of({ configMap: { name: 'nope' } })).rejects.toThrow('configmap "nope" not found');
    await expect(of({ configMap: { name: 'cm', items: [{ key: 'z', path: 'z' }] } })).rejects.toThrow('configmap references non-existent config key: z');
  });
});

test('a pod\'s references are what it may read', () => {
  const pod = aPod({ containers: [{ name: 'c', envFrom: [{ secretRef: { name: 's1' } }], env: [{ name: 'x', valueFrom: { configMapKeyRef: { name: 'c1', key: 'k' } } }] } as never], volumes: [{ name: 'v', projected: { sources: [{ secret: { name: 's2' } }] } }], imagePullSecrets: [{ name: 's3' }] });
  expect([...referencesOf(pod)].sort()).toEqual(['ConfigMap/ns/c1', 'Secret/ns/s1', 'Secret/ns/s2', 'Secret/ns/s3']);
});
