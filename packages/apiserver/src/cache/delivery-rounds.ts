import type { Clock } from '@pilothouse/base';

/** A pause is not made longer than this unless the round was. */
const pauseMs = 5;

/**
 * When watchers are written to: in rounds, each for all watchers that have something waiting. After a pause a round
 * begins as soon as the loop is free; under load a pause follows each, four times as long as the round up to 5 ms, and at
 * least as long: however many watchers there are, writing to them takes at most half of the processor, and each gets
 * several events in one write.
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
    if (this.#armed) return;
    this.#armed = true;
    const wait = this.#notBefore - this.#clock.monotonic();
    const round = (): void => this.#round();
    if (wait > 0) this.#clock.after(wait, round);
    else this.#clock.soon(round);
  }

  #round(): void {
    const started = this.#clock.monotonic();
    const due = this.#waiting;
    this.#waiting = [];
    this.#armed = false;
    for (const deliver of due) deliver();
    const ended = this.#clock.monotonic();
    const took = ended - started;
    this.#notBefore = ended + Math.max(took, Math.min(4 * took, pauseMs));
  }
}
