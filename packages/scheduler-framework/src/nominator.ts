import type { PodInfo } from './pod/pod-info.ts';

/** Pods that have a nominated node, by node. Those of equal or higher priority are counted in when others are filtered. */
export class Nominator {
  readonly #byNode = new Map<string, PodInfo[]>();
  readonly #nodeOf = new Map<string, string>();

  get size(): number {
    return this.#nodeOf.size;
  }

  on(node: string): readonly PodInfo[] | undefined {
    return this.#byNode.get(node);
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
  }

  delete(uid: string): void {
    const node = this.#nodeOf.get(uid);
    if (node === undefined) return;
    this.#nodeOf.delete(uid);
    const left = this.#byNode.get(node)!.filter((p) => p.uid !== uid);
    if (left.length) this.#byNode.set(node, left);
    else this.#byNode.delete(node);
  }
}
