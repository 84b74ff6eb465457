import type { Clock } from '@pilothouse/base';

/** A pause is not made longer than this unless the round was. */
const pauseMs = 5;
/** A round lets requests be served after so long. */
const sliceMs = 2;

/**
 * When watchers are written to: in rounds, each for all watchers that have something waiting. After a pause a round
 * begins as soon as the loop is free; under load a pause follows each, four times as long as the round up to 5 ms, and at
 * least as long: however many watchers there are, writing to them takes at most half of the processor, and each gets
 * several events in one write. A long round is made in slices of 2 ms, between which requests are served.
 */
export class DeliveryRounds {
  readonly #clock: Pick<Clock, 'monotonic' | 'soon' | 'after'>;
  #waiting: (() => void)[] = [];
  #armed = false;
  /** On the monotonic clock: no round before this. */
  #notBefore = 0;

  constructor(clock: Pick<Clock, 'monotonic' | 'soon' | 'after'>) {
    this.#clock = clock;
  }

  /** Has `deliver` called in the next round, once for each time it was added. */
  add(deliver: () => void): void {
    this.#waiting.push(deliver);
    if (!this.#armed) this.#arm();
  }

  #arm(): void {
    this.#armed = true;
    const wait = this.#notBefore - this.#clock.monotonic();
    const round = (): void => this.#round();
    if (wait > 0) this.#clock.after(wait, round);
    else this.#clock.soon(round);
  }

  #round(): void {
    const due = this.#waiting;
    this.#waiting = [];
    this.#slice(due, 0, 0);
  }

  /** Delivers from `next` on; `spentMs`: what the slices before took. */
  #slice(due: readonly (() => void)[], next: number, spentMs: number): void {
    const started = this.#clock.monotonic();
    let now = started;
    while (next < due.length && now - started < sliceMs) {
      due[next++]();
      now = this.#clock.monotonic();
    }
    const took = spentMs + now - started;
    if (next < due.length) {
      this.#clock.soon(() => this.#slice(due, next, took));
      return;
    }
    this.#armed = false;
    this.#notBefore = now + Math.max(took, Math.min(4 * took, pauseMs));
    // What came in while the round went on.
    if (this.#waiting.length) this.#arm();
  }
}
