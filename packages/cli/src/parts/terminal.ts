import { writeYaml } from '@pilothouse/apimachinery';
import { UserError } from '@pilothouse/base';
import type { TerminalOptions } from '@pilothouse/scheduler-lab';

/** What standard output can show; 80 columns where it does not say. */
export function terminalOptions(): TerminalOptions {
  const { stdout, env } = process;
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  return { columns: Math.max(40, stdout.isTTY ? stdout.columns || 80 : 80), color: stdout.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb', unicode: /utf-?8/i.test(locale) };
}

/** Prints in the form asked for by `-o`. @throws UserError for another than json and yaml */
export function print(output: string | undefined, value: object, text: () => string): void {
  if (output === undefined || output === '') process.stdout.write(text());
  else if (output === 'json') process.stdout.write(`${JSON.stringify(value, null, 4)}\n`);
  else if (output === 'yaml') process.stdout.write(writeYaml(value));
  else throw new UserError(`-o ${output}: needed: json or yaml`);
}
