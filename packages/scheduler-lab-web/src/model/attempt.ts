/** One attempt as a matrix of nodes × plugins, seen at one extension point. Pure. */
import type { Explanation, NodeExplanation, PluginRun, Point, VerdictCode } from '@pilothouse/scheduler-lab/api/types';

/** A stop of the slider. */
export interface Stop {
  point: Point;
  /** One sentence: what happened there. */
  sentence: string;
}

export interface Column {
  plugin: string;
  kind: 'filter' | 'score';
  /** Score plugins: the weight in the profile. */
  weight?: number;
  /** Filter plugins: nodes they turned away. */
  rejected?: number;
  durationMicroseconds?: number;
}

export type Cell =
  | { state: 'later' }
  | { state: 'none'; why: string }
  | { state: 'verdict'; code: VerdictCode; reason: string }
  | { state: 'score'; value: number; /** 0 to 1, of the largest in the column. */ bar: number; reason: string };

export interface Row {
  node: string;
  feasible: boolean;
  chosen: boolean;
  tied: boolean;
  cells: Cell[];
  total?: number;
  /** 0 to 1 of the highest total. */
  totalBar?: number;
  rejectedBy: string;
}

export interface Matrix {
  columns: Column[];
  rows: Row[];
  /** Rows the search or the limit left out. */
  hidden: number;
}

const order: readonly Point[] = ['PreEnqueue', 'PreFilter', 'Filter', 'PostFilter', 'PreScore', 'Score', 'NormalizeScore', 'Reserve', 'Permit', 'PreBind', 'Bind', 'PostBind'];

export const before = (a: Point, b: Point): boolean => order.indexOf(a) < order.indexOf(b);

const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;
const listed = (names: readonly string[], most = 3): string => (names.length <= most ? names.join(', ') : `${names.slice(0, most).join(', ')} and ${names.length - most} more`);

/** Extension points that something happened at, in order. Never empty. */
export function stopsOf(e: Explanation): Stop[] {
  const reached = new Set<Point>(e.plugins.filter((run) => run.code !== 'Skip').map((run) => run.point));
  if (e.nodes?.some((n) => n.filters?.length)) reached.add('Filter');
  if (e.preemption) reached.add('PostFilter');
  if (e.nodes?.some((n) => n.scores?.length)) {
    reached.add('Score');
    reached.add('NormalizeScore');
  }
  // Where nothing answered: still the two points that all attempts go by.
  if (reached.size === 0) reached.add(e.result === 'Gated' ? 'PreEnqueue' : 'Filter');
  return order.filter((point) => reached.has(point)).map((point) => ({ point, sentence: sentenceAt(e, point) }));
}

/** The stop where an attempt is best looked at first: where it was decided. */
export function decisiveStop(e: Explanation, stops: readonly Stop[]): number {
  const find = (point: Point) => stops.findIndex((s) => s.point === point);
  const wanted = e.result === 'Scheduled' ? ['NormalizeScore', 'Score', 'Filter'] : e.result === 'Gated' ? ['PreEnqueue'] : e.preemption?.chosen ? ['PostFilter'] : ['Filter', 'PreFilter'];
  for (const point of wanted as Point[]) if (find(point) >= 0) return find(point);
  return stops.length - 1;
}

