/** Runs a recorded case on the real plugins and writes down what they say, in the case's own form. */
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { formatTime } from '@pilothouse/base/clock';
import { seededRandom } from '@pilothouse/base/random';
import { isVerdict, type Plugin } from '../contract.ts';
import { sortBytes } from '../cycle/diagnosis.ts';
import { FilterRun } from '../cycle/filter.ts';
import { runPostFilters } from '../cycle/post-filter.ts';
import { runPreFilters } from '../cycle/pre-filter.ts';
import { Algorithm, type Feasible, noNodesMessage } from '../cycle/schedule.ts';
import { explainScores } from '../cycle/score.ts';
import { PodInfo } from '../pod/pod-info.ts';
import type { Profile } from '../profile.ts';
import { codeOf, messageOf, type Verdict } from '../verdict.ts';
import { buildCluster, type CaseCluster } from './cluster.ts';
import { runHints } from './hints.ts';
import type { AttemptRecord, CaseProfile, HintRecord, PostFilterRecord, RegistrationRecord, SchedulerCase, StatusRecord } from './types.ts';

export interface CaseResult {
  profiles: Record<string, CaseProfile>;
  attempts: AttemptRecord[];
  hints: HintRecord[];
  registered: RegistrationRecord[];
}

/** Longest text of an event, in bytes. */
const longestEvent = 1024;

/** Random sequences are recorded without what was said of each node. */
const isBrief = (source: SchedulerCase): boolean => source.mode.startsWith('sequence') && source.name.startsWith('random-');

function inBrief({ feasible, preFilter: _, preFilterSkip: __, filters: ___, scores: ____, event: _____, postFilter, ...rest }: AttemptRecord): AttemptRecord {
  return { ...rest, ...(postFilter && { postFilter: { ...postFilter, rejected: undefined } }), ...(!rest.gated && { feasible: null, feasibleCount: feasible?.length ?? 0 }) };
}

/**
 * Runs one case on the default plugins and says what they decided, in the form that cases are recorded in. Nothing outside is
 * touched; the same case gives the same answer.
 * @throws Error for a configuration that cannot be used or a pod that no profile schedules
 */
export function runCase(source: SchedulerCase): CaseResult {
  const cluster = buildCluster(source);
  const profiles = Object.fromEntries([...cluster.profiles].map(([name, p]) => [name, describeProfile(p)]));
  if (source.mode === 'hints') return { profiles, attempts: [], ...runHints(source, cluster) };
  const attempts = source.mode === 'each' ? source.pods.map((pod) => attempt(cluster, pod)) : runSequence(cluster, source);
  return { profiles, attempts: isBrief(source) ? attempts.map(inBrief) : attempts, hints: [], registered: [] };
}

export const describeProfile = (profile: Profile): CaseProfile => ({
  preFilter: profile.points.preFilter.map((p) => p.name),
  filter: profile.points.filter.map((p) => p.name),
  postFilter: profile.points.postFilter.map((p) => p.name),
  preScore: profile.points.preScore.map((p) => p.name),
  score: profile.points.score.map((p) => ({ name: p.name, weight: profile.weightOf(p) })),
});

function runSequence(cluster: CaseCluster, source: SchedulerCase): AttemptRecord[] {
  const records: AttemptRecord[] = [];
  for (const { metadata } of source.pods) {
    const key = `${metadata.namespace}/${metadata.name}`;
    for (let number = 1; number <= 2; number++) {
      const pod = cluster.pending.get(key);
      if (!pod) break;
      const record = attempt(cluster, pod, source.mode === 'sequence-preempt');
      if (source.mode === 'sequence-preempt') record.attempt = number;
      records.push(record);
      if (record.choice?.length) {
        record.picked = sortBytes([...record.choice])[0];
        const failed = place(cluster, pod, record.picked);
        if (failed) record.reserve = statusOf(failed);
        break;
      }
      const nominated = record.postFilter?.nominated?.[0];
      if (source.mode !== 'sequence-preempt' || !nominated) break;
      record.picked = nominated;
      evict(cluster, pod, nominated, record.postFilter!);
    }
  }
  return records;
}

/** Assumes the pod on the node and runs Reserve. */
function place(cluster: CaseCluster, pod: Pod, node: string): Verdict | undefined {
  const info = new PodInfo(pod);
  const profile = profileOf(cluster, pod);
  const found = algorithm(cluster, profile).findFeasible(info);
  cluster.nowMs += 1000;
  const placed = new PodInfo({ ...pod, spec: { ...pod.spec!, nodeName: node }, status: { ...pod.status, startTime: formatTime(cluster.nowMs) } });
  cluster.snapshot.addPod(placed, node);
  cluster.nominator.delete(info.uid);
  for (const plugin of profile.points.reserve) {
    const verdict = plugin.reserve!(found.states.get(plugin), info, node);
    if (!verdict) continue;
    for (const p of [...profile.points.reserve].reverse()) p.unreserve?.(found.states.get(p), info, node);
    cluster.snapshot.removePod(info.uid, info.namespace);
    return verdict;
  }
  cluster.pending.delete(info.key);
  return undefined;
}

