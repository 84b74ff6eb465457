/** Whole lines, those that one piece completed together. What is left at the end is a line too. Empty lines are dropped. */
export async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<string[]> {
  let rest = '';
  for await (const piece of pieces) {
    const end = piece.lastIndexOf('\n');
    if (end < 0) {
      rest += piece;
      continue;
    }
    const lines = (rest + piece.slice(0, end)).split('\n').filter(Boolean);
    rest = piece.slice(end + 1);
    if (lines.length) yield lines;
  }
  if (rest.trim()) yield [rest];
}