function sentenceAt(e: Explanation, point: Point): string {
  const runs = e.plugins.filter((run) => run.point === point && run.code !== 'Skip');
  const failing = runs.filter((run) => run.code && run.code !== 'Success');
  const said = (run: PluginRun) => `${run.plugin}${run.reasons?.length ? ` (${run.reasons.join('; ')})` : ''}`;
  switch (point) {
    case 'PreEnqueue':
      return failing.length ? `${listed(failing.map(said))} keeps the pod out of the queue.` : 'Nothing keeps the pod out of the queue.';
    case 'PreFilter': {
      if (failing.length) return `${listed(failing.map(said))} ended the attempt before any node was looked at.`;
      const narrowing = runs.filter((run) => run.nodeCount !== undefined || run.nodes);
      return narrowing.length ? `${listed(narrowing.map((run) => run.plugin))} left ${count(Math.min(...narrowing.map((run) => run.nodeCount ?? run.nodes!.length)), 'node')} to look at.` : `${count(runs.length, 'plugin')} read the pod once, so that nodes can be checked fast.`;
    }
    case 'Filter': {
      const rejected = e.groups.filter((group) => group.count > 0);
      const turned = e.nodesEvaluated - e.nodesFeasible;
      const why = rejected.slice(0, 3).map((group) => `${group.count} by ${group.plugin || 'PreFilter'}`);
      const looked = e.nodesEvaluated < e.nodesTotal ? `${e.nodesEvaluated} of ${count(e.nodesTotal, 'node')} looked at` : count(e.nodesTotal, 'node');
      return `${looked}: ${e.nodesFeasible} can take the pod${turned > 0 ? `, ${turned} cannot${why.length ? ` (${why.join(', ')})` : ''}` : ''}.`;
    }
    case 'PostFilter': {
      const { preemption } = e;
      if (!preemption) return 'Nothing could make room.';
      if (!preemption.chosen) return preemption.message || 'Evicting pods would not make room anywhere.';
      const victims = preemption.candidates.find((c) => c.node === preemption.chosen)?.victims.length ?? 0;
      return `Preemption: evicting ${count(victims, 'pod')} makes room on ${preemption.chosen}.`;
    }
    case 'PreScore':
      return `${count(e.nodesFeasible, 'node')} left; ${listed(runs.map((run) => run.plugin))} prepared to compare them.`;
    case 'Score': {
      const scored = new Set([...runs.map((run) => run.plugin), ...(e.nodes ?? []).flatMap((n) => n.scores?.map((s) => s.plugin) ?? [])]).size;
      return `${count(scored, 'plugin')} rated each of ${count(e.nodesFeasible, 'node')}, each in its own unit.`;
    }
    case 'NormalizeScore':
      return choiceSentence(e) || 'Ratings brought to 0–100, multiplied by weight and added up.';
    case 'Permit':
      return failing.length ? `${listed(failing.map(said))} makes the pod wait.` : `${listed(runs.map((run) => run.plugin))} let the pod go ahead.`;
    case 'Reserve':
    case 'PreBind':
      return failing.length ? `${listed(failing.map(said))} failed.` : `${listed(runs.map((run) => run.plugin))} set aside what the pod needs on ${e.node ?? 'the node'}.`;
    default:
      return failing.length ? `${listed(failing.map(said))} failed.` : `The pod was bound to ${e.node ?? 'the node'}.`;
  }
}

/** Why this node of those that fit; '' where none was chosen. */
export function choiceSentence(e: Explanation): string {
  const { choice } = e;
  if (!choice || !e.node) return '';
  switch (choice.rule) {
    case 'OnlyOne':
      return `${e.node} was the only node that fits, so nothing had to be compared.`;
    case 'Nominated':
      return `${e.node} had been nominated: room was made for the pod there.`;
    case 'HighestScore':
      return `${e.node} won with ${choice.score}${choice.runnerUp ? `, ${(choice.score ?? 0) - choice.runnerUp.score} ahead of ${choice.runnerUp.node}` : ''}.`;
    default:
      return `${choice.tiedCount} nodes shared the best score, ${choice.score}; ${e.node} was taken ${choice.rule === 'Random' ? 'by lot' : 'as the first by name'}.`;
  }
}

