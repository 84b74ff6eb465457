import { fakeClock, seededRandom, silentLogger } from '@pilothouse/base';
import { describe, expect, test } from 'vitest';
import { createClient } from '../client.ts';
import { createEventRecorder } from './recorder.ts';

function recording() {
  const clock = fakeClock();
  const sent: { method: string; name: string; body: any }[] = [];
  const stored = new Map<string, any>();
  const transport = {
    async request({ method, url, bodyObject }: { method: string; url: string; bodyObject?: any }) {
      const name = method === 'POST' ? bodyObject.metadata.name : url.split('?')[0].split('/').at(-1)!;
      sent.push({ method, name, body: bodyObject });
      if (method === 'PATCH' && !stored.has(name)) return { status: 404, headers: {}, object: { kind: 'Status', code: 404, reason: 'NotFound', message: 'gone' } };
      stored.set(name, { ...stored.get(name), ...bodyObject });
      return { status: 200, headers: {}, object: stored.get(name) };
    },
    async close() {},
  };
  const runtime = { clock, random: seededRandom(1), log: silentLogger };
  return { clock, sent, stored, recorder: createEventRecorder(createClient(transport as never, runtime, { userAgent: 'test' }), runtime, { component: 'replicaset-controller' }) };
}
const about = { kind: 'ReplicaSet', namespace: 'ns', name: 'web', uid: 'u', apiVersion: 'apps/v1' };

describe('event recorder', () => {
  test('an event is named after its object and the time in hex, and says who reports it', async () => {
    const { recorder, sent } = recording();
    recorder.event(about, 'Normal', 'SuccessfulCreate', 'Created pod: web-1');
    await recorder.flush();
    expect(sent[0].name).toMatch(/^web\.[0-9a-f]{16}$/);
    expect(sent[0].body).toMatchObject({ metadata: { namespace: 'ns' }, involvedObject: about, count: 1, source: { component: 'replicaset-controller' }, reportingComponent: 'replicaset-controller', type: 'Normal' });
  });

  test('the same text again raises the count of the first event', async () => {
    const { recorder, sent, clock } = recording();
    for (let i = 0; i < 3; i++) {
      recorder.event(about, 'Normal', 'Pulled', 'same');
      await recorder.flush();
      clock.advance(1000);
    }
    expect(sent.map((s) => s.method)).toEqual(['POST', 'PATCH', 'PATCH']);
    expect(sent[2].name).toBe(sent[0].name);
    expect(sent[2].body).toEqual({ count: 3, lastTimestamp: '2026-01-01T00:00:02Z', message: 'same' });
  });

  test('a counted event that is gone from the server is created anew', async () => {
    const { recorder, sent, stored } = recording();
    recorder.event(about, 'Normal', 'Pulled', 'same');
    await recorder.flush();
    stored.clear();
    recorder.event(about, 'Normal', 'Pulled', 'same');
    await recorder.flush();
    expect(sent.map((s) => s.method)).toEqual(['POST', 'PATCH', 'POST']);
    expect(sent[2].body.count).toBe(2);
  });

  test('from the tenth text of one reason on, they are folded into one event, and from the 26th on dropped', async () => {
    const { recorder, sent } = recording();
    for (let i = 0; i < 30; i++) recorder.event(about, 'Normal', 'SuccessfulCreate', `Created pod: web-${i}`);
    await recorder.flush();
    expect(sent.slice(0, 9).every((s) => s.method === 'POST' && !s.body.message.startsWith('(combined'))).toBe(true);
    expect(sent[9].body.message).toBe('(combined from similar events): Created pod: web-9');
    expect(sent.slice(10).every((s) => s.method === 'PATCH' && s.name === sent[9].name)).toBe(true);
    expect(sent.length).toBe(25);
  });
});
