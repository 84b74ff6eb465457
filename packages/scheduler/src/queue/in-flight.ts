import type { ClusterEvent } from '@pilothouse/scheduler-framework';

export interface SeenEvent {
  readonly event: ClusterEvent;
  readonly old: unknown;
  readonly now: unknown;
}

/** Events that happened while pods were being scheduled: they may concern what was decided meanwhile. */
export class InFlight {
  /** Number of the next event when the pod left the queue, oldest pod first. */
  readonly #pods = new Map<string, number>();
  #events: SeenEvent[] = [];
  #first = 0;

  get size(): number {
    return this.#pods.size;
  }

  has(uid: string): boolean {
    return this.#pods.has(uid);
  }

  start(uid: string): void {
    this.#pods.set(uid, this.#first + this.#events.length);
  }

  record(event: SeenEvent): void {
    if (this.#pods.size) this.#events.push(event);
  }

  /** What happened since the pod left the queue. */
  since(uid: string): readonly SeenEvent[] {
    const from = this.#pods.get(uid);
    return from === undefined ? [] : this.#events.slice(from - this.#first);
  }

  /** Events that some pod in flight will be asked about. */
  *events(): Iterable<ClusterEvent> {
    for (const { event } of this.#events) yield event;
  }

  done(uid: string): void {
    if (!this.#pods.delete(uid)) return;
    const oldest = this.#pods.values().next().value;
    if (oldest === undefined) {
      this.#first += this.#events.length;
      this.#events = [];
    } else if (oldest - this.#first > 1024) {
      this.#events.splice(0, oldest - this.#first);
      this.#first = oldest;
    }
  }
}
