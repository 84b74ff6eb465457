import { fakeClock } from '@pilothouse/base';
import { describe, expect, test } from 'vitest';
import { createWorkQueue } from './work-queue.ts';

describe('work queue', () => {
  test('a key added twice before it is taken is handed out once', async () => {
    const queue = createWorkQueue({ clock: fakeClock() });
    queue.add('a');
    queue.add('a');
    queue.add('b');
    expect(queue.length).toBe(2);
    expect(await queue.get()).toBe('a');
    expect(await queue.get()).toBe('b');
    expect(queue.length).toBe(0);
  });

  test('a key added while it is handled is handed out once more after it is done, not before', async () => {
    const queue = createWorkQueue({ clock: fakeClock() });
    queue.add('a');
    await queue.get();
    queue.add('a');
    queue.add('a');
    expect(queue.length).toBe(0);
    queue.done('a');
    expect(queue.length).toBe(1);
    expect(await queue.get()).toBe('a');
    queue.done('a');
    expect(queue.length).toBe(0);
  });

  test('a failing key comes back after 5, 10, 20 … ms, at most 1,000 s, and afresh once forgotten', async () => {
    const clock = fakeClock();
    const queue = createWorkQueue({ clock });
    for (const delay of [5, 10, 20, 40]) {
      queue.addRateLimited('a');
      clock.advance(delay - 1);
      expect(queue.length).toBe(0);
      clock.advance(1);
      expect(queue.length).toBe(1);
      queue.done((await queue.get())!);
    }
    expect(queue.retries('a')).toBe(4);
    queue.forget('a');
    expect(queue.retries('a')).toBe(0);
  });

  test('of two delays for one key the earlier counts', () => {
    const clock = fakeClock();
    const queue = createWorkQueue({ clock });
    queue.addAfter('a', 100);
    queue.addAfter('a', 10);
    queue.addAfter('a', 50);
    clock.advance(10);
    expect(queue.length).toBe(1);
    clock.advance(1000);
    expect(queue.length).toBe(1);
    expect(clock.pending()).toBe(0);
  });

  test('shut down, it hands out what is ready and then nothing', async () => {
    const queue = createWorkQueue({ clock: fakeClock() });
    queue.add('a');
    const pending = createWorkQueue({ clock: fakeClock() });
    const waiting = pending.get();
    pending.shutDown();
    queue.shutDown();
    queue.add('b');
    expect(await waiting).toBeUndefined();
    expect(await queue.get()).toBe('a');
    expect(await queue.get()).toBeUndefined();
  });
});
