/** Columns behind which go-yaml breaks a text at the next blank. */
const width = 80;
const indentStep = 2;
const blockScalar = /(?:^|[:-] )[|>][-+0-9]*$/;

/**
 * Breaks the long texts of a written document as go-yaml does: at the first single blank behind column 80, the rest two
 * columns further in than what the text belongs to. Literal blocks stay as they are.
 */
export function foldLines(text: string): string {
  let insideOf = -1;
  return text
    .split('\n')
    .map((line) => {
      const indent = line.length - line.trimStart().length;
      if (insideOf >= 0 && (line.trim() === '' || indent > insideOf)) return line;
      const prefix = /^ *(?:- )*/.exec(line)![0].length;
      insideOf = blockScalar.test(line) ? indent : -1;
      return line.length > width && insideOf < 0 ? foldLine(line, prefix) : line;
    })
    .join('\n');
}

/** `from`: where key or item begin, behind the dashes. */
function foldLine(line: string, from: number): string {
  const key = /^(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s'"[{][^:]*(?::[^\s:][^:]*)*): /.exec(line.slice(from))?.[0].length ?? 0;
  const start = from + key;
  const parent = key ? from : Math.max(from - 2, 0);
  const quote = /['"]/.test(line[start]) ? line[start] : '';
  const first = start + quote.length;
  const last = line.length - quote.length - 1;
  let out = line.slice(0, first);
  let column = first;
  for (let i = first; i < line.length; i++) {
    const single = line[i] === ' ' && line[i - 1] !== ' ' && i > first && i < last;
    if (single && column > width && (quote === '"' || line[i + 1] !== ' ')) {
      out += `\n${' '.repeat(parent + indentStep)}`;
      column = parent + indentStep;
      if (line[i + 1] === ' ') {
        out += '\\';
        column++;
      }
      continue;
    }
    out += line[i];
    column++;
  }
  return out;
}
