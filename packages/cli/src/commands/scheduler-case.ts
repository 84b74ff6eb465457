import { readFileSync } from 'node:fs';
import { messageOf, UserError } from '@pilothouse/base';
import { CaseError, parseCase } from '@pilothouse/scheduler-framework/case/parse-case';
import { runCase } from '@pilothouse/scheduler-framework/case/run-case';
import type { SchedulerCase } from '@pilothouse/scheduler-framework/case/types';

/** What was decided, under the names the case itself uses. */
function decided(source: SchedulerCase): object {
  const { attempts, hints, registered, profiles } = runCase(source);
  const { name } = source;
  if (source.mode === 'hints') return { name, profiles, hints, ...(source.registered && { registered }) };
  return { name, profiles, expect: attempts };
}

function readCases(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new UserError(`cannot read ${file}: ${messageOf(error)}`);
  }
}

/** `pilothouse scheduler-case FILE.jsonl`: exit status 1 where some line could not be run. @throws UserError for a file that cannot be read */
export function schedulerCase(file: string): void {
  readCases(file).split('\n').forEach((line, i) => {
    if (!line.trim()) return;
    let name: string | undefined;
    try {
      const source = parseCase(line);
      name = source.name;
      process.stdout.write(`${JSON.stringify(decided(source))}\n`);
    } catch (error) {
      const message = error instanceof CaseError ? error.message : `cannot be run: ${messageOf(error)}`;
      console.error(`pilothouse: ${file}:${i + 1}: ${name ? `case ${name} ` : ''}${message}`);
      process.stdout.write(`${JSON.stringify({ ...(name && { name }), line: i + 1, error: message })}\n`);
      process.exitCode = 1;
    }
  });
}
