/** Text for a terminal: widths, wrapping, colours only where they can be seen. */

export interface TerminalOptions {
  /** Columns there are. */
  readonly columns: number;
  readonly color: boolean;
  /** Whether letters beyond ASCII can be shown. */
  readonly unicode: boolean;
}

const codes = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;
export type Style = keyof typeof codes;

export const styled = (text: string, style: Style, { color }: TerminalOptions): string => (color && text ? `\u001b[${codes[style]}m${text}\u001b[0m` : text);

/** Lines of at most `width` columns, broken at spaces; what has no space to break at stays whole. `indent` stands before all lines but the first. */
export function wrap(text: string, width: number, indent = ''): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const room = width - (lines.length ? indent.length : 0);
    if (line && line.length + 1 + word.length > room) {
      lines.push(lines.length ? indent + line : line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  lines.push(lines.length ? indent + line : line);
  return lines;
}

/** Cut to a width, with a mark where something is missing. */
export const cut = (text: string, width: number, { unicode }: TerminalOptions): string => (text.length <= width ? text : unicode ? `${text.slice(0, width - 1)}…` : `${text.slice(0, width - 2)}..`);

/**
 * Column heads that are too long for their columns, one below the other, each with a line down to its column:
 *
 *     NodeName
 *     | TaintToleration
 */
export function staircase(heads: readonly string[], at: (column: number) => number, start: string, { unicode, columns }: TerminalOptions): string[] {
  const bar = unicode ? '│' : '|';
  return heads.map((head, row) => {
    let line = row === 0 ? start : '';
    for (let column = 0; column < row; column++) line = line.padEnd(at(column)) + bar;
    return (line.padEnd(at(row)) + head).slice(0, columns);
  });
}
