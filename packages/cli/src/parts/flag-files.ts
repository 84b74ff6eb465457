import { readFileSync } from 'node:fs';
import { messageOf, UserError } from '@pilothouse/base';

/** The text of a file that a flag names; undefined where the flag is absent. @throws UserError naming flag and file */
export function readFlagFile(flag: string, file: string): string;
export function readFlagFile(flag: string, file: string | undefined): string | undefined;
export function readFlagFile(flag: string, file: string | undefined): string | undefined {
  if (!file) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`--${flag}: cannot read ${file}: ${messageOf(error)}`);
  }
}
