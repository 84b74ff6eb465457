import { fakeClock } from '@pilothouse/base';
import { configMaps } from '@pilothouse/apimachinery';
import { createInformerFactory } from '@pilothouse/client';
import { type ControllerDefinition, defineController, done, itself } from '@pilothouse/controller-runtime';
import { startApi } from '@pilothouse/testing/in-process-cluster';
import { describe, expect, test } from 'vitest';
import { controllers, selectControllers } from './index.ts';
import { runManager } from './manager.ts';

const named = (name: string, extra: Partial<ControllerDefinition> = {}): ControllerDefinition => ({ name, serviceAccount: name, watches: [], reconcile: async () => done, ...extra });
const all = [named('a-controller', { aliases: ['a'] }), named('b-controller'), named('c-controller', { disabledByDefault: true })];

describe('controller manager', () => {
  test.each([
    [undefined, ['a-controller', 'b-controller']],
    [['*', 'c-controller'], ['a-controller', 'b-controller', 'c-controller']],
    [['*', '-a'], ['b-controller']],
    [['a'], ['a-controller']],
    [['*', '-storage-version-gc'], ['a-controller', 'b-controller']],
  ])('--controllers %j selects %j', (selection, expected) => {
    expect(selectControllers(all, selection).map((c) => c.name)).toEqual(expected);
  });

  test('a controller that does not exist is refused by name', () => {
    expect(() => selectControllers(all, ['*', '-nonesuch'])).toThrow('"nonesuch" is not in the list of known controllers');
  });

  test('what is not built in may be left out, not asked for', () => {
    expect(selectControllers(all, ['*', '-selinux-warning-controller'])).toHaveLength(2);
    expect(() => selectControllers(all, ['*', 'selinux-warning-controller'])).toThrow('"selinux-warning-controller" is not built in');
  });

  test('every controller has a name of its own, and no alias is another\'s', () => {
    const names = controllers.flatMap((c) => [c.name, ...(c.aliases ?? [])]);
    expect(new Set(names).size).toBe(names.length);
  });

  test('of two managers one works; when it stops, the other goes on where it was', async () => {
    const clock = fakeClock();
    const api = await startApi({ clock });
    const handled: string[] = [];
    const manager = (identity: string) => {
      const client = api.client();
      const informers = createInformerFactory(client, api.runtime);
      const stop = new AbortController();
      const controller = defineController({ name: 'x', serviceAccount: 'x', watches: [itself(configMaps)], reconcile: async (key) => (handled.push(`${identity} ${key}`), done) });
      const running = runManager([controller], { client, informers, runtime: api.runtime, signal: stop.signal, leaderElect: true, identity });
      return { ...running, stop: async () => {
        stop.abort(new Error('stopping'));
        await Promise.all([running.ended, informers.close(), clock.advanceAsync(0)]);
        return running.ended;
      } };
    };
    const advance = async (ms: number) => {
      for (let i = 0; i < 40; i++) await clock.advanceAsync(ms / 40);
    };
    const admin = api.client();
    const [one, two] = [manager('one'), manager('two')];
    await admin.create(configMaps, { metadata: { name: 'm', namespace: 'default' } });
    await advance(10_000);
    expect(new Set(handled.map((h) => h.split(' ')[0])).size).toBe(1);
    const [leader, other] = handled[0].startsWith('one') ? [one, two] : [two, one];
    expect(await leader.stop()).toBe('stopped');
    handled.length = 0;
    await advance(10_000);
    expect(handled.filter((h) => h.endsWith(' default/m'))).toHaveLength(1);
    await other.stop();
    await api.close();
  });
});
