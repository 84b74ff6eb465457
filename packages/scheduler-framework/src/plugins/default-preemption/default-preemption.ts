import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { type PluginFactory, type PluginHandle, plugin, type PostFilterContext, type PostFilterResult, type PreemptionCandidate } from '../../contract.ts';
import { Diagnosis } from '../../cycle/diagnosis.ts';
import { Action } from '../../events/cluster-event.ts';
import type { PodInfo } from '../../pod/pod-info.ts';
import { failure, messageOf, unresolvable, unschedulable, type Verdict } from '../../verdict.ts';
import { bestCandidates, budgetsOf, noVictims, selectVictims } from './victims.ts';

export interface DefaultPreemptionArgs {
  minCandidateNodesPercentage: number;
  minCandidateNodesAbsolute: number;
}

const waiting = unresolvable('waiting for the preemption for this pod to be finished');

/** Whether a victim of this pod is still on its way out. */
function terminatingByPreemption(pod: Pod): boolean {
  if (!pod.metadata.deletionTimestamp) return false;
  const condition = pod.status?.conditions?.find((c) => c.type === 'DisruptionTarget');
  return condition?.status === 'True' && condition.reason === 'PreemptionByScheduler';
}

/** How many nodes are tried for candidates. */
export const candidatesToFind = (nodes: number, args: DefaultPreemptionArgs): number => Math.min(nodes, Math.max(Math.trunc((nodes * args.minCandidateNodesPercentage) / 100), args.minCandidateNodesAbsolute));

/** Makes room for a pod by evicting pods of lower priority from one node. */
export const defaultPreemption: PluginFactory<DefaultPreemptionArgs> = {
  name: 'DefaultPreemption',
  create: (args, handle) =>
    plugin({
      name: 'DefaultPreemption',
      preEnqueue: (info) => (handle.features.SchedulerAsyncPreemption && handle.isPreempting(info.uid) ? waiting : undefined),
      postFilter: (info, context) => preempt(info, context, args, handle),
      events: [{ resource: 'Pod', action: Action.Delete, hint: () => false }],
    }),
};

const refused = (text: string): PostFilterResult => ({ verdict: unschedulable(`preemption: ${text}`) });

function preempt(info: PodInfo, context: PostFilterContext, args: DefaultPreemptionArgs, handle: PluginHandle): PostFilterResult {
  const { snapshot } = handle;
  const pod = handle.currentPod(info) ?? info.pod;
  const why = ineligible(pod, info, context, handle);
  if (why) return refused(why);
  const potential = context.verdicts.withCode('Unschedulable');
  const rejected = new Map<string, Verdict>();
  const candidates = potential.length ? findCandidates(info, potential, context, args, handle, rejected) : [];
  const failed = candidates.length ? [] : [...new Set([...rejected.values()].filter((v) => v.code === 'Error').map(messageOf))];
  if (failed.length) return { verdict: failure(`preemption: ${failed.length === 1 ? failed[0] : `[${failed.join(', ')}]`}`) };
  if (!candidates.length) {
    const diagnosis = new Diagnosis(snapshot);
    for (const [node, verdict] of rejected) diagnosis.set(node, verdict, '');
    diagnosis.absent = unresolvable('Preemption is not helpful for scheduling');
    return { ...refused(diagnosis.message(snapshot.size)), nominating: { mode: 'override', node: '' }, preemption: { candidates, rejected, best: [] } };
  }
  const best = bestCandidates(candidates, handle.now());
  const chosen = best[0];
  return { verdict: undefined, nominating: { mode: 'override', node: chosen.node }, preemption: { candidates, rejected, best: best.map((c) => c.node), chosen } };
}

function ineligible(pod: Pod, info: PodInfo, context: PostFilterContext, { snapshot }: PluginHandle): string | undefined {
  if (pod.spec?.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.';
  const nominated = pod.status?.nominatedNodeName;
  if (!nominated || context.verdicts.of(nominated)?.code === 'UnschedulableAndUnresolvable') return undefined;
  const node = snapshot.indexOf(nominated);
  if (node >= 0 && snapshot.pods[node].some((p) => p.priority < info.priority && terminatingByPreemption(p.pod))) return 'not eligible due to a terminating pod on the nominated node.';
  return undefined;
}

/** Goes through the nodes from a random one on, until there are enough candidates and one of them violates no budget. */
function findCandidates(info: PodInfo, potential: readonly number[], context: PostFilterContext, args: DefaultPreemptionArgs, handle: PluginHandle, rejected: Map<string, Verdict>): PreemptionCandidate[] {
  const { snapshot, random, now } = handle;
  const budgets = budgetsOf(handle.objects.podDisruptionBudgets.list());
  const wanted = candidatesToFind(potential.length, args);
  const offset = random.below(potential.length);
  const kept: PreemptionCandidate[] = [];
  const violating: PreemptionCandidate[] = [];
  for (let i = 0; i < potential.length; i++) {
    const node = potential[(offset + i) % potential.length];
    const name = snapshot.names[node];
    const found = snapshot.lowestPriority[node] >= info.priority ? noVictims : selectVictims(info, context.tryNode(node), snapshot, budgets, now());
    if ('code' in found) {
      rejected.set(name, found);
      continue;
    }
    if (!found.victims.length) {
      rejected.set(name, { code: 'Error', reasons: [`expected at least one victim pod on node ${JSON.stringify(name)}`] });
      continue;
    }
    // Of either kind no more are kept than are wanted of both.
    const list = found.pdbViolations ? violating : kept;
    if (list.length < wanted) list.push({ node: name, ...found });
    if (kept.length && kept.length + violating.length >= wanted) break;
  }
  return [...kept, ...violating];
}
