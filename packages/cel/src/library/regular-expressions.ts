/** `matches`, `find`, `findAll`. */
import { declare, type Library, member } from '../check/declarations.ts';
import { CelError } from '../eval/errors.ts';
import type { Value } from '../eval/values.ts';
import { type Regexp, regexp } from '../regexp/regexp.ts';
import { RegexpError } from '../regexp/parse.ts';
import { intType, listOf, stringType } from '../types.ts';

function compiled(pattern: string, lead = ''): Regexp {
  try {
    return regexp(pattern);
  } catch (error) {
    if (error instanceof RegexpError) throw new CelError(lead + error.message);
    throw error;
  }
}

export const matchesPattern = (text: string, pattern: string): boolean => compiled(pattern).test(text);
const illegal = 'Illegal regex: ';
const findAll = (text: string, pattern: string, limit: Value = -1): Value => compiled(pattern, illegal).findAll(text, Number(limit));

export const regexLibrary: Library = {
  functions: [
    declare(
      'find',
      member('string_find_string', [stringType, stringType], stringType, (text: string, pattern: string) => {
        const match = compiled(pattern, illegal).find(text);
        return match ? text.slice(match.start, match.end) : '';
      }),
    ),
    declare('findAll', member('string_find_all_string', [stringType, stringType], listOf(stringType), findAll), member('string_find_all_string_int', [stringType, stringType, intType], listOf(stringType), findAll)),
  ],
};
