/** Preemption in words. Pure. */
import type { Preemption, PreemptionCandidate, PreemptionRule } from '@pilothouse/scheduler-lab/api/types';

/** Why a candidate was better, as the end of a sentence. */
const rules: Record<PreemptionRule, string> = {
  FewestPDBViolations: 'it breaks the fewest disruption budgets',
  LowestHighestPriority: 'its most important victim is the least important',
  LowestSumOfPriorities: 'its victims\' priorities add up to the least',
  FewestVictims: 'it needs the fewest victims',
  LatestStart: 'its most important victims have run for the shortest time',
  First: 'the candidates were equal and it came first',
  OnlyCandidate: 'it was the only candidate',
};

const losses: Record<PreemptionRule, string> = {
  FewestPDBViolations: 'would break more disruption budgets',
  LowestHighestPriority: 'would evict a pod of higher priority',
  LowestSumOfPriorities: 'its victims\' priorities add up to more',
  FewestVictims: 'would need more victims',
  LatestStart: 'its victims have run for longer',
  First: 'equal, but came later',
  OnlyCandidate: '',
};

export interface CandidateStory {
  node: string;
  chosen: boolean;
  victims: PreemptionCandidate['victims'];
  verdict: string;
}

/** One sentence, and the candidates with the chosen one first. */
export function preemptionStory(preemption: Preemption): { sentence: string; candidates: CandidateStory[] } {
  const { chosen, decidedBy, candidates } = preemption;
  const stories = candidates
    .map((c): CandidateStory => ({ node: c.node, chosen: c.node === chosen, victims: c.victims, verdict: c.node === chosen ? (decidedBy ? `chosen: ${rules[decidedBy]}` : 'chosen') : c.lostBy ? losses[c.lostBy] : 'not chosen' }))
    .sort((a, b) => Number(b.chosen) - Number(a.chosen));
  const victims = stories.find((s) => s.chosen)?.victims ?? [];
  const sentence = chosen
    ? `${victims.map((v) => v.name).join(', ') || 'Nobody'} ${victims.length === 1 ? 'has' : 'have'} to leave ${chosen}${decidedBy ? `: ${rules[decidedBy]}` : ''}.`
    : preemption.message || 'Evicting pods of lower priority would not make room on any node.';
  return { sentence, candidates: stories };
}
