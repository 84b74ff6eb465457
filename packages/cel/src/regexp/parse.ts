/** RE2 syntax as Go's regexp package reads it: into a tree, with Go's error texts. */

/** Whether a code point is meant. */
export type Test = (point: number) => boolean;
export type Assertion = 'textStart' | 'textEnd' | 'lineStart' | 'lineEnd' | 'word' | 'notWord';

export type Node =
  | { kind: 'empty' }
  | { kind: 'point'; point: number }
  | { kind: 'class'; test: Test }
  | { kind: 'assert'; assertion: Assertion }
  | { kind: 'group'; node: Node }
  | { kind: 'sequence'; nodes: Node[] }
  | { kind: 'choice'; nodes: Node[] }
  | { kind: 'repeat'; node: Node; min: number; /** -1: no bound. */ max: number; greedy: boolean };

export class RegexpError extends Error {
  override name = 'RegexpError';
  constructor(why: string, part: string) {
    super(`error parsing regexp: ${why}: \`${part}\``);
  }
}

interface Flags {
  fold: boolean;
  multiline: boolean;
  dotAll: boolean;
  ungreedy: boolean;
}

const maxRepeat = 1000;
const wordTest: Test = (p) => (p >= 48 && p <= 57) || (p >= 65 && p <= 90) || p === 95 || (p >= 97 && p <= 122);
const digitTest: Test = (p) => p >= 48 && p <= 57;
const spaceTest: Test = (p) => p === 9 || p === 10 || p === 12 || p === 13 || p === 32;
const not = (test: Test): Test => (p) => !test(p);
const perl: Record<string, Test> = { d: digitTest, D: not(digitTest), s: spaceTest, S: not(spaceTest), w: wordTest, W: not(wordTest) };
export const isWord = wordTest;
const within = (low: number, high: number): Test => (p) => p >= low && p <= high;
const anyOf = (tests: Test[]): Test => (tests.length === 1 ? tests[0] : (p) => tests.some((test) => test(p)));
const posix: Record<string, Test> = {
  alnum: (p) => wordTest(p) && p !== 95, alpha: (p) => (p >= 65 && p <= 90) || (p >= 97 && p <= 122), ascii: within(0, 127), blank: (p) => p === 9 || p === 32, cntrl: (p) => p < 32 || p === 127, digit: digitTest,
  graph: within(33, 126), lower: within(97, 122), print: within(32, 126), punct: (p) => within(33, 126)(p) && !(wordTest(p) && p !== 95), space: (p) => spaceTest(p) || p === 11, upper: within(65, 90), word: wordTest,
  xdigit: (p) => digitTest(p) || (p >= 65 && p <= 70) || (p >= 97 && p <= 102),
};
const controls: Record<string, number> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };

/** The other cases of a code point. */
function folds(point: number): number[] {
  const text = String.fromCodePoint(point);
  return [text.toLowerCase(), text.toUpperCase()].filter((other) => other !== text && [...other].length === 1).map((other) => other.codePointAt(0)!);
}
const folded = (test: Test): Test => (p) => test(p) || folds(p).some(test);

const unicodeTests = new Map<string, Test>();
function unicodeClass(name: string, part: string): Test {
  const known = unicodeTests.get(name);
  if (known) return known;
  for (const form of name === 'Any' ? ['Any'] : [name, `Script=${name}`]) {
    try {
      const pattern = new RegExp(`^\\p{${form}}$`, 'u');
      const test: Test = (p) => (p < 0xd800 || p > 0xdfff) && pattern.test(String.fromCodePoint(p));
      unicodeTests.set(name, test);
      return test;
    } catch {
      // The next form may be the one.
    }
  }
  throw new RegexpError('invalid character class range', part);
}

