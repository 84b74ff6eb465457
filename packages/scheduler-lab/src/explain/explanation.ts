/** Puts what a cycle came to into the form of the API. */
import { codeOf, messageOf, type Verdict } from '@pilothouse/scheduler-framework';
import type { Choice, Explanation, NodeExplanation, PluginRun, VerdictGroup } from '../api/types.ts';
import type { CycleRun } from './cycle-run.ts';
import { explainPreemption } from './preemption.ts';
import { summarize } from './summary.ts';

export interface ExplainOptions {
  /** How many nodes are listed one by one. */
  readonly maxNodes: number;
  /** The node that was really chosen, where a cycle is run again; default: the first by name of the best. */
  readonly chosen?: string;
  /** Whether ties are broken by name rather than by chance. */
  readonly firstByName: boolean;
  readonly details: Explanation['details'];
}

/** Names listed where only some are. */
export const someNames = 10;

export function explain(run: CycleRun, options: ExplainOptions): Explanation {
  const { profile, world, found, info } = run;
  const { snapshot } = world;
  const node = run.node === undefined ? undefined : (options.chosen ?? snapshot.names[run.node]);
  const preemption = run.post?.preemption && explainPreemption(run.post.preemption, world.nowMs, messageOf(run.post.verdict));
  if (found && run.post) found.diagnosis.postFilterMessage = messageOf(run.post.verdict);
  const message = run.gate ? messageOf(run.gate.verdict) : (run.error ?? (node === undefined ? found?.diagnosis.message(snapshot.size) : undefined));
  const groups = groupsOf(run);
  const explanation: Explanation = {
    result: run.gate ? 'Gated' : run.error !== undefined && message !== undefined && snapshot.size ? 'Error' : node === undefined ? 'Unschedulable' : 'Scheduled',
    summary: '',
    schedulerName: profile.schedulerName,
    ...(node !== undefined && { node }),
    ...(message && { message }),
    ...(node === undefined && found?.diagnosis.unschedulablePlugins.size && { unschedulablePlugins: [...found.diagnosis.unschedulablePlugins].sort() }),
    nodesTotal: snapshot.size,
    nodesEvaluated: found?.evaluated ?? 0,
    nodesFeasible: found?.nodes.length ?? 0,
    plugins: pluginRuns(run),
    groups,
    ...(node !== undefined && { choice: choiceOf(run, node, options) }),
    ...(preemption && { preemption }),
    details: options.details,
  };
  if (!run.gate && run.error === undefined && options.maxNodes > 0) {
    const order = nodeOrder(run, node);
    explanation.nodes = order.slice(0, options.maxNodes).map((at) => explainNode(run, at, node));
    if (order.length > options.maxNodes) explanation.nodesOmitted = order.length - options.maxNodes;
  } else if (!run.gate && run.error === undefined) explanation.nodesOmitted = snapshot.size;
  explanation.summary = summarize(info.key, explanation);
  return explanation;
}