/** Filter plugins that were asked, then Score plugins, each in the order they ran. */
export function columnsOf(e: Explanation): Column[] {
  const filters = new Map<string, Column>();
  const scores = new Map<string, Column>();
  for (const run of e.plugins) {
    if (run.code === 'Skip') continue;
    if (run.point === 'Filter') filters.set(run.plugin, { plugin: run.plugin, kind: 'filter', rejected: run.rejected, durationMicroseconds: run.durationMicroseconds });
    if (run.point === 'Score') scores.set(run.plugin, { plugin: run.plugin, kind: 'score', weight: run.weight, durationMicroseconds: run.durationMicroseconds });
  }
  for (const node of e.nodes ?? []) {
    for (const f of node.filters ?? []) if (!filters.has(f.plugin)) filters.set(f.plugin, { plugin: f.plugin, kind: 'filter' });
    for (const s of node.scores ?? []) if (!scores.has(s.plugin)) scores.set(s.plugin, { plugin: s.plugin, kind: 'score' });
  }
  return [...filters.values(), ...scores.values()];
}

const scoreReason = (plugin: string, s: { raw: number; normalized: number; weighted: number }): string => `${plugin}: raw ${s.raw}, normalised ${s.normalized}, × ${s.normalized ? Math.round((s.weighted / s.normalized) * 100) / 100 : 1} = ${s.weighted}`;

/** The matrix at a stop. `limit` bounds the rows; the chosen node is always among them. */
export function matrixOf(e: Explanation, at: Point, options: { search?: string; limit?: number } = {}): Matrix {
  const columns = columnsOf(e);
  const words = (options.search ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  const all = e.nodes ?? [];
  const matching = words.length ? all.filter((n) => words.every((w) => n.name.toLowerCase().includes(w) || n.rejectedBy?.toLowerCase().includes(w))) : all;
  const shown = matching.slice(0, options.limit ?? 100);
  const showScores = !before(at, 'Score');
  const normalized = !before(at, 'NormalizeScore');
  const largest = new Map<string, number>();
  for (const node of all) for (const s of node.scores ?? []) largest.set(s.plugin, Math.max(largest.get(s.plugin) ?? 0, normalized ? 100 : s.raw));
  const highest = Math.max(1, ...all.map((n) => n.total ?? 0));
  const tied = new Set(e.choice?.tied ?? []);
  const rows = shown.map((node): Row => ({
    node: node.name,
    feasible: node.feasible,
    chosen: node.chosen === true && !before(at, 'NormalizeScore'),
    tied: normalized && tied.has(node.name) && tied.size > 1,
    cells: columns.map((column) => cellOf(node, column, { at, showScores, normalized, largest: largest.get(column.plugin) ?? 0 })),
    ...(normalized && node.total !== undefined && { total: node.total, totalBar: node.total / highest }),
    rejectedBy: before(at, 'Filter') ? '' : (node.rejectedBy ?? ''),
  }));
  return { columns, rows, hidden: matching.length - shown.length + (e.nodesOmitted ?? 0) };
}

function cellOf(node: NodeExplanation, column: Column, view: { at: Point; showScores: boolean; normalized: boolean; largest: number }): Cell {
  if (column.kind === 'filter') {
    if (before(view.at, 'Filter')) return { state: 'later' };
    const found = node.filters?.find((f) => f.plugin === column.plugin);
    if (found) return { state: 'verdict', code: found.code, reason: `${column.plugin} on ${node.name}: ${found.reasons?.join('; ') || (found.code === 'Success' ? 'fits' : found.code)}` };
    if (!node.evaluated) return { state: 'none', why: 'the search ended before this node' };
    return { state: 'none', why: node.rejectedBy ? `not asked: ${node.rejectedBy} had said no` : 'not asked' };
  }
  if (!view.showScores) return { state: 'later' };
  const found = node.scores?.find((s) => s.plugin === column.plugin);
  if (!found) return { state: 'none', why: node.feasible ? 'not rated' : 'only nodes that fit are rated' };
  const value = view.normalized ? found.weighted : found.raw;
  return { state: 'score', value, bar: view.largest > 0 ? Math.min(1, (view.normalized ? found.normalized : found.raw) / view.largest) : 0, reason: scoreReason(column.plugin, found) };
}
