/** Nodes × plugins as a table in a terminal. */
import type { Explanation, NodeExplanation } from '../api/types.ts';
import { cut, staircase, styled, type TerminalOptions } from './text.ts';

/** More nodes than this are shown by groups. */
const mostRows = 12;
const widestName = 24;

type Cell = 'pass' | 'reject' | 'none';

interface Row {
  readonly name: string;
  readonly cells: readonly Cell[];
  readonly note: string;
}

const marks = (unicode: boolean): Record<Cell, string> => (unicode ? { pass: '✓', reject: '✗', none: '·' } : { pass: '+', reject: 'x', none: '.' });

/** What the filters said; empty where none was asked. */
export function filterMatrix(e: Explanation, terminal: TerminalOptions): string[] {
  const nodes = e.nodes ?? [];
  const plugins = pluginsOf(e, nodes);
  if (!plugins.length || !nodes.length) return [];
  const rows = nodes.length > mostRows ? grouped(nodes, plugins, terminal) : nodes.map((n) => rowOf(n, plugins));
  const nameWidth = Math.min(widestName, Math.max(4, ...rows.map((r) => r.name.length)));
  const at = (column: number) => nameWidth + 2 + column * 2;
  const mark = marks(terminal.unicode);
  const lines = staircase(plugins, at, 'NODE', terminal);
  for (const { name, cells, note } of rows) {
    const shown = cells.map((c) => styled(mark[c], c === 'pass' ? 'green' : c === 'reject' ? 'red' : 'dim', terminal)).join(' ');
    const room = terminal.columns - at(plugins.length) - 1;
    lines.push(`${cut(name, nameWidth, terminal).padEnd(nameWidth)}  ${shown}${note && room > 8 ? `  ${cut(note, room - 1, terminal)}` : ''}`);
  }
  if (e.nodesOmitted) lines.push(styled(`${e.nodesOmitted} more nodes are not shown`, 'dim', terminal));
  return lines;
}

/** Filters that were asked, in order; those that all nodes pass are left out where there are many. */
function pluginsOf(e: Explanation, nodes: readonly NodeExplanation[]): string[] {
  const asked = new Set(nodes.flatMap((n) => (n.filters ?? []).map((f) => f.plugin)));
  const rejecting = new Set(nodes.flatMap((n) => (n.filters ?? []).filter((f) => f.code !== 'Success').map((f) => f.plugin)));
  const ordered = [...e.plugins.filter((p) => p.point === 'Filter').map((p) => p.plugin), ...asked].filter((p, i, all) => asked.has(p) && all.indexOf(p) === i);
  return ordered.length > 8 && rejecting.size ? ordered.filter((p) => rejecting.has(p)) : ordered;
}

function rowOf(n: NodeExplanation, plugins: readonly string[]): Row {
  const said = new Map((n.filters ?? []).map((f) => [f.plugin, f]));
  const cells = plugins.map((p): Cell => (!said.has(p) ? 'none' : said.get(p)!.code === 'Success' ? 'pass' : 'reject'));
  const reasons = (n.filters ?? []).filter((f) => f.code !== 'Success').flatMap((f) => f.reasons ?? []);
  return { name: n.name, cells, note: n.chosen ? 'chosen' : !n.evaluated && !said.size ? 'not looked at' : [...new Set(reasons)].join(', ') };
}

function grouped(nodes: readonly NodeExplanation[], plugins: readonly string[], { unicode }: TerminalOptions): Row[] {
  const groups = new Map<string, { row: Row; names: string[] }>();
  for (const node of nodes) {
    const row = rowOf(node, plugins);
    const key = JSON.stringify([row.cells, row.note]);
    const known = groups.get(key);
    if (known) known.names.push(node.name);
    else groups.set(key, { row, names: [node.name] });
  }
  const list = [...groups.values()].sort((a, b) => b.names.length - a.names.length);
  return list.map(({ row, names }) => ({ ...row, name: names.length === 1 ? names[0] : `${names.length} nodes: ${names[0]}${unicode ? '…' : '..'}` }));
}

/** Weighted scores of the best nodes; empty where nothing was scored. */
export function scoreMatrix(e: Explanation, terminal: TerminalOptions): string[] {
  const scored = (e.nodes ?? []).filter((n) => n.scores);
  if (!scored.length) return [];
  const columns = scored[0].scores!.map((s, i) => ({ name: s.plugin, at: i })).filter(({ at }) => scored.some((n) => n.scores![at].weighted !== 0));
  const width = 6;
  const nameWidth = Math.min(widestName, Math.max(4, ...scored.map((n) => n.name.length)));
  const room = Math.max(1, Math.floor((terminal.columns - nameWidth - 2 - 2 * width) / width));
  const shown = columns.slice(0, room);
  const weight = (name: string) => e.plugins.find((p) => p.point === 'Score' && p.plugin === name)?.weight;
  const heads = [...shown.map(({ name }) => `${name}${weight(name) ? ` (weight ${weight(name)})` : ''}`), 'total'];
  const lines = staircase(heads, (column) => nameWidth + 2 + column * width + width - 2, 'NODE', terminal);
  for (const node of scored.slice(0, mostRows)) {
    const cells = [...shown.map(({ at }) => node.scores![at].weighted), node.total ?? 0].map((value) => String(Math.round(value * 10) / 10).padStart(width - 1)).join(' ');
    const line = `${cut(node.name, nameWidth, terminal).padEnd(nameWidth)}  ${cells}${node.chosen ? ' *' : ''}`;
    lines.push(node.chosen ? styled(line, 'bold', terminal) : line);
  }
  if (scored.length > mostRows) lines.push(styled(`${scored.length - mostRows} more nodes were scored`, 'dim', terminal));
  return lines;
}
