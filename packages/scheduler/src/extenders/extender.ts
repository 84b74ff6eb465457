/** Processes outside the scheduler that filter, score, preempt or bind too: kube-scheduler's extender/v1. */
import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { messageOf } from '@pilothouse/base/errors';
import { type Algorithm, type ClusterSnapshot, type Decision, noNodesMessage, type PodInfo, type PreemptionCandidate, type Recorder, unresolvable, unschedulable } from '@pilothouse/scheduler-framework';

/** Scores of an extender go to this; they are scaled to a plugin's 100. */
const maxExtenderPriority = 10;

export interface Extender {
  readonly name: string;
  readonly ignorable: boolean;
  readonly filters: boolean;
  readonly prioritizes: boolean;
  readonly binds: boolean;
  readonly preempts: boolean;
  readonly weight: number;
  isInterested(pod: Pod): boolean;
  /** Names of the nodes that pass, and why the others do not. */
  filter(pod: Pod, nodes: readonly Node[]): Promise<{ nodes: readonly string[]; failed: Readonly<Record<string, string>>; unresolvable: Readonly<Record<string, string>> }>;
  prioritize(pod: Pod, nodes: readonly Node[]): Promise<readonly { host: string; score: number }[]>;
  bind(pod: Pod, node: string): Promise<void>;
  /** The candidates that may be taken, with the victims the extender wants. */
  preempt(pod: Pod, candidates: readonly PreemptionCandidate[]): Promise<readonly PreemptionCandidate[]>;
}

/** Puts preemption's candidates to the extenders; what is left is the scheduler's to choose from. @throws Error where one fails that may not. */
export async function candidatesAfterExtenders(extenders: readonly Extender[], pod: Pod, candidates: readonly PreemptionCandidate[]): Promise<readonly PreemptionCandidate[]> {
  let left = candidates;
  for (const extender of extenders) {
    if (!left.length || !extender.preempts || !extender.isInterested(pod)) continue;
    try {
      const answer = await extender.preempt(pod, left);
      const empty = answer.find((c) => !c.victims.length);
      if (empty && !extender.ignorable) throw new Error(`expected at least one victim pod on node ${JSON.stringify(empty.node)}`);
      left = answer.filter((c) => c.victims.length);
    } catch (error) {
      if (!extender.ignorable) throw error;
    }
  }
  return left;
}

/** One attempt in which extenders have a say. Never rejects. */
export async function scheduleWithExtenders(algorithm: Algorithm, info: PodInfo, extenders: readonly Extender[], snapshot: ClusterSnapshot, recorder?: Recorder): Promise<Decision> {
  try {
    if (!snapshot.size) return { kind: 'error', message: noNodesMessage };
    const found = algorithm.findFeasible(info, recorder);
    if (found.error) return { kind: 'error', message: found.error.reasons.join(', '), error: found.error.error };
    let nodes = [...found.nodes];
    for (const extender of extenders) {
      if (!nodes.length || !extender.filters || !extender.isInterested(info.pod)) continue;
      try {
        const answer = await extender.filter(info.pod, nodes.map((n) => snapshot.nodes[n]!));
        const passed = new Set(answer.nodes);
        for (const [node, why] of Object.entries(answer.failed)) found.diagnosis.set(node, unschedulable(why), 'Extender');
        for (const [node, why] of Object.entries(answer.unresolvable)) found.diagnosis.set(node, unresolvable(why), 'Extender');
        nodes = nodes.filter((n) => passed.has(snapshot.names[n]));
      } catch (error) {
        if (!extender.ignorable) throw error;
      }
    }
    if (nodes.length !== found.nodes.length) found.diagnosis.unschedulablePlugins.add('Extender');
    if (!nodes.length) return { kind: 'unfit', found };
    const feasible = Int32Array.from(nodes);
    if (feasible.length === 1) recorder?.chosen?.(feasible, undefined, feasible[0], 1, 0);
    if (feasible.length === 1) return { kind: 'node', node: snapshot.names[feasible[0]], evaluated: found.evaluated, feasible: 1, states: found.states };
    const totals = algorithm.score(info, { ...found, nodes: feasible }, recorder);
    await Promise.all(extenders.filter((e) => e.prioritizes && e.isInterested(info.pod)).map((e) => addScores(e, info.pod, feasible, snapshot, totals)));
    const chosen = algorithm.choose(feasible, totals, recorder);
    return { kind: 'node', node: snapshot.names[chosen], evaluated: found.evaluated, feasible: feasible.length, states: found.states };
  } catch (error) {
    return { kind: 'error', message: messageOf(error), error };
  }
}

/** An extender that fails to score is left out. */
async function addScores(extender: Extender, pod: Pod, feasible: Int32Array, snapshot: ClusterSnapshot, totals: Float64Array): Promise<void> {
  let scores: readonly { host: string; score: number }[];
  try {
    scores = await extender.prioritize(pod, Array.from(feasible, (n) => snapshot.nodes[n]!));
  } catch {
    return;
  }
  const byHost = new Map(scores.map((s) => [s.host, s.score]));
  feasible.forEach((node, i) => {
    totals[i] += (byHost.get(snapshot.names[node]) ?? 0) * extender.weight * (100 / maxExtenderPriority);
  });
}
