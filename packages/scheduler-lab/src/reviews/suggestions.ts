/** Looks for single changes that would place a pod which fits nowhere. Each is tried: only those that help are told. */
import { Algorithm, PodInfo, type Profile, runPostFilters } from '@pilothouse/scheduler-framework';
import { seededRandom } from '@pilothouse/base/random';
import type { SchedulingReviewStatus, Suggestion } from '../api/types.ts';
import type { CycleRun, CycleWorld } from '../explain/cycle-run.ts';
import { applyEdits, EditError, type EditContext } from './edits.ts';
import { gates } from './suggest/gates.ts';
import type { Plight, Proposal, Proposer, RejectedNode } from './suggest/proposal.ts';
import { evictions, newNodes, priorities, requests } from './suggest/resources.ts';
import { nodeLabels, podSelectors } from './suggest/selectors.ts';
import { cordons, taints } from './suggest/taints.ts';

/** In the order in which what they propose is told: what costs least first. */
const proposers: readonly Proposer[] = [gates, cordons, taints, nodeLabels, podSelectors, requests, evictions, priorities, newNodes];

const mostSuggestions = 20;
/** Of one kind. */
const mostAlike = 5;
const mostTries = 200;
const longestMs = 2000;

export interface SearchContext {
  /** Calls with the cluster as it is, the review's own edits made. @throws EditError */
  readonly prepared: <T>(use: (editing: EditContext, cycleWorld: CycleWorld, profile: Profile) => T) => T;
  readonly percentageOfNodesToScore: number;
  readonly monotonic: () => number;
  /** Lets others work: called between two tries. */
  readonly pause: () => Promise<void>;
}

/** What might help, by what the cycle came to. Made at once, tried later. */
export const proposalsFor = (run: CycleRun, editing: EditContext): Proposal[] => {
  const plight = plightOf(run, editing);
  const found: Proposal[] = [];
  for (const proposer of proposers) {
    for (const proposal of proposer.propose(plight)) {
      if (found.length >= mostTries) return found;
      found.push(proposal);
    }
  }
  return found;
};

/** Tries the proposals one by one, each on the cluster as it is by then, for two seconds at most. */
export async function tryProposals(proposals: readonly Proposal[], context: SearchContext): Promise<Pick<SchedulingReviewStatus, 'suggestions' | 'changesTried'>> {
  const until = context.monotonic() + longestMs;
  const suggestions: Suggestion[] = [];
  const alike = new Map<string, number>();
  let changesTried = 0;
  for (const proposal of proposals) {
    const count = alike.get(proposal.kind) ?? 0;
    if (count >= mostAlike || suggestions.length >= mostSuggestions) continue;
    if (context.monotonic() > until) break;
    await context.pause();
    changesTried++;
    const node = tryChange(context, proposal);
    if (node === undefined) continue;
    alike.set(proposal.kind, count + 1);
    suggestions.push({ ...proposal, node });
  }
  return { suggestions, changesTried };
}

/** Where the pod would go; undefined: it would still go nowhere. */
function tryChange({ prepared, percentageOfNodesToScore }: SearchContext, { edits, kind }: Proposal): string | undefined {
  try {
    return prepared((editing, { snapshot, nominator }, profile) => {
      applyEdits(edits, editing, 'edits');
      const info = new PodInfo(editing.pod);
      if (profile.points.preEnqueue.some((p) => p.preEnqueue!(info))) return undefined;
      const decision = new Algorithm({ profile, snapshot, nominator, random: seededRandom(1), percentageOfNodesToScore, firstByName: true }).schedule(info);
      if (decision.kind === 'node') return decision.node;
      if (kind !== 'RaisePriority' || decision.kind !== 'unfit') return undefined;
      return runPostFilters(profile, info, decision.found).preemption?.chosen?.node;
    });
  } catch (error) {
    // What it is about went away meanwhile.
    if (error instanceof EditError) return undefined;
    throw error;
  }
}

function plightOf(run: CycleRun, { pod }: EditContext): Plight {
  const { snapshot } = run.world;
  const byPlugin = new Map<string, RejectedNode[]>();
  const seen = new Set<string>();
  const take = (name: string, plugin: string, reasons: readonly string[]) => {
    const index = snapshot.indexOf(name);
    if (index < 0 || seen.has(name)) return;
    seen.add(name);
    const list = byPlugin.get(plugin);
    const entry = { name, index, node: snapshot.nodes[index]!, reasons };
    if (list) list.push(entry);
    else byPlugin.set(plugin, [entry]);
  };
  for (const call of run.calls) if (call.point === 'Filter' && call.verdict) take(call.node!, call.plugin, call.verdict.reasons);
  // Nodes that PreFilter left out: by whoever did.
  const narrowing = run.calls.find((c) => c.point === 'PreFilter' && (c.nodes || (c.verdict && c.verdict.code !== 'Skip')));
  if (narrowing) for (const index of snapshot.list()) take(snapshot.names[index], narrowing.plugin, []);
  return {
    run, pod, info: run.info,
    rejectedBy: (plugin, most) => (byPlugin.get(plugin) ?? []).slice(0, most),
    roomiest(most) {
      const free = (i: number) => snapshot.cpuAllocatable[i];
      return [...snapshot.list()].sort((a, b) => free(b) - free(a)).slice(0, most).map((index) => ({ name: snapshot.names[index], index, node: snapshot.nodes[index]!, reasons: [] }));
    },
  };
}
