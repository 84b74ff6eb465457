/** The cluster as the scheduler has decided it: running pods, and pods it assumes to run where it is about to bind them. */
import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { type ClusterSnapshot, PodInfo } from '@pilothouse/scheduler-framework';

export class SchedulerCache {
  readonly snapshot: ClusterSnapshot;
  readonly #assumed = new Map<string, { readonly info: PodInfo; readonly node: string }>();
  /** Node of each pod that is in the snapshot, by uid. */
  readonly #nodes = new Map<string, string>();

  constructor(snapshot: ClusterSnapshot) {
    this.snapshot = snapshot;
  }

  get sizes(): { nodes: number; pods: number; assumed: number } {
    return { nodes: this.snapshot.size, pods: this.#nodes.size, assumed: this.#assumed.size };
  }

  isAssumed(uid: string): boolean {
    return this.#assumed.has(uid);
  }

  /** False where the pod is in the cache already. */
  assume(info: PodInfo, node: string): boolean {
    if (this.#nodes.has(info.uid)) return false;
    this.#assumed.set(info.uid, { info, node });
    this.#nodes.set(info.uid, node);
    this.snapshot.addPod(info, node);
    return true;
  }

  /** The pod will not be bound after all. */
  forget(uid: string): PodInfo | undefined {
    const assumed = this.#assumed.get(uid);
    if (!assumed) return undefined;
    this.#assumed.delete(uid);
    this.#remove(uid, assumed.info.namespace);
    return assumed.info;
  }

  /** A pod with a node was seen: it confirms what was assumed, or corrects it. */
  addPod(pod: Pod): void {
    const uid = pod.metadata.uid!;
    const assumed = this.#assumed.get(uid);
    this.#assumed.delete(uid);
    if (assumed && assumed.node === pod.spec!.nodeName && assumed.info.adopt(pod)) return;
    this.#place(pod);
  }

  updatePod(pod: Pod): void {
    const placed = this.snapshot.hasPod(pod.metadata.uid!, pod.metadata.namespace!);
    if (placed && this.#nodes.get(pod.metadata.uid!) === pod.spec!.nodeName && placed.info.adopt(pod)) return;
    this.#place(pod);
  }

  removePod(pod: Pod): void {
    this.#assumed.delete(pod.metadata.uid!);
    this.#remove(pod.metadata.uid!, pod.metadata.namespace!);
  }

  setNode(node: Node): void {
    this.snapshot.setNode(node);
  }

  removeNode(name: string): void {
    this.snapshot.removeNode(name);
  }

  #place(pod: Pod): void {
    const info = new PodInfo(pod);
    this.#remove(info.uid, info.namespace);
    this.snapshot.addPod(info, pod.spec!.nodeName!);
    this.#nodes.set(info.uid, pod.spec!.nodeName!);
  }

  #remove(uid: string, namespace: string): void {
    if (this.#nodes.delete(uid)) this.snapshot.removePod(uid, namespace);
  }
}
