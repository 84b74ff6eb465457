/** Regular expressions in time linear in the text: a cached DFA for yes or no, Pike's machine for where. */
import { type Assertion, isWord, type Node, parseRegexp, type Test } from './parse.ts';

type Instruction =
  | { op: 'point'; point: number }
  | { op: 'class'; test: Test }
  | { op: 'assert'; assertion: Assertion }
  | { op: 'jump'; to: number }
  /** The first way is preferred. */
  | { op: 'split'; first: number; second: number }
  | { op: 'match' };

function compile(root: Node): Instruction[] {
  const program: Instruction[] = [];
  const emit = (node: Node): void => {
    switch (node.kind) {
      case 'empty':
        return;
      case 'point':
        program.push({ op: 'point', point: node.point });
        return;
      case 'class':
        program.push({ op: 'class', test: node.test });
        return;
      case 'assert':
        program.push({ op: 'assert', assertion: node.assertion });
        return;
      case 'group':
        return void emit(node.node);
      case 'sequence':
        return void node.nodes.forEach(emit);
      case 'choice':
        return void choose(node.nodes);
      default:
        return void repeat(node);
    }
  };
  const split = (greedy: boolean): ((skip: number) => void) => {
    const at = program.length;
    program.push({ op: 'split', first: at + 1, second: at + 1 });
    return (skip) => {
      program[at] = greedy ? { op: 'split', first: at + 1, second: skip } : { op: 'split', first: skip, second: at + 1 };
    };
  };
  const choose = ([first, ...rest]: Node[]): void => {
    if (!rest.length) return void emit(first);
    const other = split(true);
    emit(first);
    const at = program.length;
    program.push({ op: 'jump', to: 0 });
    other(program.length);
    choose(rest);
    program[at] = { op: 'jump', to: program.length };
  };
  const repeat = ({ node, min, max, greedy }: Node & { kind: 'repeat' }): void => {
    for (let i = 0; i < min; i++) emit(node);
    if (max < 0) {
      const at = program.length;
      const skip = split(greedy);
      emit(node);
      program.push({ op: 'jump', to: at });
      skip(program.length);
      return;
    }
    const skips = Array.from({ length: max - min }, () => {
      const skip = split(greedy);
      emit(node);
      return skip;
    });
    for (const skip of skips) skip(program.length);
  };
  emit(root);
  program.push({ op: 'match' });
  return program;
}

/** Kinds of neighbours, as assertions see them. */
const edge = 0;
const newline = 1;
const word = 2;
const other = 3;
const kindOf = (point: number): number => (point < 0 ? edge : point === 10 ? newline : isWord(point) ? word : other);

function holds(assertion: Assertion, before: number, after: number): boolean {
  switch (assertion) {
    case 'textStart':
      return before === edge;
    case 'textEnd':
      return after === edge;
    case 'lineStart':
      return before === edge || before === newline;
    case 'lineEnd':
      return after === edge || after === newline;
    default:
      return ((before === word) !== (after === word)) === (assertion === 'word');
  }
}

const maxStates = 2000;

interface DfaState {
  /** Instructions to go on from, in no order. */
  readonly at: readonly number[];
  readonly before: number;
  readonly next: Map<number, DfaState | true>;
}

/** A compiled pattern; it keeps what it learns about texts. */
export class Regexp {
  readonly #program: Instruction[];
  #states = new Map<string, DfaState>();

  /** @throws RegexpError */
  constructor(pattern: string) {
    this.#program = compile(parseRegexp(pattern));
  }

