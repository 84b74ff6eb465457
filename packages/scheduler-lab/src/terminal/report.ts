/** What `kubectl why` and `kubectl whatif` print. */
import type { Explanation, Preemption, SchedulingTrace, Suggestion } from '../api/types.ts';
import { filterMatrix, scoreMatrix } from './matrix.ts';
import { cut, styled, type TerminalOptions, wrap } from './text.ts';

export interface Report {
  readonly explanation: Explanation;
  readonly suggestions?: readonly Suggestion[];
  /** How many changes were tried in vain or not. */
  readonly changesTried?: number;
  /** The last attempt, where the explanation is of a review made now. */
  readonly last?: SchedulingTrace;
  /** A word about where the explanation comes from. */
  readonly note?: string;
}

export function report({ explanation: e, suggestions, changesTried, last, note }: Report, terminal: TerminalOptions): string {
  const lines: string[] = wrap(e.summary, terminal.columns).map((line) => styled(line, e.result === 'Scheduled' ? 'green' : 'yellow', terminal));
  if (note) lines.push(...wrap(note, terminal.columns));
  if (last) lines.push(...lastAttempt(last, terminal));
  const section = (title: string, body: readonly string[]) => {
    if (body.length) lines.push('', styled(title, 'bold', terminal), ...body);
  };
  const filters = filterMatrix(e, terminal);
  const rejects = (e.nodes ?? []).some((n) => n.filters?.some((f) => f.code !== 'Success'));
  if (e.result !== 'Scheduled' || rejects) section('Filters', filters);
  section('Scores', scoreMatrix(e, terminal));
  const refused = e.plugins.filter((p) => p.point === 'PreFilter' && p.code && p.code !== 'Success' && p.code !== 'Skip');
  section('Before any node', refused.flatMap((p) => wrap(`${p.plugin}: ${(p.reasons ?? []).join(', ')}`, terminal.columns, '  ')));
  if (e.preemption) section('Preemption', preemption(e.preemption, terminal));
  if (suggestions) section(suggestions.length ? 'Single changes that would place it' : `No single change would place it (${changesTried ?? 0} were tried)`, suggestions.length ? suggestions.flatMap((s, i) => describe(s, i + 1, terminal)) : ['']);
  return `${lines.join('\n').trimEnd()}\n`;
}

function lastAttempt({ attempt, startTime, explanation, moves }: SchedulingTrace, { columns }: TerminalOptions): string[] {
  if (attempt === 0) return [];
  const lines = wrap(`Last tried at ${startTime.slice(11, 19)} UTC, attempt ${attempt}: ${explanation.message ?? explanation.result}`, columns, '  ');
  const move = moves.at(-1);
  if (move && move.to !== 'InFlight') lines.push(...wrap(`In the queue: ${move.to} since ${move.time.slice(11, 19)} UTC, by ${move.event}${move.object ? ` of ${move.object.name}` : ''}.`, columns, '  '));
  return lines;
}

function preemption(p: Preemption, terminal: TerminalOptions): string[] {
  const lines: string[] = [];
  for (const c of p.candidates.slice(0, 8)) {
    const victims = c.victims.map((v) => `${v.namespace}/${v.name} (priority ${v.priority})`).join(', ');
    const why = c.node === p.chosen ? `chosen${p.decidedBy ? ` by ${p.decidedBy}` : ''}` : c.lostBy ? `lost by ${c.lostBy}` : '';
    lines.push(...wrap(`${c.node}: evict ${victims}${why ? `; ${why}` : ''}`, terminal.columns, '  '));
  }
  for (const g of p.rejected) lines.push(cut(`${g.count} node${g.count === 1 ? '' : 's'}: ${g.reasons.join(', ')}`, terminal.columns, terminal));
  return lines;
}

function describe(s: Suggestion, number: number, { columns }: TerminalOptions): string[] {
  const lines = wrap(`${number}. ${s.change}${s.node ? ` (it would go to ${s.node})` : ''}`, columns, '   ');
  if (s.command && s.command.length <= columns - 5) lines.push(`     ${s.command}`);
  return lines;
}
