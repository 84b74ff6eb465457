/** Why a pod fits nowhere, as upstream's FitError tells it. */
import type { NodeVerdicts } from '../contract.ts';
import type { ClusterSnapshot } from '../snapshot/cluster-snapshot.ts';
import { isRejected, unresolvable, type Verdict } from '../verdict.ts';

export class Diagnosis implements NodeVerdicts {
  /** By node name. */
  readonly verdicts = new Map<string, { verdict: Verdict; plugin: string }>();
  absent: Verdict = unresolvable();
  /** Plugins that rejected the pod on some node; the queue asks their hints. */
  readonly unschedulablePlugins = new Set<string>();
  readonly pendingPlugins = new Set<string>();
  /** Stands in for the nodes' reasons where the pod was refused before any node was looked at. */
  preFilterMessage = '';
  postFilterMessage = '';
  readonly #snapshot: ClusterSnapshot;

  constructor(snapshot: ClusterSnapshot) {
    this.#snapshot = snapshot;
  }

  set(node: string, verdict: Verdict, plugin: string): void {
    this.verdicts.set(node, { verdict, plugin });
    this.addPlugin(verdict, plugin);
  }

  addPlugin(verdict: Verdict, plugin: string | undefined): void {
    if (!plugin) return;
    if (isRejected(verdict)) this.unschedulablePlugins.add(plugin);
    if (verdict.code === 'Pending') this.pendingPlugins.add(plugin);
  }

  of(node: string): Verdict {
    return this.verdicts.get(node)?.verdict ?? this.absent;
  }

  withCode(code: Verdict['code']): number[] {
    const nodes: number[] = [];
    if (this.absent.code === code) {
      for (const node of this.#snapshot.list()) if (this.of(this.#snapshot.names[node]).code === code) nodes.push(node);
      return nodes;
    }
    for (const [name, { verdict }] of this.verdicts) {
      const node = verdict.code === code ? this.#snapshot.indexOf(name) : -1;
      if (node >= 0) nodes.push(node);
    }
    return nodes;
  }

  /** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s). preemption: …` */
  message(nodes: number): string {
    let text = `0/${nodes} nodes are available:`;
    if (this.preFilterMessage) text += ` ${this.preFilterMessage}.`;
    else {
      const reasons = reasonCounts(this, nodes);
      if (reasons.length) text += ` ${reasons.join(', ')}.`;
    }
    return this.postFilterMessage ? `${text} ${this.postFilterMessage}` : text;
  }
}

function reasonCounts(diagnosis: Diagnosis, nodes: number): string[] {
  const counts = new Map<string, number>();
  for (const { verdict } of diagnosis.verdicts.values()) for (const reason of verdict.reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const rest = nodes - diagnosis.verdicts.size;
  if (rest > 0) for (const reason of diagnosis.absent.reasons) counts.set(reason, (counts.get(reason) ?? 0) + rest);
  return sortBytes([...counts].map(([reason, count]) => `${count} ${reason}`));
}

/** Sorted as Go sorts strings: by bytes. */
export const sortBytes = (texts: string[]): string[] => texts.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
