/** How many pods that a selector selects run on each node, kept up to date. Pods being deleted are not counted. */
import type { PodInfo } from '../pod/pod-info.ts';
import { isEmpty, type Selector } from '../selector.ts';
import type { ClusterSnapshot } from './cluster-snapshot.ts';

interface Counts {
  perNode: Int32Array;
  position: number;
  readonly counts: (info: PodInfo) => boolean;
}

const mostKept = 256;

export class PodCounts {
  readonly #snapshot: ClusterSnapshot;
  readonly #kept = new Map<string, Counts>();

  constructor(snapshot: ClusterSnapshot) {
    this.#snapshot = snapshot;
  }

  /** By node index. An empty selector counts nothing. Valid until the next change; not to be changed. */
  of(namespace: string, selector: Selector): Int32Array {
    const snapshot = this.#snapshot;
    const key = `${namespace}\n${selector.text}`;
    let kept = this.#kept.get(key);
    if (!kept || kept.position < snapshot.historyStart || kept.perNode.length !== snapshot.capacity) {
      const counts = isEmpty(selector) ? () => false : (info: PodInfo) => info.namespace === namespace && !info.pod.metadata.deletionTimestamp && selector.matches(info.pod.metadata.labels);
      kept = { perNode: new Int32Array(snapshot.capacity), position: snapshot.historyEnd, counts };
      for (const placed of snapshot.podsByNamespace.get(namespace)?.values() ?? []) if (counts(placed.info)) kept.perNode[placed.node]++;
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      if (this.#kept.size > mostKept) this.#kept.delete(this.#kept.keys().next().value!);
      return kept.perNode;
    }
    for (let at = kept.position - snapshot.historyStart; at < snapshot.history.length; at++) {
      const change = snapshot.history[at];
      if (kept.counts(change.info)) kept.perNode[change.node] += change.sign;
    }
    kept.position = snapshot.historyEnd;
    return kept.perNode;
  }
}
