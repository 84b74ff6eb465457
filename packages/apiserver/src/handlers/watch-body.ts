import type { ByteSink, PushableBody, Status } from '@pilothouse/apimachinery';
import type { Clock, Timer } from '@pilothouse/base';
import type { DeliveryRounds } from '../cache/delivery-rounds.ts';
import type { CacheWatcher } from '../cache/watcher.ts';
import type { WatchObserver } from './call.ts';
import type { WatchEncoder } from './watch-encoding.ts';

export interface WatchBodyParts {
  watcher: CacheWatcher;
  encode: WatchEncoder;
  /** What a reader is told that was too slow. */
  slow: () => Status;
  /** Called once, when the stream is over. */
  release: () => void;
  observer: WatchObserver | undefined;
  rounds: DeliveryRounds;
  clock: Pick<Clock, 'after'>;
  /** Aborts when the reader is gone. */
  signal: AbortSignal;
}

/** After its end a watch waits so long for a reader that takes nothing. */
const lastWordMs = 30_000;

/** The bytes of a watch: pulled by whoever reads as it likes, or pushed to a connection in rounds. */
export function watchBody(parts: WatchBodyParts): PushableBody {
  return { [Symbol.asyncIterator]: () => pulled(parts), pushTo: (sink) => push(parts, sink) };
}

async function* pulled({ watcher, encode, slow, release, observer }: WatchBodyParts): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const deliveries = await watcher.take();
      if (!deliveries) break;
      observer?.sent(deliveries.length);
      yield* encode.bytes(deliveries);
    }
    if (watcher.ended === 'too-slow') yield encode.error(slow());
  } finally {
    release();
  }
}

function push({ watcher, encode, slow, release, observer, rounds, clock, signal }: WatchBodyParts, sink: ByteSink): void {
  let pieces: Iterator<Uint8Array> | undefined;
  let blocked = false;
  let due = false;
  let cut: Timer | undefined;
  const giveUp = (): void => {
    release();
    sink.destroy();
  };
  const schedule = (): void => {
    if (signal.aborted) return;
    if (blocked && watcher.ended) cut ??= clock.after(lastWordMs, giveUp);
    if (due || blocked) return;
    due = true;
    rounds.add(deliver);
  };
  const deliver = (): void => {
    due = false;
    if (signal.aborted) return;
    for (;;) {
      const next = pieces?.next();
      if (next && !next.done) {
        if (sink.write(next.value)) continue;
        blocked = true;
        if (watcher.ended) cut ??= clock.after(lastWordMs, giveUp);
        sink.onDrain(() => {
          blocked = false;
          cut?.cancel();
          cut = undefined;
          schedule();
        });
        return;
      }
      pieces = undefined;
      if (watcher.idle) break;
      const deliveries = watcher.takeQueued();
      observer?.sent(deliveries.length);
      pieces = encode.bytes(deliveries)[Symbol.iterator]();
    }
    if (!watcher.ended) return;
    if (watcher.ended === 'too-slow') sink.write(encode.error(slow()));
    release();
    sink.end();
  };
  watcher.onReady(schedule);
  if (!watcher.idle || watcher.ended) schedule();
}