function evict(cluster: CaseCluster, pod: Pod, node: string, record: PostFilterRecord): void {
  for (const key of record.candidates![node].victims) {
    const [namespace, name] = key.split('/');
    for (const { info } of cluster.snapshot.podsByNamespace.get(namespace)?.values() ?? []) if (info.name === name) cluster.snapshot.removePod(info.uid, namespace);
  }
  for (const other of [...(cluster.nominator.on(node) ?? [])]) if (other.priority < (pod.spec?.priority ?? 0)) cluster.nominator.delete(other.uid);
  const nominated = { ...pod, status: { ...pod.status, nominatedNodeName: node } };
  cluster.pending.set(`${pod.metadata.namespace}/${pod.metadata.name}`, nominated);
  cluster.nominator.add(new PodInfo(nominated), node);
}

const profileOf = (cluster: CaseCluster, pod: Pod): Profile => {
  const profile = cluster.profiles.get(pod.spec?.schedulerName ?? '');
  if (!profile) throw new Error(`profile not found for scheduler name ${JSON.stringify(pod.spec?.schedulerName)}`);
  return profile;
};

const algorithm = (cluster: CaseCluster, profile: Profile) => new Algorithm({ profile, snapshot: cluster.snapshot, nominator: cluster.nominator, random: seededRandom(1), percentageOfNodesToScore: 100 });

const statusOf = (verdict: Verdict | undefined): StatusRecord => ({ code: codeOf(verdict), ...(verdict?.reasons.length && { reasons: sortBytes([...verdict.reasons]) }) });

/** One attempt for one pod, in all detail. Changes nothing. */
function attempt(cluster: CaseCluster, pod: Pod, preempting = false): AttemptRecord {
  const info = new PodInfo(pod);
  const profile = profileOf(cluster, pod);
  const record: AttemptRecord = { pod: info.key };
  for (const plugin of profile.points.preEnqueue) {
    const verdict = plugin.preEnqueue!(info);
    if (verdict) return { ...record, gated: { plugin: plugin.name, ...statusOf(verdict) } };
  }
  record.feasible = [];
  if (!cluster.snapshot.size) return { ...record, error: noNodesMessage, message: noNodesMessage, event: noNodesMessage };
  recordPreFilters(record, profile, info);
  const search = algorithm(cluster, profile);
  const found = search.findFeasible(info);
  recordFilters(record, cluster, profile, info, found);
  if (found.error) return { ...record, error: messageOf(found.error), message: messageOf(found.error) };
  const names = Array.from(found.nodes, (node) => cluster.snapshot.names[node]);
  record.feasible = sortBytes(names);
  if (names.length) recordChoice(record, cluster, profile, info, found, search);
  else recordFailure(record, cluster, profile, info, found, preempting);
  return record;
}

function recordPreFilters(record: AttemptRecord, profile: Profile, info: PodInfo): void {
  const skipped: string[] = [];
  record.preFilter = {};
  for (const plugin of profile.points.preFilter) {
    const outcome = plugin.preFilter!(info);
    if (isVerdict(outcome) && outcome.code === 'Skip') skipped.push(plugin.name);
    else if (isVerdict(outcome)) record.preFilter[plugin.name] = statusOf(outcome);
    else record.preFilter[plugin.name] = { code: 'Success', ...(outcome.nodes && { nodes: sortBytes([...outcome.nodes]) }) };
  }
  if (skipped.length) record.preFilterSkip = skipped;
}

function recordFilters(record: AttemptRecord, cluster: CaseCluster, profile: Profile, info: PodInfo, found: Feasible): void {
  const { snapshot, nominator } = cluster;
  const filters: NonNullable<AttemptRecord['filters']> = {};
  const preFilter = runPreFilters(profile, info);
  const run = new FilterRun({ profile, snapshot, nominator }, info, preFilter);
  const alone = aloneFilters(profile, info);
  for (const node of snapshot.list()) {
    const name = snapshot.names[node];
    const entry: (typeof filters)[string] = {};
    if (preFilter.verdict) entry.first = { ...(preFilter.rejectedBy && { plugin: preFilter.rejectedBy }), ...statusOf(preFilter.verdict) };
    else if (preFilter.nodes && !preFilter.nodes.has(name)) entry.first = found.nodes.length ? { plugin: 'PreFilterResult', code: found.diagnosis.absent.code } : { plugin: 'PreFilterResult', ...statusOf(found.diagnosis.absent) };
    else {
      const verdict = run.check(node);
      if (verdict) entry.first = { plugin: run.rejectedBy, ...statusOf(verdict) };
    }
    for (const { plugin, state } of alone) {
      const verdict = plugin.filter!(state, info, node);
      if (verdict) (entry.all ??= {})[plugin.name] = statusOf(verdict);
    }
    if (entry.first || entry.all) filters[name] = entry;
  }
  if (Object.keys(filters).length) record.filters = filters;
}

