/** One sentence that says why here, or why nowhere. */
import type { Explanation, Preemption, PreemptionRule, VerdictGroup } from '../api/types.ts';

export function summarize(pod: string, e: Explanation): string {
  switch (e.result) {
    case 'Gated':
      return `${pod} is not tried: ${e.message || 'a PreEnqueue plugin holds it back'}.`;
    case 'Error':
      return `${pod} could not be tried: ${e.message}.`;
    case 'Scheduled':
      return chosen(pod, e);
    case 'Unschedulable':
      return nowhere(pod, e);
  }
}

function chosen(pod: string, e: Explanation): string {
  const { choice, node, nodesFeasible, nodesEvaluated, nodesTotal } = e;
  const fitting = nodesEvaluated < nodesTotal ? `the ${nodesFeasible} nodes found to fit (${nodesEvaluated} of ${nodesTotal} were looked at)` : `the ${nodesFeasible} nodes that fit`;
  switch (choice?.rule) {
    case 'Nominated':
      return `${pod} goes to ${node}: preemption had made room for it there.`;
    case 'OnlyOne':
      return `${pod} goes to ${node}, the only one of ${count(nodesTotal, 'node')} that fits${e.groups.length ? `: ${reasons(e.groups)}` : ''}.`;
    case 'HighestScore':
      return `${pod} goes to ${node}: of ${fitting} it has the highest score, ${round(choice.score)}${choice.runnerUp ? `; the next is ${choice.runnerUp.node} with ${round(choice.runnerUp.score)}` : ''}.`;
    case 'Random':
    case 'FirstByName':
      return `${pod} goes to ${node}: of ${fitting} ${choice.tiedCount} share the highest score, ${round(choice.score)}, and ${choice.rule === 'Random' ? 'one of them was taken at random' : 'the first by name was taken'}.`;
    default:
      return `${pod} goes to ${node}.`;
  }
}

function nowhere(pod: string, e: Explanation): string {
  const refused = e.plugins.find((p) => (p.point === 'Reserve' || p.point === 'Permit') && p.code && p.code !== 'Success');
  if (refused) return `${pod} had a node, but ${refused.plugin} refused it at ${refused.point}: ${(refused.reasons ?? []).join(', ')}.`;
  if (!e.nodesTotal) return `${pod} fits nowhere: there are no nodes.`;
  const why = e.groups.length ? reasons(e.groups) : (e.message ?? 'no reason was given');
  return `${pod} fits none of ${count(e.nodesTotal, 'node')}: ${why}.${room(e.preemption)}`;
}

const reasons = (groups: readonly VerdictGroup[]): string => alike(groups).map((g) => `${where(g)} ${g.reasons.join(' and ')}${g.plugin ? ` (${g.plugin})` : ''}`).join('; ');

/** Groups that differ only in whether evictions might help. */
function alike(groups: readonly VerdictGroup[]): VerdictGroup[] {
  const merged = new Map<string, VerdictGroup>();
  for (const g of groups) {
    const key = `${g.plugin}\n${g.reasons.join('\n')}`;
    const had = merged.get(key);
    merged.set(key, had ? { ...had, count: had.count + g.count, nodes: [...had.nodes, ...g.nodes].sort() } : g);
  }
  return [...merged.values()].sort((a, b) => b.count - a.count);
}

/** `node-1 and node-2:`, or `37 nodes:`. */
function where({ count: nodes, nodes: names }: VerdictGroup): string {
  if (nodes > 3 || nodes > names.length) return `${nodes} nodes:`;
  return `${names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${names.at(-1)}` : names[0]}:`;
}

const because: Record<PreemptionRule, string> = {
  FewestPDBViolations: 'fewest disruption budgets are violated',
  LowestHighestPriority: 'the highest priority among those evicted is lowest',
  LowestSumOfPriorities: 'the priorities of those evicted add up to least',
  FewestVictims: 'fewest pods are evicted',
  LatestStart: 'the most important of those evicted started last',
  First: 'it came first among equals',
  OnlyCandidate: 'nowhere else would evictions help',
};

function room(preemption: Preemption | undefined): string {
  if (!preemption?.chosen) return '';
  const victims = preemption.candidates.find((c) => c.node === preemption.chosen)?.victims ?? [];
  return ` Evicting ${victims.length === 1 ? `${victims[0].namespace}/${victims[0].name}` : count(victims.length, 'pod')} makes room on ${preemption.chosen}${preemption.decidedBy ? `: ${because[preemption.decidedBy]}` : ''}.`;
}

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;
const round = (n: number | undefined): number => Math.round((n ?? 0) * 100) / 100;
