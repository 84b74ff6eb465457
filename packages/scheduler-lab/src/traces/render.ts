/** Attempts and queued pods as objects of the API. */
import { formatMicroTime, formatTime } from '@pilothouse/base/clock';
import { PodInfo, type SchedulerWorld } from '@pilothouse/scheduler-framework';
import { type Explanation, labApiVersion, type PodReference, type QueuedPod, type QueueMove, type SchedulingTrace, type VerdictGroup } from '../api/types.ts';
import { profileFor, runCycle } from '../explain/cycle-run.ts';
import { explainPreemption } from '../explain/preemption.ts';
import { explain, someNames } from '../explain/explanation.ts';
import { summarize } from '../explain/summary.ts';
import type { ClusterCopies } from '../history/copies.ts';
import type { Attempt, NotedMove } from './attempt.ts';
import type { Waiting } from './queue-store.ts';

const renderMove = ({ ms, from, to, event, object, hints }: NotedMove): QueueMove => ({ time: formatMicroTime(ms), ...(from && { from }), to, event, ...(object && { object }), ...(hints && { hints }) });

const reference = (info: PodInfo): PodReference => ({ namespace: info.namespace, name: info.name, uid: info.uid, priority: info.priority });

/** Without lists of nodes, from what was noted alone. */
export function renderTrace(attempt: Attempt, world: SchedulerWorld, explanation: Explanation = notedExplanation(attempt, world)): SchedulingTrace {
  const { info, binding, startMs } = attempt;
  return {
    apiVersion: labApiVersion,
    kind: 'SchedulingTrace',
    metadata: {
      name: attempt.name, namespace: info.namespace, uid: attempt.uid, resourceVersion: String(attempt.version), creationTimestamp: formatTime(startMs),
      labels: { 'lab.pilothouse.dev/pod': info.name.slice(0, 63).replace(/[^A-Za-z0-9]+$/, ''), 'lab.pilothouse.dev/result': attempt.result, 'lab.pilothouse.dev/scheduler': (info.spec.schedulerName ?? '').slice(0, 63) },
    },
    pod: reference(info),
    attempt: attempt.number,
    startTime: formatMicroTime(startMs),
    ...(attempt.endMs !== undefined && { endTime: formatMicroTime(attempt.endMs) }),
    ...(attempt.schedulingUs !== undefined && { schedulingMicroseconds: Math.round(attempt.schedulingUs) }),
    ...(attempt.bindingUs !== undefined && { bindingMicroseconds: Math.round(attempt.bindingUs) }),
    explanation,
    ...(binding && { binding: { phase: binding.phase, node: binding.node, ...(binding.plugin && { plugin: binding.plugin }), ...(binding.message && { message: binding.message }) } }),
    moves: attempt.moves.map(renderMove),
    ...(attempt.movesOmitted && { movesOmitted: attempt.movesOmitted }),
  };
}

function notedGroups(attempt: Attempt): VerdictGroup[] {
  const groups: VerdictGroup[] = (attempt.groups ?? []).map((g) => ({ plugin: g.plugin, code: g.verdict.code, reasons: [...g.verdict.reasons], count: g.count, nodes: g.nodes.slice(0, someNames).sort() }));
  if (attempt.absent) groups.push({ plugin: attempt.absent.plugin, code: attempt.absent.verdict.code, reasons: [...attempt.absent.verdict.reasons], count: attempt.absent.count, nodes: [] });
  return groups.sort((a, b) => b.count - a.count);
}

export function notedExplanation(attempt: Attempt, world: Pick<SchedulerWorld, 'firstByName'>, details: Explanation['details'] = 'Recorded'): Explanation {
  const { info, node, choice, feasible, refused } = attempt;
  const explanation: Explanation = {
    result: attempt.result,
    summary: '',
    schedulerName: info.spec.schedulerName ?? '',
    ...(node !== undefined && { node }),
    ...(attempt.message !== undefined && { message: attempt.message }),
    ...(attempt.unschedulablePlugins?.length && { unschedulablePlugins: [...attempt.unschedulablePlugins] }),
    nodesTotal: attempt.nodesTotal,
    nodesEvaluated: attempt.evaluated,
    nodesFeasible: feasible,
    plugins: refused ? [{ point: refused.point, plugin: refused.plugin, code: refused.verdict.code, reasons: [...refused.verdict.reasons] }] : attempt.gatedBy ? [{ point: 'PreEnqueue', plugin: attempt.gatedBy, code: 'UnschedulableAndUnresolvable', reasons: [attempt.message ?? ''] }] : [],
    groups: notedGroups(attempt),
    ...(attempt.result !== 'Gated' && attempt.nodesTotal && { nodesOmitted: attempt.nodesTotal }),
    ...(attempt.preempted && { preemption: explainPreemption(attempt.preempted.report, attempt.preempted.nowMs, attempt.preempted.message) }),
    details,
  };
  if (attempt.result === 'Scheduled' && node !== undefined) {
    explanation.choice = choice
      ? { rule: choice.tiedCount === 1 ? 'HighestScore' : world.firstByName ? 'FirstByName' : 'Random', score: choice.score, tied: [node], tiedCount: choice.tiedCount }
      : { rule: attempt.nominated === node ? 'Nominated' : 'OnlyOne', tied: [node], tiedCount: 1 };
  }
  explanation.summary = summarize(info.key, explanation);
  return explanation;
}

