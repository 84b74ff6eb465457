import type { PodInfo } from './pod/pod-info.ts';

/** Pods that have a nominated node, by node. Those of equal or higher priority are counted in when others are filtered. */
export class Nominator {
  readonly #byNode = new Map<string, PodInfo[]>();
  readonly #nodeOf = new Map<string, string>();
  /** Told of each nomination that comes (`node`) or goes (`was`). */
  onChange: ((info: PodInfo, was: string | undefined, node: string | undefined) => void) | undefined;

  get size(): number {
    return this.#nodeOf.size;
  }

  on(node: string): readonly PodInfo[] | undefined {
    return this.#byNode.get(node);
  }

  /** All of them. */
  *entries(): Iterable<readonly [PodInfo, string]> {
    for (const [node, pods] of this.#byNode) for (const info of pods) yield [info, node];
  }

  nodeOf(uid: string): string | undefined {
    return this.#nodeOf.get(uid);
  }

  /** Nominates the pod for the node, and for no other. */
  add(info: PodInfo, node: string): void {
    this.delete(info.uid);
    if (!node) return;
    const pods = this.#byNode.get(node);
    if (pods) pods.push(info);
    else this.#byNode.set(node, [info]);
    this.#nodeOf.set(info.uid, node);
    this.onChange?.(info, undefined, node);
  }

  delete(uid: string): void {
    const node = this.#nodeOf.get(uid);
    if (node === undefined) return;
    this.#nodeOf.delete(uid);
    const nominated = this.#byNode.get(node)!;
    const left = nominated.filter((p) => p.uid !== uid);
    if (left.length) this.#byNode.set(node, left);
    else this.#byNode.delete(node);
    this.onChange?.(nominated.find((p) => p.uid === uid)!, node, undefined);
  }
}
