/** A unified diff of two values as indented JSON, three lines of context: what a refused change shows. */
export function unifiedDiff(a: unknown, b: unknown): string {
  const left = lines(a);
  const right = lines(b);
  const edits = editScript(left, right);
  const context = 3;
  let out = '';
  let i = 0;
  while (i < edits.length) {
    if (edits[i].kind === ' ') {
      i++;
      continue;
    }
    const start = Math.max(0, i - context);
    let end = i;
    for (let quiet = 0; end < edits.length && quiet <= 2 * context; end++) quiet = edits[end].kind === ' ' ? quiet + 1 : 0;
    while (end > i && edits[end - 1].kind === ' ') end--;
    const stop = Math.min(edits.length, end + context);
    const hunk = edits.slice(start, stop);
    const oldCount = hunk.filter((e) => e.kind !== '+').length;
    const newCount = hunk.filter((e) => e.kind !== '-').length;
    out += `@@ -${hunk[0].oldLine},${oldCount} +${hunk[0].newLine},${newCount} @@\n${hunk.map((e) => `${e.kind}${e.text}\n`).join('')}`;
    i = stop;
  }
  return out;
}

interface Edit {
  kind: ' ' | '-' | '+';
  text: string;
  oldLine: number;
  newLine: number;
}

const lines = (value: unknown): string[] => JSON.stringify(value ?? null, null, 1).split('\n');

/** Longest common subsequence; specs are a few hundred lines at most. */
function editScript(a: readonly string[], b: readonly string[]): Edit[] {
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) lengths[i * width + j] = a[i] === b[j] ? lengths[(i + 1) * width + j + 1] + 1 : Math.max(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
  const edits: Edit[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const at = { oldLine: i + 1, newLine: j + 1 };
    if (i < a.length && j < b.length && a[i] === b[j]) {
      edits.push({ kind: ' ', text: a[i], ...at });
      i++;
      j++;
    } else if (i < a.length && (j >= b.length || lengths[(i + 1) * width + j] >= lengths[i * width + j + 1])) edits.push({ kind: '-', text: a[i++], ...at });
    else edits.push({ kind: '+', text: b[j++], ...at });
  }
  return edits;
}
