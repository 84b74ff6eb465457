/**
 * The queues of one priority level: each flow is dealt a hand of them, by its hash, and waits in the shortest; they are
 * served in the order of virtual start times, so that a flow with much waiting does not hold up one with little.
 * @see https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#prioritylevelconfiguration
 */
import { createHash } from 'node:crypto';

export interface QueueShape {
  queues: number;
  handSize: number;
  /** Requests that may wait in one queue. */
  queueLengthLimit: number;
}

/** One request that waits. */
export interface Waiting {
  /** Gives it its seat. */
  start(): void;
}

interface Queued extends Waiting {
  virtualStart: number;
}

/** The queues that a flow may wait in: `handSize` different ones of `queues`. */
export function dealHand(flow: string, { queues, handSize }: QueueShape): number[] {
  let hash = createHash('sha256').update(flow).digest().readBigUInt64LE(0);
  const hand: number[] = [];
  const remainders: number[] = [];
  for (let i = 0; i < handSize; i++) {
    const left = BigInt(queues - i);
    remainders.push(Number(hash % left));
    hash /= left;
  }
  for (let i = 0; i < handSize; i++) {
    let card = remainders[i];
    // The i-th card is counted among those that are left: step over the ones dealt before.
    for (let j = i - 1; j >= 0; j--) if (card >= remainders[j]) card++;
    hand.push(card);
  }
  return hand;
}

export class FairQueues {
  #shape: QueueShape;
  readonly #queues = new Map<number, Queued[]>();
  /** Virtual time at which a queue's last request ends; one unit a request. */
  readonly #finish = new Map<number, number>();
  #virtual = 0;
  #length = 0;

  constructor(shape: QueueShape) {
    this.#shape = shape;
  }

  get length(): number {
    return this.#length;
  }

  /** Takes effect for requests to come; those that wait stay where they are. */
  reshape(shape: QueueShape): void {
    this.#shape = shape;
  }

  get count(): number {
    return this.#shape.queues;
  }

  /** Lets the request wait, in the queue answered; -1 where its queues are full. */
  add(flow: string, waiting: Waiting): number {
    let best = -1;
    let shortest = Infinity;
    for (const index of dealHand(flow, this.#shape)) {
      const length = this.#queues.get(index)?.length ?? 0;
      if (length < shortest) [best, shortest] = [index, length];
    }
    if (shortest >= this.#shape.queueLengthLimit) return -1;
    const virtualStart = Math.max(this.#virtual, this.#finish.get(best) ?? 0);
    this.#finish.set(best, virtualStart + 1);
    const queued = Object.assign(waiting, { virtualStart });
    const queue = this.#queues.get(best);
    if (queue) queue.push(queued);
    else this.#queues.set(best, [queued]);
    this.#length++;
    return best;
  }

  /** Takes out the one whose turn it is. */
  next(): Waiting | undefined {
    let found: Queued[] | undefined;
    let at = -1;
    for (const [index, queue] of this.#queues) if (!found || queue[0].virtualStart < found[0].virtualStart) [found, at] = [queue, index];
    if (!found) return undefined;
    const taken = found.shift()!;
    this.#virtual = taken.virtualStart;
    if (!found.length) this.#queues.delete(at);
    this.#length--;
    return taken;
  }

  /** Takes out one that gave up; false where it is not here any more. */
  remove(waiting: Waiting): boolean {
    for (const [index, queue] of this.#queues) {
      const i = queue.indexOf(waiting as Queued);
      if (i < 0) continue;
      queue.splice(i, 1);
      if (!queue.length) this.#queues.delete(index);
      this.#length--;
      return true;
    }
    return false;
  }
}
