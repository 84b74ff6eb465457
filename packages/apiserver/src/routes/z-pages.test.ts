import { fakeClock, seededRandom } from '@pilothouse/base';
import { expect, test } from 'vitest';
import type { NonResourceRoute } from '../options.ts';
import { flagzRoute, statuszRoute } from './z-pages.ts';

const clock = fakeClock(Date.UTC(2026, 0, 2, 3, 4, 5));
const statusz = statuszRoute({ clock, random: seededRandom(1), startedMs: clock.now() - 3_725_000, runtime: 'v24', paths: () => ['/', '/api/v1', '/apis', '/healthz/ping', '/healthz', '/metrics/slis', '/openapi/v3'] });
const flagz = flagzRoute(seededRandom(1), { 'secure-port': '6443', 'bind-address': '0.0.0.0' });

async function ask(route: NonResourceRoute, accept?: string) {
  const { status, headers, body } = await route.handle({ method: 'GET', url: route.path, headers: { accept }, signal: new AbortController().signal }, { query: new URLSearchParams() } as never);
  return { status, headers, text: Buffer.from(body as Uint8Array).toString() };
}

test.each([undefined, '', 'text/plain', '*/*', 'application/json;v=foo;g=config.k8s.io;as=Statusz,*/*'])('statusz is text for who accepts %j', async (accept) => {
  const { headers, text } = await ask(statusz, accept);
  expect(headers['content-type']).toBe('text/plain; charset=utf-8');
  expect(text).toMatch(/^\napiserver statusz\nWarning: .*purposes only\.\n\nStarted(:|: |=| ) Fri Jan {2}2 02:02:00 UTC 2026\nUp(:|: |=| ) 1 hr 02 min 05 sec\nGo version(:|: |=| ) v24\nBinary version(:|: |=| ) 1\.36\.2\nEmulation version(:|: |=| ) 1\.36\nPaths(:|: |=| ) \/healthz \/metrics\n$/);
});

test('who names the kind gets an object; of an old version with a warning', async () => {
  const { headers, text } = await ask(statusz, 'application/json;v=v1beta1;g=config.k8s.io;as=Statusz');
  expect(headers['content-type']).toBe('application/json;g=config.k8s.io;v=v1beta1;as=Statusz');
  expect(headers.warning).toBeUndefined();
  expect(JSON.parse(text)).toEqual({ kind: 'Statusz', apiVersion: 'config.k8s.io/v1beta1', metadata: { name: 'apiserver' }, startTime: '2026-01-02T02:02:00Z', uptimeSeconds: 3725, goVersion: 'v24', binaryVersion: '1.36.2', emulationVersion: '1.36', paths: ['/healthz', '/metrics'] });
  const old = await ask(flagz, 'application/yaml;v=v1alpha1;g=config.k8s.io;as=Flagz');
  expect(old.headers.warning).toBe('299 - "This version of the flagz endpoint is deprecated. Please use a newer version."');
  expect(old.text).toContain('apiVersion: config.k8s.io/v1alpha1');
  expect((await ask(flagz)).text).toMatch(/purposes only\.\nbind-address(:|: |=| )0\.0\.0\.0\nsecure-port(:|: |=| )6443\n$/);
});

test.each(['application/xml', 'application/json', 'application/json;v=v1beta1;g=config.k8s.io', 'application/json;v=v1beta1;g=config.k8s.io;as=Flagz', 'application/vnd.kubernetes.protobuf', 'text/plain;as=Statusz'])('statusz has no form for %s', async (accept) => {
  await expect(ask(statusz, accept)).rejects.toMatchObject({ code: 406, message: 'only the following media types are accepted: application/json, application/yaml, text/plain' });
});
