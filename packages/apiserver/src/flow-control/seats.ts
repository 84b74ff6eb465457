/**
 * How many requests of each priority level run at one time. Each level has its nominal share of the server's seats; the
 * part of it that may be lent is used by others while it is idle, the rest is always the level's own.
 */
import type { PriorityLevelConfiguration } from '@pilothouse/api-schemas/types/flowcontrol/v1';
import { FairQueues } from './fair-queues.ts';

export interface PriorityLevel {
  readonly name: string;
  uid: string;
  exempt: boolean;
  /** Seats: its share, what nobody can take from it, what it may take at most. */
  nominal: number;
  min: number;
  max: number;
  running: number;
  /** Absent: what finds no seat is rejected. */
  queues: FairQueues | undefined;
}

const sharesOf = (spec: PriorityLevelConfiguration['spec']): number => (spec?.type === 'Exempt' ? spec.exempt : spec?.limited)?.nominalConcurrencyShares ?? 0;

export class Seats {
  readonly #total: number;
  #levels = new Map<string, PriorityLevel>();
  /** All nominal shares together: rounded up, a little more than the total. */
  #capacity = 0;
  /** Of the levels that are not exempt. */
  #running = 0;
  /** Seats that are kept free for the levels below their minimum. */
  #reserved = 0;

  /** `total`: requests that the server runs at one time. */
  constructor(total: number) {
    this.#total = total;
  }

  get levels(): ReadonlyMap<string, PriorityLevel> {
    return this.#levels;
  }

  /** Shares the seats out anew. Levels keep what runs and waits; one that went is served until it is empty. */
  configure(configurations: readonly PriorityLevelConfiguration[]): void {
    const sum = configurations.reduce((shares, { spec }) => shares + sharesOf(spec), 0) || 1;
    const levels = new Map<string, PriorityLevel>();
    for (const { metadata, spec } of configurations) {
      const name = metadata!.name!;
      const exempt = spec?.type === 'Exempt';
      const { lendablePercent } = (exempt ? spec.exempt : spec?.limited) ?? {};
      const nominal = Math.ceil((this.#total * sharesOf(spec)) / sum);
      const lendable = Math.round((nominal * (lendablePercent ?? 0)) / 100);
      const borrowing = spec?.limited?.borrowingLimitPercent;
      const level: PriorityLevel = this.#levels.get(name) ?? { name, uid: '', exempt, nominal, min: 0, max: 0, running: 0, queues: undefined };
      const shape = spec?.limited?.limitResponse?.type === 'Queue' ? spec.limited.limitResponse.queuing : undefined;
      const queuing = shape && { queues: shape.queues ?? 64, handSize: shape.handSize ?? 8, queueLengthLimit: shape.queueLengthLimit ?? 50 };
      Object.assign(level, { uid: metadata?.uid ?? '', exempt, nominal, min: nominal - lendable, max: nominal + (borrowing === undefined || borrowing === null ? this.#total : Math.round((nominal * borrowing) / 100)) });
      if (queuing && level.queues) level.queues.reshape(queuing);
      else if (queuing) level.queues = new FairQueues(queuing);
      else if (!level.queues?.length) level.queues = undefined;
      levels.set(name, level);
    }
    for (const [name, level] of this.#levels) if (!levels.has(name) && (level.running || level.queues?.length)) levels.set(name, Object.assign(level, { nominal: 1, min: 1, max: 1 }));
    this.#levels = levels;
    this.#capacity = 0;
    this.#running = 0;
    this.#reserved = 0;
    for (const level of levels.values()) {
      if (level.exempt) continue;
      this.#capacity += level.nominal;
      this.#running += level.running;
      this.#reserved += Math.max(0, level.min - level.running);
    }
    this.#serveWaiting();
  }

  /** Of a level that is not exempt: takes a seat at once, if one is free and nobody of the level waits for it. */
  tryTake(level: PriorityLevel): boolean {
    if (level.queues?.length || !this.#free(level)) return false;
    this.#take(level);
    return true;
  }

  /** Gives a seat back, and to whoever's turn it is. */
  leave(level: PriorityLevel): void {
    level.running--;
    if (level.exempt) return;
    this.#running--;
    if (level.running < level.min) this.#reserved++;
    this.#serveWaiting();
  }

  #free(level: PriorityLevel): boolean {
    return level.running < level.min || (level.running < level.max && this.#running + this.#reserved < this.#capacity);
  }

  #take(level: PriorityLevel): void {
    if (level.running < level.min) this.#reserved--;
    this.#running++;
    level.running++;
  }

  /** Fills free seats from the queues, first of the level that uses the smallest part of its share. */
  #serveWaiting(): void {
    for (;;) {
      let neediest: PriorityLevel | undefined;
      for (const level of this.#levels.values()) if (level.queues?.length && this.#free(level) && (!neediest || level.running * neediest.nominal < neediest.running * level.nominal)) neediest = level;
      const waiting = neediest?.queues?.next();
      if (!neediest || !waiting) return;
      this.#take(neediest);
      waiting.start();
    }
  }
}