/** Calls that are about no node, and what those about nodes add up to. */
function pluginRuns({ calls, scores, profile, gate, scoringUs }: CycleRun): PluginRun[] {
  const runs: PluginRun[] = [];
  const filters = new Map<string, PluginRun>();
  const add = (run: PluginRun) => void runs.push(run);
  for (const call of calls) {
    if (call.point === 'Filter') {
      let run = filters.get(call.plugin);
      if (!run) {
        filters.set(call.plugin, (run = { point: 'Filter', plugin: call.plugin, asked: 0, rejected: 0, durationMicroseconds: 0 }));
        add(run);
      }
      run.asked!++;
      if (call.verdict) run.rejected!++;
      run.durationMicroseconds! += call.us;
      continue;
    }
    const { verdict, nodes } = call;
    add({ point: call.point, plugin: call.plugin, code: codeOf(verdict), ...(verdict?.reasons.length && { reasons: [...verdict.reasons] }), ...(nodes && { nodes: [...nodes].sort().slice(0, someNames), nodeCount: nodes.size }), durationMicroseconds: call.us });
  }
  if (!gate) for (const { name, weight } of scores?.plugins ?? []) add({ point: 'Score', plugin: name, weight, ...(scoringUs !== undefined && { durationMicroseconds: scoringUs / scores!.plugins.length }) });
  // Plugins of a filter whose PreFilter skipped are not asked; they are in their profile's order all the same.
  const rank = new Map(profile.points.filter.map((p, i) => [p.name, i]));
  const firstFilter = runs.findIndex((r) => r.point === 'Filter');
  if (firstFilter >= 0) {
    const sorted = runs.filter((r) => r.point === 'Filter').sort((a, b) => rank.get(a.plugin)! - rank.get(b.plugin)!);
    runs.splice(firstFilter, sorted.length, ...sorted);
  }
  for (const run of runs) if (run.durationMicroseconds !== undefined) run.durationMicroseconds = Math.round(run.durationMicroseconds);
  return runs;
}

/** Takes equal verdicts together, largest group first, then by plugin. */
export function groupVerdicts(entries: Iterable<{ node: string; plugin: string; verdict: Verdict }>): VerdictGroup[] {
  const groups = new Map<string, VerdictGroup>();
  const known = new Map<Verdict, Map<string, VerdictGroup>>();
  for (const { node, plugin, verdict } of entries) {
    let byPlugin = known.get(verdict);
    if (!byPlugin) known.set(verdict, (byPlugin = new Map()));
    let group = byPlugin.get(plugin);
    if (!group) {
      const key = `${plugin}\n${verdict.code}\n${verdict.reasons.join('\n')}`;
      group = groups.get(key);
      if (!group) groups.set(key, (group = { plugin, code: verdict.code, reasons: [...verdict.reasons], count: 0, nodes: [] }));
      byPlugin.set(plugin, group);
    }
    group.count++;
    if (group.nodes.length < someNames) group.nodes.push(node);
  }
  const list = [...groups.values()];
  for (const group of list) group.nodes.sort();
  return list.sort((a, b) => b.count - a.count || (a.plugin < b.plugin ? -1 : a.plugin > b.plugin ? 1 : 0));
}

function groupsOf(run: CycleRun): VerdictGroup[] {
  const { found, world, calls } = run;
  if (!found) return [];
  const groups = groupVerdicts(rejections(run));
  const { diagnosis } = found;
  const rest = run.node === undefined ? world.snapshot.size - groups.reduce((sum, g) => sum + g.count, 0) : 0;
  if (rest > 0 && diagnosis.absent.reasons.length) {
    const rejected = calls.find((c) => c.point === 'PreFilter' && c.verdict && c.verdict.code !== 'Skip');
    const by = rejected?.plugin ?? onlyRestricting(run) ?? '';
    const given = new Set(diagnosis.verdicts.keys());
    const names = Array.from(world.snapshot.list(), (i) => world.snapshot.names[i]).filter((n) => !given.has(n));
    groups.push({ plugin: by, code: diagnosis.absent.code, reasons: [...diagnosis.absent.reasons], count: rest, nodes: names.slice(0, someNames) });
  }
  return groups;
}

/** The plugin whose PreFilter narrowed the nodes, where it was one alone. */
function onlyRestricting({ calls }: CycleRun): string | undefined {
  const restricting = calls.filter((c) => c.point === 'PreFilter' && c.nodes);
  return restricting.length === 1 ? restricting[0].plugin : undefined;
}

/** Each node's first rejection. */
function* rejections({ calls }: CycleRun): Generator<{ node: string; plugin: string; verdict: Verdict }> {
  const seen = new Set<string>();
  for (const call of calls) {
    if (call.point !== 'Filter' || !call.verdict || seen.has(call.node!)) continue;
    seen.add(call.node!);
    yield { node: call.node!, plugin: call.plugin, verdict: call.verdict };
  }
}