class Reader {
  readonly #pattern: string;
  #pos = 0;
  #flags: Flags = { fold: false, multiline: false, dotAll: false, ungreedy: false };

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  read(): Node {
    const node = this.#choice();
    if (this.#pos < this.#pattern.length) throw new RegexpError('unexpected )', this.#pattern);
    return node;
  }

  get #next(): string {
    return this.#pattern[this.#pos] ?? '';
  }
  #point(): number {
    const point = this.#pattern.codePointAt(this.#pos)!;
    this.#pos += point > 0xffff ? 2 : 1;
    return point;
  }
  #accept(text: string): boolean {
    if (!this.#pattern.startsWith(text, this.#pos)) return false;
    this.#pos += text.length;
    return true;
  }

  #choice(): Node {
    const flags = { ...this.#flags };
    const nodes = [this.#sequence()];
    while (this.#accept('|')) nodes.push(this.#sequence());
    this.#flags = flags;
    return nodes.length === 1 ? nodes[0] : { kind: 'choice', nodes };
  }

  #sequence(): Node {
    const nodes: Node[] = [];
    while (this.#pos < this.#pattern.length && this.#next !== '|' && this.#next !== ')') {
      if (this.#accept('\\Q')) {
        const end = this.#pattern.indexOf('\\E', this.#pos);
        const stop = end < 0 ? this.#pattern.length : end;
        while (this.#pos < stop) nodes.push(this.#literal(this.#point()));
        this.#accept('\\E');
        continue;
      }
      const start = this.#pos;
      const node = this.#atom();
      if (node) nodes.push(this.#repeats(node, start));
    }
    return nodes.length === 1 ? nodes[0] : nodes.length ? { kind: 'sequence', nodes } : { kind: 'empty' };
  }

  #literal(point: number): Node {
    if (!this.#flags.fold || !folds(point).length) return { kind: 'point', point };
    const wanted = [point, ...folds(point)];
    return { kind: 'class', test: (p) => wanted.includes(p) };
  }

  #repeats(atom: Node, start: number): Node {
    let node = atom;
    let before = '';
    for (;;) {
      const at = this.#pos;
      const bounds = this.#bounds();
      if (!bounds) return node;
      const [min, max] = bounds;
      const operator = this.#pattern.slice(at, this.#pos);
      if (min > maxRepeat || max > maxRepeat) throw new RegexpError('invalid repeat count', operator);
      if (max >= 0 && min > max) throw new RegexpError('invalid repeat count', operator);
      const lazy = this.#accept('?');
      if (before) throw new RegexpError('invalid nested repetition operator', before + this.#pattern.slice(at, this.#pos));
      before = this.#pattern.slice(at, this.#pos);
      node = { kind: 'repeat', node, min, max, greedy: lazy === this.#flags.ungreedy };
      if (size(node) > 100_000) throw new RegexpError('expression nests too deeply', this.#pattern.slice(start, this.#pos));
    }
  }

  #bounds(): [number, number] | undefined {
    if (this.#accept('*')) return [0, -1];
    if (this.#accept('+')) return [1, -1];
    if (this.#accept('?')) return [0, 1];
    const braces = /^\{(\d+)(,(\d*))?\}/.exec(this.#pattern.slice(this.#pos, this.#pos + 24));
    if (!braces) return undefined;
    this.#pos += braces[0].length;
    const min = Number(braces[1]);
    return [min, braces[2] === undefined ? min : braces[3] ? Number(braces[3]) : -1];
  }

  #atom(): Node | undefined {
    const start = this.#pos;
    switch (this.#next) {
      case '(':
        return this.#group();
      case '[':
        return { kind: 'class', test: this.#bracket() };
      case '.':
        this.#pos++;
        return { kind: 'class', test: this.#flags.dotAll ? () => true : (p) => p !== 10 };
      case '^':
        this.#pos++;
        return { kind: 'assert', assertion: this.#flags.multiline ? 'lineStart' : 'textStart' };
      case '$':
        this.#pos++;
        return { kind: 'assert', assertion: this.#flags.multiline ? 'lineEnd' : 'textEnd' };
      case '*':
      case '+':
      case '?':
        throw new RegexpError('missing argument to repetition operator', this.#next);
      case '\\':
        return this.#escape(start);
      default:
        if (/^\{\d+(,\d*)?\}/.test(this.#pattern.slice(start, start + 24))) throw new RegexpError('missing argument to repetition operator', /^\{[^}]*\}/.exec(this.#pattern.slice(start))![0]);
        return this.#literal(this.#point());
    }
  }

  #escape(start: number): Node {
    const kind = this.#pattern[start + 1];
    if (kind === undefined) throw new RegexpError('trailing backslash at end of expression', '');
    const assertion = ({ A: 'textStart', z: 'textEnd', b: 'word', B: 'notWord' } as Record<string, Assertion>)[kind];
    if (assertion) {
      this.#pos += 2;
      return { kind: 'assert', assertion };
    }
    const test = this.#classEscape();
    if (test) return { kind: 'class', test: this.#flags.fold ? folded(test) : test };
    return this.#literal(this.#characterEscape());
  }

  /** `\d`, `\pL`, `\p{Greek}`. */
  #classEscape(): Test | undefined {
    const kind = this.#pattern[this.#pos + 1];
    if (kind in perl) {
      this.#pos += 2;
      return perl[kind];
    }
    if (kind !== 'p' && kind !== 'P') return undefined;
    const match = /^\\[pP](?:\{(\^?)([^}]*)\}|(.))/su.exec(this.#pattern.slice(this.#pos));
    if (!match) throw new RegexpError('invalid character class range', this.#pattern.slice(this.#pos));
    this.#pos += match[0].length;
    const test = unicodeClass(match[2] ?? match[3], match[0]);
    return (kind === 'P') !== (match[1] === '^') ? not(test) : test;
  }

  #characterEscape(): number {
    const start = this.#pos;
    const rest = this.#pattern.slice(start);
    const octal = /^\\(?:0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(rest);
    const hex = /^\\x(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]+)\})/.exec(rest);
    if (octal || hex) {
      this.#pos += (octal ?? hex)![0].length;
      const point = octal ? Number.parseInt(octal[0].slice(1), 8) : Number.parseInt(hex![1] ?? hex![2], 16);
      if (point > 0x10ffff) throw new RegexpError('invalid escape sequence', rest.slice(0, 3));
      return point;
    }
    const kind = this.#pattern[start + 1];
    if (kind === undefined) throw new RegexpError('trailing backslash at end of expression', '');
    this.#pos += 1;
    if (kind in controls) {
      this.#pos += 1;
      return controls[kind];
    }
    const point = this.#point();
    if (point >= 128 || wordTest(point)) throw new RegexpError('invalid escape sequence', this.#pattern.slice(start, this.#pos));
    return point;
  }

  #group(): Node | undefined {
    const start = this.#pos;
    this.#pos++;
    const outer = { ...this.#flags };
    if (this.#accept('?')) {
      const named = /^P?<([^>]*)>/.exec(this.#pattern.slice(this.#pos));
      if (named) {
        if (!/^\w+$/.test(named[1])) throw new RegexpError('invalid named capture', this.#pattern.slice(start, this.#pos + named[0].length));
        this.#pos += named[0].length;
      } else {
        const flags = /^([imsU]*)(?:-([imsU]+))?([:)])/.exec(this.#pattern.slice(this.#pos));
        if (!flags) throw new RegexpError('invalid or unsupported Perl syntax', this.#pattern.slice(start, start + 3));
        this.#pos += flags[0].length;
        const set = (letters: string, on: boolean) => {
          if (letters.includes('i')) this.#flags.fold = on;
          if (letters.includes('m')) this.#flags.multiline = on;
          if (letters.includes('s')) this.#flags.dotAll = on;
          if (letters.includes('U')) this.#flags.ungreedy = on;
        };
        set(flags[1], true);
        set(flags[2] ?? '', false);
        if (flags[3] === ')') return undefined;
      }
    }
    const node = this.#choice();
    this.#flags = outer;
    if (!this.#accept(')')) throw new RegexpError('missing closing )', this.#pattern);
    return { kind: 'group', node };
  }

  #bracket(): Test {
    const start = this.#pos;
    this.#pos++;
    const negated = this.#accept('^');
    const tests: Test[] = [];
    for (let first = true; first || this.#next !== ']'; first = false) {
      if (this.#pos >= this.#pattern.length) throw new RegexpError('missing closing ]', this.#pattern.slice(start));
      const named = /^\[:(\^?)(\w+):\]/.exec(this.#pattern.slice(this.#pos));
      if (named) {
        const test = posix[named[2]];
        if (!test) throw new RegexpError('invalid character class range', named[0]);
        this.#pos += named[0].length;
        tests.push(named[1] ? not(test) : test);
        continue;
      }
      const test = this.#next === '\\' ? this.#classEscape() : undefined;
      if (test) {
        tests.push(test);
        continue;
      }
      const from = this.#pos;
      const low = this.#next === '\\' ? this.#characterEscape() : this.#point();
      let high = low;
      if (this.#next === '-' && this.#pattern[this.#pos + 1] !== ']' && this.#pos + 1 < this.#pattern.length) {
        this.#pos++;
        high = this.#pattern.startsWith('\\', this.#pos) ? this.#characterEscape() : this.#point();
        if (high < low) throw new RegexpError('invalid character class range', this.#pattern.slice(from, this.#pos));
      }
      tests.push(within(low, high));
    }
    this.#pos++;
    const any = this.#flags.fold ? folded(anyOf(tests)) : anyOf(tests);
    return negated ? not(any) : any;
  }
}

/** How many instructions a tree takes, about. */
function size(node: Node): number {
  switch (node.kind) {
    case 'sequence':
    case 'choice':
      return node.nodes.reduce((sum, inner) => sum + size(inner), 1);
    case 'group':
      return size(node.node);
    case 'repeat':
      return size(node.node) * Math.max(node.min, node.max, 1) + 1;
    default:
      return 1;
  }
}

/** @throws RegexpError */
export const parseRegexp = (pattern: string): Node => new Reader(pattern).read();
