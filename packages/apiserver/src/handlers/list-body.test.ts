import type { ByteSink } from '@pilothouse/apimachinery';
import { expect, test } from 'vitest';
import { listBody, listLength, type ListParts, pieceBytes } from './list-body.ts';

const list = (sizes: readonly number[]): ListParts => ({ start: Buffer.from('{"items":['), skip: 1, views: sizes.map((size, i) => ({ bytes: Buffer.from(`{"n":${i},"x":"${'y'.repeat(size)}"}\n`) }) as ListParts['views'][number]) });

/** A connection that holds on to so many pieces before it is done with the first. */
function connection(holds: number) {
  const pieces: Buffer[] = [];
  const buffers = new Set<ArrayBufferLike>();
  const held: (() => void)[] = [];
  let resume: (() => void) | undefined;
  let ended = false;
  const sink: ByteSink = {
    write(piece, taken) {
      pieces.push(Buffer.from(piece));
      buffers.add(piece.buffer);
      held.push(() => {
        expect(Buffer.from(piece).equals(pieces[pieces.length - held.length - 1])).toBe(true);
        taken?.();
      });
      return held.length < holds;
    },
    onDrain: (fn) => void (resume = fn),
    end: () => void (ended = true),
    destroy() {},
  };
  const drain = () => {
    while (held.length) held.shift()!();
    const go = resume;
    resume = undefined;
    go?.();
  };
  return { sink, drain, buffers, text: () => Buffer.concat(pieces).toString(), ended: () => ended };
}

test.each([[[10]], [[pieceBytes * 3]], [Array.from({ length: 2_000 }, (_, i) => 100 + (i % 900))], [[5, pieceBytes - 40, 5, pieceBytes + 1, 5]]])('a list is whole, pulled and pushed', async (sizes) => {
  const parts = list(sizes);
  const pulled: Uint8Array[] = [];
  for await (const piece of listBody(parts)) pulled.push(piece);
  const text = Buffer.concat(pulled).toString();
  expect(JSON.parse(text).items.map(({ n }: { n: number }) => n)).toEqual(sizes.map((_, i) => i));
  expect(Buffer.byteLength(text)).toBe(listLength(parts));
  const to = connection(2);
  listBody(parts).pushTo(to.sink);
  while (!to.ended()) to.drain();
  expect(to.text()).toBe(text);
});

test('buffers are used again once they were taken, never before', () => {
  const parts = list(Array.from({ length: 4_000 }, () => 1_000));
  const to = connection(2);
  listBody(parts).pushTo(to.sink);
  while (!to.ended()) to.drain();
  expect(to.text().length).toBeGreaterThan(10 * pieceBytes);
  expect(to.buffers.size).toBeLessThan(5);
});