function choiceOf({ found, totals, world, info }: CycleRun, node: string, { firstByName }: ExplainOptions): Choice {
  const names = world.snapshot.names;
  if (!totals || found!.nodes.length === 1) return { rule: info.pod.status?.nominatedNodeName === node ? 'Nominated' : 'OnlyOne', tied: [node], tiedCount: 1 };
  const best = Math.max(...totals);
  const tied: string[] = [];
  let next: { node: string; score: number } | undefined;
  found!.nodes.forEach((at, i) => {
    if (totals[i] === best) tied.push(names[at]);
    else if (!next || totals[i] > next.score) next = { node: names[at], score: totals[i] };
  });
  tied.sort();
  return { rule: tied.length === 1 ? 'HighestScore' : firstByName ? 'FirstByName' : 'Random', score: best, tied: tied.slice(0, someNames), tiedCount: tied.length, ...(next && { runnerUp: next }) };
}

/** Node indexes: chosen, scored by total, looked at, the rest. */
function nodeOrder({ world, found, totals, calls }: CycleRun, chosen: string | undefined): number[] {
  const { snapshot } = world;
  const order: number[] = [];
  const seen = new Set<number>();
  const add = (node: number) => {
    if (node < 0 || seen.has(node)) return;
    seen.add(node);
    order.push(node);
  };
  if (chosen !== undefined) add(snapshot.indexOf(chosen));
  const feasible = Array.from(found?.nodes ?? [], (node, i) => ({ node, total: totals?.[i] ?? 0 }));
  feasible.sort((a, b) => b.total - a.total);
  for (const { node } of feasible) add(node);
  for (const call of calls) if (call.point === 'Filter') add(snapshot.indexOf(call.node!));
  for (const node of snapshot.list()) add(node);
  return order;
}

interface NodeFacts {
  readonly filters: Map<string, Call[]>;
  readonly scored: Map<string, number>;
}
type Call = CycleRun['calls'][number];
const factsOf = new WeakMap<CycleRun, NodeFacts>();

function facts(run: CycleRun): NodeFacts {
  let known = factsOf.get(run);
  if (!known) {
    known = { filters: new Map(), scored: new Map((run.scores?.nodes ?? []).map((n, i) => [n.node, i])) };
    for (const call of run.calls) {
      if (call.point !== 'Filter') continue;
      const list = known.filters.get(call.node!);
      if (list) list.push(call);
      else known.filters.set(call.node!, [call]);
    }
    factsOf.set(run, known);
  }
  return known;
}

function explainNode(run: CycleRun, at: number, chosen: string | undefined): NodeExplanation {
  const { snapshot } = run.world;
  const name = snapshot.names[at];
  const { filters, scored } = facts(run);
  const calls = filters.get(name) ?? [];
  const rejected = calls.find((c) => c.verdict);
  const cell = (plugin: string, verdict: Verdict | undefined) => ({ plugin, code: codeOf(verdict), ...(verdict?.reasons.length && { reasons: [...verdict.reasons] }) });
  const cells = run.all ? run.all.of(at).map((verdict, i) => cell(run.all!.plugins[i], verdict)) : calls.filter((c, i) => !calls.slice(0, i).some((d) => d.plugin === c.plugin)).map((c) => cell(c.plugin, c.verdict));
  const score = scored.has(name) ? run.scores!.nodes[scored.get(name)!] : undefined;
  return {
    name,
    feasible: calls.length > 0 && !rejected,
    evaluated: calls.length > 0,
    ...(cells.length && { filters: cells }),
    ...(rejected && { rejectedBy: rejected.plugin }),
    ...(score && { scores: score.raw.map((raw, i) => ({ plugin: run.scores!.plugins[i].name, raw, normalized: score.normalized[i], weighted: score.weighted[i] })), total: score.total }),
    ...(name === chosen && { chosen: true }),
    ...(calls.some((c) => c.nominated) && { nominatedCounted: true }),
  };
}