export interface FullOptions {
  readonly maxNodes: number;
  readonly allPlugins: boolean;
  readonly monotonic: () => number;
}

/** With what every plugin said: the cycle is run again on the cluster as it was, and compared with what was noted. */
export function fullExplanation(attempt: Attempt, world: SchedulerWorld, copies: ClusterCopies, { maxNodes, allPlugins, monotonic }: FullOptions): Explanation {
  const noted = notedExplanation(attempt, world);
  if (attempt.result === 'Gated' || (attempt.result === 'Error' && !attempt.searched)) return noted;
  const again = copies.at(attempt.position, (copy): Explanation | undefined => {
    const cycleWorld = { snapshot: copy.snapshot, nominator: copy.nominator, objects: copy.objects, features: world.features, plugins: world.plugins, nowMs: attempt.startMs };
    const profile = profileFor(cycleWorld, world.config, attempt.info.spec.schedulerName ?? '');
    if (!profile) return undefined;
    const run = runCycle(cycleWorld, new PodInfo(attempt.pod), { profile, percentageOfNodesToScore: world.config.percentageOfNodesToScore, start: attempt.searchStart, allPlugins, monotonic, preempt: false });
    const replay = explain(run, { maxNodes, chosen: attempt.node, firstByName: world.firstByName, details: 'Replayed' });
    return agree(replay, noted) ? replay : { ...replay, details: 'Approximate' };
  });
  if (!again) return { ...noted, details: 'Expired' };
  const { groups, plugins, nodes, nodesOmitted, choice, details } = again;
  const merged: Explanation = {
    ...noted,
    groups: noted.groups.length ? noted.groups : groups,
    plugins: [...plugins, ...noted.plugins],
    ...(nodes && { nodes }),
    // Who shared the score is told by the replay; the rule was noted.
    choice: noted.choice && choice ? { ...choice, ...noted.choice, tied: choice.tied } : (noted.choice ?? choice),
    details,
  };
  if (!merged.choice) delete merged.choice;
  if (nodesOmitted) merged.nodesOmitted = nodesOmitted;
  else delete merged.nodesOmitted;
  merged.summary = summarize(attempt.info.key, merged);
  return merged;
}

/** Whether a cycle that was run again came to what it had come to. */
function agree(replay: Explanation, noted: Explanation): boolean {
  if (noted.result === 'Scheduled') {
    const sameNode = replay.result === 'Scheduled' && replay.nodesFeasible === noted.nodesFeasible && replay.nodesEvaluated === noted.nodesEvaluated;
    return sameNode && (noted.choice?.score === undefined || (Math.abs((replay.choice?.score ?? 0) - noted.choice.score) < 1e-6 && replay.choice?.tiedCount === noted.choice.tiedCount));
  }
  const counted = (e: Explanation) => JSON.stringify(e.groups.map((g) => `${g.plugin} ${g.code} ${g.reasons} ${g.count}`).sort());
  return replay.nodesFeasible === noted.nodesFeasible && (noted.nodesFeasible > 0 || counted(replay) === counted(noted));
}

export function renderQueued(waiting: Waiting, message: string | undefined, backoffUntilMs: number | undefined): QueuedPod {
  const { entry, lane } = waiting;
  const { info } = entry;
  const rejectedBy = [...new Set([...entry.unschedulablePlugins, ...entry.pendingPlugins])].sort();
  return {
    apiVersion: labApiVersion,
    kind: 'QueuedPod',
    metadata: { name: info.name, namespace: info.namespace, uid: info.uid, resourceVersion: String(waiting.version), creationTimestamp: formatTime(waiting.arrivedMs), ...(info.pod.metadata.labels && { labels: info.pod.metadata.labels }) },
    pod: reference(info),
    schedulerName: info.spec.schedulerName ?? '',
    lane,
    since: formatMicroTime(waiting.sinceMs),
    attempts: entry.attempts,
    ...(entry.initialAttemptMs !== undefined && { firstAttemptTime: formatMicroTime(entry.initialAttemptMs) }),
    ...(lane === 'Backoff' && backoffUntilMs !== undefined && { backoffUntil: formatMicroTime(backoffUntilMs) }),
    ...(rejectedBy.length && { rejectedBy }),
    ...(entry.gatedBy && { gatedBy: entry.gatedBy }),
    ...(info.pod.status?.nominatedNodeName && { nominatedNode: info.pod.status.nominatedNodeName }),
    ...(message !== undefined && { message }),
    moves: waiting.moves.slice(-16).map(renderMove),
  };
}

