/** Expressions as text: positions, and errors as upstream prints them. */

/** One finding, at an offset in UTF-16 units; -1 where it has no place. */
export interface Issue {
  offset: number;
  message: string;
}

const maxSnippet = 16384;

/** Line (from 1) and column (code points, from 0). */
export function locate(source: string, offset: number): { line: number; column: number } {
  if (offset < 0) return { line: -1, column: -1 };
  const before = source.slice(0, offset);
  const start = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: [...before.slice(start)].length };
}

/** Every finding with its line and a mark under its column, in the order of the text. */
export function formatIssues(source: string, issues: readonly Issue[]): string {
  const lines = source.split('\n');
  return issues
    .map((issue) => ({ ...locate(source, issue.offset), message: issue.message }))
    .sort((a, b) => a.line - b.line || a.column - b.column)
    .map(({ line, column, message }) => {
      const head = `ERROR: <input>:${line}:${column + 1}: ${message}`;
      const text = lines[line - 1]?.replaceAll('\t', ' ');
      if (text === undefined || text.length > maxSnippet) return head;
      const characters = [...text];
      const wide = (character: string | undefined) => character !== undefined && character.codePointAt(0)! > 127;
      const mark = characters.slice(0, Math.max(column, 0)).map((character) => (wide(character) ? '\uff0e' : '.')).join('');
      return `${head}\n | ${text}\n | ${mark}${wide(characters[column]) ? '\uff3e' : '^'}`;
    })
    .join('\n');
}
