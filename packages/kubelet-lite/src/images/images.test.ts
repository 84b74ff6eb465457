import { describe, expect, test } from 'vitest';
import { fakeClock, seededRandom } from '@pilothouse/base';
import { createSimulatedRuntime } from '../cri/simulated/runtime.ts';
import { credentialsFor } from './credentials.ts';
import { createImageManager } from './manager.ts';
import { pauseProgram } from './pause.ts';
import { withDefaultTag } from './reference.ts';
import { tar } from './tar.ts';

describe('image references', () => {
  test.each([
    ['busybox', 'busybox:latest'],
    ['localhost:5000/a/b', 'localhost:5000/a/b:latest'],
    ['docker.io/library/busybox:1.36', 'docker.io/library/busybox:1.36'],
    [`x@sha256:${'a'.repeat(64)}`, `x@sha256:${'a'.repeat(64)}`],
  ])('%s means %s', (given, want) => {
    expect(withDefaultTag(given)).toEqual({ reference: want });
  });
  test.each(['NOT/Valid:Image:x', 'a//b', 'Upper', '', 'a:b:c'])('%s is none', (given) => {
    expect(withDefaultTag(given)).toHaveProperty('problem');
  });
});

test('credentials are chosen by registry and path, the most specific first', () => {
  const auths = { 'https://reg.example.com/v1/': { username: 'u', password: 'p' }, 'reg.example.com/team': { auth: Buffer.from('t:q:r').toString('base64') }, '*.example.com': { username: 'glob', password: '' }, 'other.io': { username: 'no', password: '' } };
  const secret = { metadata: {}, data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') } };
  expect(credentialsFor('reg.example.com/team/app:1', [secret]).map((a) => [a.username, a.password])).toEqual([['t', 'q:r'], ['u', 'p'], ['glob', '']]);
});

test('a pull that fails is waited for, longer each time', async () => {
  const clock = fakeClock();
  const events: string[] = [];
  const images = createImageManager({ cri: createSimulatedRuntime({ clock, random: seededRandom(1) }), clock });
  const ensure = async () => {
    const outcome = await images.ensure({ image: 'invalid/x:1', policy: 'IfNotPresent', podUid: 'u', secrets: [], sandboxConfig: {}, event: (_, reason) => events.push(reason) });
    return 'reason' in outcome ? `${outcome.reason} ${outcome.retryMs}` : 'ok';
  };
  expect(await ensure()).toBe('ErrImagePull 10000');
  clock.advance(4000);
  expect(await ensure()).toBe('ImagePullBackOff 6000');
  clock.advance(6000);
  expect(await ensure()).toBe('ErrImagePull 20000');
  expect(events).toEqual(['Pulling', 'Failed', 'BackOff', 'Pulling', 'Failed']);
});

test('the pause program is a static ELF file for either architecture', () => {
  for (const [arch, machine] of [['x64', 62], ['arm64', 183]] as const) {
    const elf = pauseProgram(arch);
    expect([elf.toString('latin1', 1, 4), elf.readUInt16LE(18), elf.readBigUInt64LE(96)]).toEqual(['ELF', machine, BigInt(elf.length)]);
  }
});

test('an archive has whole blocks and ends in two empty ones', () => {
  const bytes = tar([{ name: 'a', content: 'x' }]);
  expect([bytes.length % 512, bytes.length, bytes.toString('latin1', 257, 262)]).toEqual([0, 2048, 'ustar']);
});
