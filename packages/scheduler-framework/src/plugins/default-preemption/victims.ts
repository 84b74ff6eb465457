/** Which pods would have to go, and which node would lose least by it. Pure. */
import type { PodDisruptionBudget } from '@pilothouse/api-schemas/types/policy/v1';
import type { PreemptionCandidate, WhatIf } from '../../contract.ts';
import type { PodInfo } from '../../pod/pod-info.ts';
import { isEmpty, labelSelector, type Selector } from '../../selector.ts';
import type { ClusterSnapshot } from '../../snapshot/cluster-snapshot.ts';
import { unresolvable, type Verdict } from '../../verdict.ts';

/** A budget as far as preemption looks at it. */
export interface Budget {
  readonly namespace: string;
  readonly selector: Selector;
  readonly allowed: number;
  /** Names of pods whose disruption is already counted. */
  readonly disrupted: ReadonlySet<string>;
}

export function budgetsOf(pdbs: readonly PodDisruptionBudget[]): Budget[] {
  const budgets: Budget[] = [];
  for (const pdb of pdbs) {
    try {
      budgets.push({ namespace: pdb.metadata.namespace ?? '', selector: labelSelector(pdb.spec?.selector), allowed: pdb.status?.disruptionsAllowed ?? 0, disrupted: new Set(Object.keys(pdb.status?.disruptedPods ?? {})) });
    } catch {
      // A budget whose selector cannot be read protects nothing.
    }
  }
  return budgets;
}

/** Higher priority first, then who started earlier. A pod that has not started counts as starting now. */
export const moreImportant = (nowMs: number) => (a: PodInfo, b: PodInfo): number => b.priority - a.priority || (a.startTimeMs ?? nowMs) - (b.startTimeMs ?? nowMs);

function splitByBudgets(pods: readonly PodInfo[], budgets: readonly Budget[]): { violating: PodInfo[]; others: PodInfo[] } {
  const left = budgets.map((b) => b.allowed);
  const violating: PodInfo[] = [];
  const others: PodInfo[] = [];
  for (const pod of pods) {
    let violates = false;
    const labels = pod.pod.metadata.labels;
    if (labels && Object.keys(labels).length) {
      budgets.forEach((b, i) => {
        if (b.namespace !== pod.namespace || isEmpty(b.selector) || !b.selector.matches(labels) || b.disrupted.has(pod.name)) return;
        if (--left[i] < 0) violates = true;
      });
    }
    (violates ? violating : others).push(pod);
  }
  return { violating, others };
}

/** The fewest and least important pods whose going lets the pod fit the node; a verdict where none would do. */
export function selectVictims(info: PodInfo, whatIf: WhatIf, snapshot: ClusterSnapshot, budgets: readonly Budget[], nowMs: number): { victims: PodInfo[]; pdbViolations: number } | Verdict {
  const potential = snapshot.pods[whatIf.node].filter((p) => p.priority < info.priority);
  for (const pod of potential) whatIf.remove(pod);
  if (!potential.length) return noVictims;
  const verdict = whatIf.fits();
  if (verdict) return verdict;
  const order = moreImportant(nowMs);
  potential.sort(order);
  const { violating, others } = splitByBudgets(potential, budgets);
  const victims: PodInfo[] = [];
  const reprieve = (pod: PodInfo): boolean => {
    whatIf.add(pod);
    if (!whatIf.fits()) return true;
    whatIf.remove(pod);
    victims.push(pod);
    return false;
  };
  let pdbViolations = 0;
  for (const pod of violating) if (!reprieve(pod)) pdbViolations++;
  for (const pod of others) reprieve(pod);
  if (violating.length && others.length) victims.sort(order);
  return { victims, pdbViolations };
}

/** No pod of lower priority runs there. */
export const noVictims = unresolvable('No preemption victims found for incoming pod');

/** When the most important victims of a node started: the earliest of them. */
export function earliestStart(victims: readonly PodInfo[], nowMs: number): number {
  const highest = Math.max(...victims.map((v) => v.priority));
  return Math.min(...victims.filter((v) => v.priority === highest).map((v) => v.startTimeMs ?? nowMs));
}

/** kube-scheduler's comparisons between candidates, in order: the higher value wins. */
export const preemptionRules: readonly { readonly name: string; readonly value: (candidate: PreemptionCandidate, nowMs: number) => number }[] = [
  { name: 'FewestPDBViolations', value: (c) => -c.pdbViolations },
  { name: 'LowestHighestPriority', value: (c) => -c.victims[0].priority },
  // Each victim adds at least something, so that more victims never sum to less.
  { name: 'LowestSumOfPriorities', value: (c) => -c.victims.reduce((sum, v) => sum + v.priority + 2 ** 31, 0) },
  { name: 'FewestVictims', value: (c) => -c.victims.length },
  { name: 'LatestStart', value: (c, nowMs) => earliestStart(c.victims, nowMs) },
];

/** Candidates left after every comparison. `lost` is told of each that is not, with the comparison. */
export function bestCandidates(candidates: readonly PreemptionCandidate[], nowMs: number, lost?: (candidate: PreemptionCandidate, rule: string) => void): PreemptionCandidate[] {
  let left = [...candidates];
  for (const { name, value } of preemptionRules) {
    if (left.length <= 1) break;
    const values = left.map((c) => value(c, nowMs));
    const top = Math.max(...values);
    if (lost) left.forEach((c, i) => values[i] !== top && lost(c, name));
    left = left.filter((_, i) => values[i] === top);
  }
  return left;
}
