import { type FakeClock, fakeClock, seededRandom, silentLogger } from '@pilothouse/base';
import { type ApiResponse, expiredError, pods, type StatusError } from '@pilothouse/apimachinery';
import { afterEach, describe, expect, test } from 'vitest';
import { createClient } from '../client.ts';
import type { Transport } from '../contract.ts';
import { createInformerFactory } from './factory.ts';

type Event = { type: string; object: unknown };
type Script = { list: { rv: string; pods: string[] } } | { watch: Event[]; last: 'end' | 'hang' } | { error: StatusError } | { refuse: true };

const pod = (name: string, rv: string) => ({ metadata: { name, namespace: 'ns', uid: `uid-${name}`, resourceVersion: rv } });
const json = (value: unknown): ApiResponse => ({ status: 200, headers: {}, body: new TextEncoder().encode(JSON.stringify(value)) });

/** Answers requests one after another from a script, and notes what was asked. */
function scripted(script: Script[]): Transport & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    async request({ url, signal }) {
      const query = new URL(url, 'http://x').searchParams;
      asked.push(`${query.get('watch') ? 'watch' : 'list'} ${query.get('resourceVersion') ?? '-'}`);
      const step = script.shift() ?? { watch: [], last: 'hang' };
      if ('refuse' in step) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      if ('error' in step) return { status: step.error.code, headers: {}, object: step.error.status };
      if ('list' in step) return json({ metadata: { resourceVersion: step.list.rv }, items: step.list.pods.map((p) => pod(p.split('@')[0], p.split('@')[1])) });
      async function* frames() {
        const bytes = new TextEncoder().encode((step as { watch: Event[] }).watch.map((e) => `${JSON.stringify(e)}\n`).join(''));
        // Frames are cut anywhere by the network.
        for (let i = 0; i < bytes.length; i += 37) yield bytes.subarray(i, i + 37);
        if ((step as { last: string }).last === 'hang') await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      }
      return { status: 200, headers: {}, body: frames() };
    },
    async close() {},
  };
}

let close: (() => Promise<void>) | undefined;
afterEach(() => close?.());

async function follow(script: Script[], run: (clock: FakeClock) => Promise<void>): Promise<{ asked: string[]; heard: string[]; keys: string[] }> {
  const clock = fakeClock();
  const transport = scripted(script);
  const runtime = { clock, random: seededRandom(1), log: silentLogger };
  const factory = createInformerFactory(createClient(transport, runtime, { userAgent: 'test' }), runtime);
  close = () => factory.close();
  const informer = factory.informer(pods);
  const heard: string[] = [];
  informer.handle({
    add: (p, initial) => heard.push(`${initial ? 'initial ' : ''}add ${p.metadata.name}@${p.metadata.resourceVersion}`),
    update: (p, old) => heard.push(`update ${p.metadata.name}@${old.metadata.resourceVersion}->${p.metadata.resourceVersion}`),
    delete: (p) => heard.push(`delete ${p.metadata.name}@${p.metadata.resourceVersion}`),
  });
  factory.start();
  await run(clock);
  await factory.close();
  return { asked: transport.asked, heard, keys: informer.lister.list().map((p) => p.metadata.name!) };
}

describe('informer', () => {
  test('lists from the cache, then watches from the version of the list', async () => {
    const seen = await follow([{ list: { rv: '5', pods: ['a@3', 'b@5'] } }, { watch: [{ type: 'ADDED', object: pod('c', '6') }, { type: 'MODIFIED', object: pod('a', '7') }, { type: 'DELETED', object: pod('b', '8') }], last: 'hang' }], (clock) => clock.advanceAsync(10));
    expect(seen.asked).toEqual(['list 0', 'watch 5']);
    expect(seen.heard).toEqual(['initial add a@3', 'initial add b@5', 'add c@6', 'update a@3->7', 'delete b@8']);
    expect(seen.keys).toEqual(['a', 'c']);
  });

  test('a bookmark moves the version that the next watch starts from', async () => {
    const seen = await follow([{ list: { rv: '5', pods: [] } }, { watch: [{ type: 'BOOKMARK', object: { metadata: { resourceVersion: '90' } } }], last: 'end' }], (clock) => clock.advanceAsync(10));
    expect(seen.asked).toEqual(['list 0', 'watch 5', 'watch 90']);
  });

  test('after a lost history the list is repeated, deletions missed are made up, unchanged objects cause no call', async () => {
    const seen = await follow(
      [{ list: { rv: '5', pods: ['a@3', 'b@5', 'c@4'] } }, { watch: [{ type: 'ERROR', object: expiredError('too old resource version: 5 (90)').status }], last: 'end' }, { list: { rv: '99', pods: ['a@3', 'c@80', 'd@99'] } }],
      (clock) => clock.advanceAsync(10),
    );
    expect(seen.asked).toEqual(['list 0', 'watch 5', 'list ', 'watch 99']);
    expect(seen.heard).toEqual(['initial add a@3', 'initial add b@5', 'initial add c@4', 'update c@4->80', 'add d@99', 'delete b@5']);
  });

  test('while the server is away the watch is tried again within a second, without a new list', async () => {
    const refusals: Script[] = Array.from({ length: 8 }, () => ({ refuse: true }));
    const seen = await follow([{ list: { rv: '5', pods: ['a@5'] } }, ...refusals, { watch: [{ type: 'MODIFIED', object: pod('a', '6') }], last: 'hang' }], async (clock) => {
      for (let i = 0; i < 8; i++) {
        expect(clock.next() ?? 0).toBeLessThanOrEqual(1000);
        await clock.advanceAsync(1000);
      }
    });
    expect(seen.asked).toEqual(['list 0', ...Array.from({ length: 9 }, () => 'watch 5')]);
    expect(seen.heard).toEqual(['initial add a@5', 'update a@5->6']);
  });
});
