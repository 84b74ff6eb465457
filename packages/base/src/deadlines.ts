import type { Clock, Timer } from './clock.ts';

interface Deadline {
  /** Monotonic ms. */
  at: number;
  expired: () => void;
}

/**
 * Timers of one length for what nearly always ends before: requests, bodies. All share one timer of the clock, so that
 * setting and cancelling cost next to nothing; what expires does so at most an eighth of the length late.
 */
export class Deadlines {
  readonly #clock: Pick<Clock, 'after' | 'monotonic'>;
  /** Of every timer. */
  readonly lengthMs: number;
  /** In the order set, which is that of expiry. */
  readonly #pending = new Set<Deadline>();
  #armed = false;

  constructor(clock: Pick<Clock, 'after' | 'monotonic'>, lengthMs: number) {
    this.#clock = clock;
    this.lengthMs = lengthMs;
  }

  /** Calls `expired` once the length has passed, unless cancelled before. */
  start(expired: () => void): Timer {
    const deadline: Deadline = { at: this.#clock.monotonic() + this.lengthMs, expired };
    this.#pending.add(deadline);
    if (!this.#armed) this.#arm(this.lengthMs);
    return { cancel: () => void this.#pending.delete(deadline) };
  }

  #arm(delayMs: number): void {
    this.#armed = true;
    this.#clock.after(delayMs, () => this.#look());
  }

  #look(): void {
    this.#armed = false;
    const now = this.#clock.monotonic();
    for (const deadline of this.#pending) {
      if (deadline.at > now) {
        this.#arm(Math.max(deadline.at - now, this.lengthMs / 8));
        return;
      }
      this.#pending.delete(deadline);
      deadline.expired();
    }
  }
}
