/**
 * Replays recorded decisions of kube-scheduler v1.36 on the scheduler's own plugins and counts what agrees.
 *
 *   node test/src/golden/scheduler.ts [FOLDER or FILE…] [--filter TEXT] [--diff N] [--json OUT]
 *
 * A record is one scheduling attempt, hint or list of registrations. Exit status 0 only if all agree.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runCase } from '@pilothouse/scheduler-framework/case/run-case';
import type { AttemptRecord, SchedulerCase } from '@pilothouse/scheduler-framework/case/types';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { filter: { type: 'string' }, diff: { type: 'string', default: '5' }, json: { type: 'string' } } });
const wantedDiffs = Number(values.diff);
const roots = positionals.length ? positionals : [join(import.meta.dirname, '../../../../shared/golden/scheduler')];
const files = roots.flatMap((root) => (statSync(root).isDirectory() ? readdirSync(root).filter((f) => f.endsWith('.jsonl')).sort().map((f) => join(root, f)) : [root]));

interface Count {
  records: number;
  passed: number;
}
let shown = 0;
const total: Count = { records: 0, passed: 0 };
const report: Record<string, Count> = {};

/** Records must be the same to the last field. */
function differences(want: AttemptRecord, got: AttemptRecord): string[] {
  const found: string[] = [];
  compare(want, JSON.parse(JSON.stringify(got)), '', found);
  return found;
}

function compare(want: any, got: any, path: string, found: string[]): void {
  if (want === got) return;
  if (want && got && typeof want === 'object' && typeof got === 'object' && Array.isArray(want) === Array.isArray(got)) {
    for (const key of new Set([...Object.keys(want), ...Object.keys(got)])) compare(want[key], got[key], `${path}.${key}`, found);
    return;
  }
  found.push(`${path}: want ${JSON.stringify(want)}, got ${JSON.stringify(got)}`);
}

function judge(name: string, count: Count, found: string[]): void {
  count.records++;
  if (!found.length) {
    count.passed++;
    return;
  }
  if (shown++ < wantedDiffs) console.log(`✗ ${name}\n    ${found.slice(0, 6).join('\n    ')}${found.length > 6 ? `\n    … ${found.length - 6} more` : ''}`);
}

for (const file of files) {
  const count: Count = { records: 0, passed: 0 };
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (!line.trim()) continue;
    const source: SchedulerCase = JSON.parse(line);
    if (values.filter && !source.name.includes(values.filter)) continue;
    try {
      const result = runCase(source);
      if (source.profiles && Object.keys(source.profiles).length) {
        const found: string[] = [];
        compare(source.profiles, result.profiles, 'profiles', found);
        judge(`${source.name} profiles`, count, found);
      }
      (source.expect ?? []).forEach((want, i) => {
        const got = result.attempts[i];
        judge(`${source.name} ${want.pod}`, count, got ? differences(want, got) : ['no such attempt']);
      });
      (source.hints ?? []).forEach((want, i) => {
        const found: string[] = [];
        compare(want.expect, result.hints[i].expect, 'hint', found);
        judge(`${source.name} ${want.pod} ${want.resource}/${want.action}`, count, found);
      });
      if (source.registered) {
        const found: string[] = [];
        compare(source.registered, result.registered, 'registered', found);
        judge(`${source.name} registered`, count, found);
      }
    } catch (error) {
      judge(source.name, count, [error instanceof Error ? (error.stack ?? error.message) : String(error)]);
    }
  }
  if (!count.records) continue;
  report[file] = count;
  total.records += count.records;
  total.passed += count.passed;
  console.log(`${count.passed === count.records ? '✓' : '✗'} ${file.split('/').at(-1)}: ${count.passed}/${count.records}`);
}
console.log(`scheduler decisions ${total.passed}/${total.records}`);
if (values.json) writeFileSync(values.json, JSON.stringify({ total, files: report }, null, 2));
process.exitCode = total.passed === total.records ? 0 : 1;
