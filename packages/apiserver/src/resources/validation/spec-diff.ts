import { goJson } from '@pilothouse/apimachinery';

/**
 * A unified diff of two values as indented JSON, three lines of context: what a refused change shows. Lines are matched
 * as Python's difflib does, whose Go port upstream uses: the longest common run first, then what is left and right of it.
 * @see https://docs.python.org/3/library/difflib.html#difflib.SequenceMatcher
 */
export function unifiedDiff(a: unknown, b: unknown): string {
  const left = goJson(a, 1).split('\n');
  const right = goJson(b, 1).split('\n');
  return hunksOf(editsOf(left, right)).map((hunk) => showHunk(hunk, left, right)).join('');
}

/** A run of lines of both texts, from (inclusive) to (exclusive); `same` where the lines are equal. */
interface Edit {
  same: boolean;
  fromA: number;
  toA: number;
  fromB: number;
  toB: number;
}

const context = 3;
/** In texts of this many lines, those that make up more than one in a hundred are no anchors. */
const longText = 200;

function editsOf(a: readonly string[], b: readonly string[]): Edit[] {
  const edits: Edit[] = [];
  let atA = 0;
  let atB = 0;
  const blocks = matchingBlocks(a, b);
  for (const { fromA, fromB, size } of [...blocks, { fromA: a.length, fromB: b.length, size: 0 }]) {
    if (atA < fromA || atB < fromB) edits.push({ same: false, fromA: atA, toA: fromA, fromB: atB, toB: fromB });
    atA = fromA + size;
    atB = fromB + size;
    if (size) edits.push({ same: true, fromA, toA: atA, fromB, toB: atB });
  }
  return edits;
}

interface Block {
  fromA: number;
  fromB: number;
  size: number;
}

/** Equal runs in both texts' order; runs that touch are one. */
function matchingBlocks(a: readonly string[], b: readonly string[]): Block[] {
  const places = new Map<string, number[]>();
  b.forEach((line, i) => places.set(line, [...(places.get(line) ?? []), i]));
  if (b.length >= longText) for (const [line, found] of places) if (found.length > Math.floor(b.length / 100) + 1) places.delete(line);

  const found: Block[] = [];
  const search = (fromA: number, toA: number, fromB: number, toB: number): void => {
    const block = longestMatch(a, b, places, { fromA, toA, fromB, toB });
    if (!block.size) return;
    search(fromA, block.fromA, fromB, block.fromB);
    found.push(block);
    search(block.fromA + block.size, toA, block.fromB + block.size, toB);
  };
  search(0, a.length, 0, b.length);

  const joined: Block[] = [];
  for (const block of found) {
    const last = joined.at(-1);
    if (last && last.fromA + last.size === block.fromA && last.fromB + last.size === block.fromB) last.size += block.size;
    else joined.push({ ...block });
  }
  return joined;
}

/** The longest common run inside the window, the earliest in `a` (then in `b`) of several; lines that are no anchors lengthen it. */
function longestMatch(a: readonly string[], b: readonly string[], places: ReadonlyMap<string, readonly number[]>, window: Omit<Edit, 'same'>): Block {
  const best: Block = { fromA: window.fromA, fromB: window.fromB, size: 0 };
  let lengths = new Map<number, number>();
  for (let i = window.fromA; i < window.toA; i++) {
    const next = new Map<number, number>();
    for (const j of places.get(a[i]) ?? []) {
      if (j < window.fromB) continue;
      if (j >= window.toB) break;
      const size = (lengths.get(j - 1) ?? 0) + 1;
      next.set(j, size);
      if (size > best.size) Object.assign(best, { fromA: i - size + 1, fromB: j - size + 1, size });
    }
    lengths = next;
  }
  while (best.fromA > window.fromA && best.fromB > window.fromB && a[best.fromA - 1] === b[best.fromB - 1]) {
    best.fromA--;
    best.fromB--;
    best.size++;
  }
  while (best.fromA + best.size < window.toA && best.fromB + best.size < window.toB && a[best.fromA + best.size] === b[best.fromB + best.size]) best.size++;
  return best;
}

/** Changes with their context; equal runs longer than two contexts part the hunks. */
function hunksOf(edits: readonly Edit[]): Edit[][] {
  const hunks: Edit[][] = [];
  let hunk: Edit[] = [];
  edits.forEach((edit, i) => {
    if (!edit.same) return void hunk.push(edit);
    const size = edit.toA - edit.fromA;
    const last = i === edits.length - 1;
    const tail = { ...edit, toA: Math.min(edit.toA, edit.fromA + context), toB: Math.min(edit.toB, edit.fromB + context) };
    const head = { ...edit, fromA: Math.max(edit.fromA, edit.toA - context), fromB: Math.max(edit.fromB, edit.toB - context) };
    if (i === 0) hunk = last ? [] : [head];
    else if (last) hunk.push(tail);
    else if (size > 2 * context) {
      hunks.push([...hunk, tail]);
      hunk = [head];
    } else hunk.push(edit);
  });
  return hunk.length ? [...hunks, hunk] : hunks;
}

function showHunk(hunk: readonly Edit[], a: readonly string[], b: readonly string[]): string {
  const first = hunk[0];
  const last = hunk[hunk.length - 1];
  const lines = hunk.flatMap((edit) =>
    edit.same ? a.slice(edit.fromA, edit.toA).map((line) => ` ${line}`) : [...a.slice(edit.fromA, edit.toA).map((line) => `-${line}`), ...b.slice(edit.fromB, edit.toB).map((line) => `+${line}`)],
  );
  return `@@ -${range(first.fromA, last.toA)} +${range(first.fromB, last.toB)} @@\n${lines.map((line) => `${line}\n`).join('')}`;
}

/** Counted from 1; the length is left out where it is 1; an empty range stands after the line before it. */
function range(from: number, to: number): string {
  if (to - from === 1) return `${from + 1}`;
  return `${to === from ? from : from + 1},${to - from}`;
}
