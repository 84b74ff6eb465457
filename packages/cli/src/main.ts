/** The program `pilothouse`: every daemon as a subcommand. */
import { allowNestingFor } from '@pilothouse/apimachinery';
import { UserError } from '@pilothouse/base';
import { StoreUnavailable } from '@pilothouse/storage/contract';
import { CommanderError } from 'commander';
import { buildProgram } from './program.ts';
import { limitYoungGeneration } from './young-generation.ts';

limitYoungGeneration();
const stack = /--stack[-_]size=(\d+)/.exec(process.execArgv.join(' '));
if (stack) allowNestingFor(Number(stack[1]));

try {
  await buildProgram().parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) process.exit(error.exitCode);
  // What the user can mend is one sentence; anything else is our fault and shows where.
  console.error(error instanceof UserError || error instanceof StoreUnavailable ? `pilothouse: ${error.message}` : error);
  process.exit(1);
}
