/**
 * What happened to the cluster as the scheduler knows it, for as far back as a bound on bytes allows: so that a cycle can be run again on
 * the cluster as it was. A position is a point between two changes; it only grows.
 */
import type { Node } from '@pilothouse/api-schemas/types/core/v1';
import type { ClusterObjects, PodInfo } from '@pilothouse/scheduler-framework';
import { sameValue } from '@pilothouse/scheduler-framework';

export type ObjectTableName = Exclude<keyof ClusterObjects, 'namespacesVersion'>;

export type Change =
  | { readonly kind: 'node'; readonly old: Node | undefined; readonly now: Node | undefined }
  | { readonly kind: 'pod'; readonly info: PodInfo; readonly node: string; readonly sign: 1 | -1 }
  | { readonly kind: 'nomination'; readonly info: PodInfo; readonly was: string | undefined; readonly now: string | undefined }
  | { readonly kind: 'object'; readonly table: ObjectTableName; readonly old: any; readonly now: any };

/** What an entry keeps alive, roughly, in bytes. A pod that came is mostly alive anyway, one that went is not. */
const weights = { node: 6000, podCame: 300, podWent: 6000, nomination: 200, object: 3000 };
const weightOf = (change: Change): number => (change.kind === 'pod' ? (change.sign > 0 ? weights.podCame : weights.podWent) : weights[change.kind]);

export class ChangeLog {
  readonly #maxBytes: number;
  #changes: Change[] = [];
  #first = 0;
  #bytes = 0;

  /** `maxBytes`: a rough bound on what is kept alive. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The oldest position that can still be gone back to. */
  get start(): number {
    return this.#first;
  }

  /** Now. */
  get position(): number {
    return this.#first + this.#changes.length;
  }

  /** The change between `position` and the next. */
  at(position: number): Change {
    return this.#changes[position - this.#first];
  }

  node(old: Node | undefined, now: Node | undefined): void {
    if (old && now && !matters(old, now)) return;
    this.add({ kind: 'node', old, now });
  }

  pod(info: PodInfo, node: string, sign: 1 | -1): void {
    this.add({ kind: 'pod', info, node, sign });
  }

  nomination(info: PodInfo, was: string | undefined, now: string | undefined): void {
    this.add({ kind: 'nomination', info, was, now });
  }

  object(table: ObjectTableName, old: unknown, now: unknown): void {
    this.add({ kind: 'object', table, old, now });
  }

  add(change: Change): void {
    this.#changes.push(change);
    this.#bytes += weightOf(change);
    if (this.#bytes > this.#maxBytes) this.#trim();
  }

  /** Lets go of the older half. */
  #trim(): void {
    const half = Math.ceil(this.#changes.length / 2);
    for (let i = 0; i < half; i++) this.#bytes -= weightOf(this.#changes[i]);
    this.#changes = this.#changes.slice(half);
    this.#first += half;
  }
}

/** Whether anything changed that a plugin looks at: heartbeats do not count. */
const matters = (old: Node, now: Node): boolean =>
  !(sameValue(old.spec, now.spec) && sameValue(old.metadata.labels, now.metadata.labels) && sameValue(old.metadata.annotations, now.metadata.annotations) && sameValue(old.status?.allocatable, now.status?.allocatable) && sameValue(old.status?.images, now.status?.images) && sameValue(old.status?.declaredFeatures, now.status?.declaredFeatures));
