import { fakeClock, seededRandom, silentLogger } from '@pilothouse/base';
import type { Event } from '@pilothouse/api-schemas/types/events/v1';
import type { Client } from '@pilothouse/client';
import { pod } from '@pilothouse/scheduler-framework/testing/bench';
import { expect, test } from 'vitest';
import { createPodEvents } from './event-recorder.ts';

test('what is said again becomes a series on the first event, until it has been quiet for a while', async () => {
  const clock = fakeClock();
  const sent: string[] = [];
  const client = {
    create: async (_type: unknown, event: Event) => void sent.push(`create ${event.reason} ${event.note}`),
    patch: async (_type: unknown, _name: string, patch: Event) => void sent.push(`patch ×${patch.series!.count}`),
  } as unknown as Client;
  const events = createPodEvents(client, { clock, random: seededRandom(1), log: silentLogger }, { controller: 'default-scheduler', hostname: 'h' });
  const p = pod('p');
  const fail = (note: string) => events.record(p, { type: 'Warning', reason: 'FailedScheduling', action: 'Scheduling', note });
  for (const note of ['one', 'two', 'three']) fail(note);
  events.record(p, { type: 'Normal', reason: 'Scheduled', action: 'Binding', note: 'done' });
  await clock.advanceAsync(1000);
  expect(sent.splice(0)).toEqual(['create FailedScheduling one', 'patch ×2', 'create Scheduled done']);
  await clock.advanceAsync(13 * 60_000);
  expect(sent.splice(0)).toEqual(['patch ×3']);
  fail('four');
  await clock.advanceAsync(1000);
  expect(sent).toEqual(['create FailedScheduling four']);
  await events.close();
  expect(clock.pending()).toBe(0);
});

test('events trickle while there is more urgent work, and none is lost', async () => {
  const clock = fakeClock();
  let busy = true;
  let sending = 0;
  let most = 0;
  const sent: string[] = [];
  const client = {
    async create(_type: unknown, event: Event) {
      most = Math.max(most, ++sending);
      await clock.sleep(10);
      sending--;
      sent.push(event.regarding!.name!);
    },
  } as unknown as Client;
  const events = createPodEvents(client, { clock, random: seededRandom(1), log: silentLogger }, { controller: 'default-scheduler', hostname: 'h', busy: () => busy });
  for (let i = 0; i < 20; i++) events.record(pod(`p${i}`), { type: 'Normal', reason: 'Scheduled', action: 'Binding', note: 'done' });
  await clock.advanceAsync(50);
  expect([most, sent.length]).toEqual([1, 3]);
  busy = false;
  await clock.advanceAsync(100);
  expect(most).toBe(8);
  expect(sent).toHaveLength(20);
  await events.close();
});