  /** Whether the pattern matches anywhere. */
  test(text: string): boolean {
    let state = this.#state([0], edge);
    for (let i = 0; i < text.length; ) {
      const point = text.codePointAt(i)!;
      i += point > 0xffff ? 2 : 1;
      const next = state.next.get(point) ?? this.#advance(state, point);
      if (next === true) return true;
      state = next;
    }
    return (state.next.get(-1) ?? this.#advance(state, -1)) === true;
  }

  #state(at: readonly number[], before: number): DfaState {
    const key = `${before}:${at.join()}`;
    let state = this.#states.get(key);
    if (!state) {
      if (this.#states.size >= maxStates) this.#states = new Map();
      this.#states.set(key, (state = { at, before, next: new Map() }));
    }
    return state;
  }

  #advance(state: DfaState, point: number): DfaState | true {
    const after = kindOf(point);
    const reached = new Set<number>();
    let matched = false;
    for (const start of [...state.at, 0]) this.#follow(start, state.before, after, reached, (instruction) => (matched ||= instruction.op === 'match'));
    const next = matched || (point >= 0 ? this.#state(this.#step(reached, point), after) : this.#state([], edge));
    if (state.next.size < 4096) state.next.set(point, next);
    return next;
  }

  #step(reached: Set<number>, point: number): number[] {
    const at: number[] = [];
    for (const pc of reached) {
      const instruction = this.#program[pc];
      if (instruction.op === 'point' ? instruction.point === point : instruction.op === 'class' && instruction.test(point)) at.push(pc + 1);
    }
    return at.sort((a, b) => a - b);
  }

  /** Goes through what consumes nothing, in order of preference. */
  #follow(start: number, before: number, after: number, reached: Set<number>, visit: (instruction: Instruction, pc: number) => void): void {
    const stack = [start];
    while (stack.length) {
      const pc = stack.pop()!;
      if (reached.has(pc)) continue;
      reached.add(pc);
      const instruction = this.#program[pc];
      if (instruction.op === 'jump') stack.push(instruction.to);
      else if (instruction.op === 'split') stack.push(instruction.second, instruction.first);
      else if (instruction.op === 'assert') {
        if (holds(instruction.assertion, before, after)) stack.push(pc + 1);
      } else visit(instruction, pc);
    }
  }

  /** The leftmost match from an offset on, as Perl would choose it. */
  find(text: string, from = 0): { start: number; end: number } | undefined {
    let threads: { pc: number; start: number }[] = [];
    let found: { start: number; end: number } | undefined;
    let before = from > 0 ? kindOf(text.codePointAt(from - (/[\udc00-\udfff]/.test(text[from - 1]) ? 2 : 1))!) : edge;
    for (let i = from; ; ) {
      const point = i < text.length ? text.codePointAt(i)! : -1;
      const after = kindOf(point);
      const next: { pc: number; start: number }[] = [];
      const reached = new Set<number>();
      const queue = found ? threads : [...threads, { pc: 0, start: i }];
      let cut = false;
      for (const { pc, start } of queue) {
        if (cut) break;
        this.#follow(pc, before, after, reached, (instruction, at) => {
          if (cut) return;
          if (instruction.op === 'match') {
            found = { start, end: i };
            // What is less preferred does not matter any more.
            cut = true;
          } else if (point >= 0 && (instruction.op === 'point' ? instruction.point === point : instruction.op === 'class' && instruction.test(point))) next.push({ pc: at + 1, start });
        });
      }
      threads = next;
      if (point < 0 || (found && !threads.length)) return found;
      before = after;
      i += point > 0xffff ? 2 : 1;
    }
  }

  /** Matches one after another, at most `limit` (all where negative). */
  findAll(text: string, limit = -1): string[] {
    const matches: string[] = [];
    let lastEnd = -1;
    for (let at = 0; at <= text.length && (limit < 0 || matches.length < limit); ) {
      const match = this.find(text, at);
      if (!match) break;
      const { start, end } = match;
      if (end > start || start !== lastEnd) matches.push(text.slice(start, end));
      lastEnd = end;
      at = end > start ? end : end + ((text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1);
    }
    return matches;
  }
}

const cacheSize = 256;
let cache = new Map<string, Regexp>();

/** Compiled once while it stays in use. @throws RegexpError */
export function regexp(pattern: string): Regexp {
  let known = cache.get(pattern);
  if (!known) {
    if (cache.size >= cacheSize) cache = new Map();
    cache.set(pattern, (known = new Regexp(pattern)));
  }
  return known;
}