/** Filters to run by themselves: those whose PreFilter neither skipped nor failed, whatever the others said. */
function aloneFilters(profile: Profile, info: PodInfo): { plugin: Plugin; state: unknown }[] {
  const found = [];
  for (const plugin of profile.points.filter) {
    if (!plugin.preFilter) {
      found.push({ plugin, state: plugin.prepareFilter?.(info) });
      continue;
    }
    const outcome = plugin.preFilter(info);
    if (!isVerdict(outcome)) found.push({ plugin, state: outcome.state });
  }
  return found;
}

function recordChoice(record: AttemptRecord, cluster: CaseCluster, profile: Profile, info: PodInfo, found: Feasible, search: Algorithm): void {
  if (found.nodes.length === 1) {
    record.choice = [cluster.snapshot.names[found.nodes[0]]];
    return;
  }
  const totals = search.score(info, found);
  const top = Math.max(...totals);
  record.topScore = top;
  record.choice = sortBytes(Array.from(found.nodes, (node) => cluster.snapshot.names[node]).filter((_, i) => totals[i] === top));
  if (!profile.points.score.length) return;
  const details = explainScores({ profile, snapshot: cluster.snapshot }, info, found.nodes, found.states);
  record.scores = {
    plugins: [...details.plugins],
    ...(details.skipped.length && { skipped: [...details.skipped] }),
    nodes: Object.fromEntries(details.nodes.map((n) => [n.node, { raw: n.raw, norm: n.normalized, weighted: n.weighted, total: n.total }])),
  };
}

function recordFailure(record: AttemptRecord, cluster: CaseCluster, profile: Profile, info: PodInfo, found: Feasible, preempting: boolean): void {
  const { diagnosis } = found;
  if (profile.points.postFilter.length) {
    const outcome = runPostFilters(profile, info, found);
    diagnosis.postFilterMessage = messageOf(outcome.verdict);
    const { nominating, preemption } = outcome;
    const post: PostFilterRecord = { code: codeOf(outcome.verdict), ...(outcome.plugin && { plugin: outcome.plugin }), ...(outcome.verdict && { message: messageOf(outcome.verdict) }) };
    if (nominating?.mode === 'override') post.mode = nominating.node ? 'override' : 'clear';
    if (preemption?.best.length) post.nominated = sortBytes([...preemption.best]);
    if (preemption?.candidates.length) post.candidates = Object.fromEntries(preemption.candidates.map((c) => [c.node, { victims: c.victims.map((v) => v.key), pdbViolations: c.pdbViolations }]));
    if (preemption?.rejected.size) post.rejected = Object.fromEntries([...preemption.rejected].map(([node, verdict]) => [node, statusOf(verdict)]));
    if (post.nominated?.length === 1) recordEviction(post, cluster, info, preempting);
    record.postFilter = post;
  }
  record.message = diagnosis.message(cluster.snapshot.size);
  if (record.message.length > longestEvent) record.event = `${record.message.slice(0, longestEvent - 4)} ...`;
  if (diagnosis.unschedulablePlugins.size) record.unschedulablePlugins = sortBytes([...diagnosis.unschedulablePlugins]);
  if (diagnosis.pendingPlugins.size) record.pendingPlugins = sortBytes([...diagnosis.pendingPlugins]);
}

function recordEviction(post: PostFilterRecord, cluster: CaseCluster, info: PodInfo, _preempting: boolean): void {
  const node = post.nominated![0];
  const victims = post.candidates![node].victims;
  const terminating = (key: string) => {
    const namespace = key.split('/')[0];
    return [...(cluster.snapshot.podsByNamespace.get(namespace)?.values() ?? [])].some(({ info: p }) => p.key === key && p.pod.metadata.deletionTimestamp);
  };
  const deleted = victims.filter((key) => !terminating(key));
  if (deleted.length) post.deleted = sortBytes(deleted);
  const cleared = (cluster.nominator.on(node) ?? []).filter((p) => p.priority < info.priority && deleted.length).map((p) => p.key);
  if (cleared.length) post.clearedNominations = sortBytes(cleared);
}
