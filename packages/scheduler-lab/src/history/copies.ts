import type { Clock, Timer } from '@pilothouse/base/clock';
import type { SchedulerWorld } from '@pilothouse/scheduler-framework';
import type { ChangeLog } from './change-log.ts';
import { ClusterCopy } from './copy.ts';

/** A copy nobody asked for in this time is let go. */
const idleMs = 60_000;

/** One copy of the cluster, kept for a while since making one costs time by the number of pods. */
export class ClusterCopies {
  readonly #world: SchedulerWorld;
  readonly #log: ChangeLog;
  readonly #clock: Clock;
  #kept: ClusterCopy | undefined;
  #timer: Timer | undefined;

  constructor(world: SchedulerWorld, log: ChangeLog, clock: Clock) {
    this.#world = world;
    this.#log = log;
    this.#clock = clock;
  }

  /**
   * Calls `use` with the cluster as it was at `position` (default: now), and takes back what `use` changed. Undefined where that is longer ago
   * than the history reaches.
   */
  at<T>(position: number | undefined, use: (copy: ClusterCopy) => T): T | undefined {
    if (position !== undefined && position < this.#log.start) return undefined;
    const copy = this.#current();
    if (position !== undefined) copy.moveTo(position);
    try {
      return use(copy);
    } finally {
      copy.rollBack();
      if (copy.spent) this.close();
    }
  }

  /** A copy of the cluster as it is now that is the caller's own and stands still. */
  own(): ClusterCopy {
    const copy = new ClusterCopy(this.#world, this.#log);
    copy.freeze();
    return copy;
  }

  #current(): ClusterCopy {
    if (this.#kept && this.#kept.position >= this.#log.start) this.#kept.moveTo(this.#log.position);
    if (!this.#kept || this.#kept.spent || this.#kept.position !== this.#log.position) this.#kept = new ClusterCopy(this.#world, this.#log);
    this.#timer?.cancel();
    this.#timer = this.#clock.after(idleMs, () => this.close());
    return this.#kept;
  }

  /** Lets the copy go; the next use makes another. */
  close(): void {
    this.#timer?.cancel();
    this.#kept = undefined;
  }
}
