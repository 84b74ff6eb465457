/** Regular expressions of Go (RE2), as schemas and rules carry them, turned into JavaScript's. Facts: regexp/syntax. */

const posix: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z', alpha: 'A-Za-z', ascii: '\\x00-\\x7f', blank: '\\t ', cntrl: '\\x00-\\x1f\\x7f', digit: '0-9', graph: '!-~', lower: 'a-z', print: ' -~',
  punct: '!-\\/:-@\\[-`\\{-~', space: '\\t\\n\\v\\f\\r ', upper: 'A-Z', word: '0-9A-Za-z_', xdigit: '0-9A-Fa-f',
};
const blank = '\\t\\n\\f\\r ';
const syntaxCharacters = new Set('^$\\.*+?()[]{}|/');

const compiled = new Map<string, RegExp>();
const mostKept = 4096;

/**
 * The expression as JavaScript's; compiled once.
 * @throws SyntaxError as Go words it: ``error parsing regexp: missing closing ]: `[a` ``
 */
export function goRegExp(pattern: string): RegExp {
  let known = compiled.get(pattern);
  if (known) return known;
  const { source, flags } = new Translation(pattern).run();
  try {
    known = new RegExp(source, `u${flags}`);
  } catch (error) {
    throw new SyntaxError(problemOf(pattern, error instanceof Error ? error.message : String(error)), { cause: error });
  }
  if (compiled.size >= mostKept) compiled.clear();
  compiled.set(pattern, known);
  return known;
}

function problemOf(pattern: string, message: string): string {
  if (message.includes('Unterminated group')) return `error parsing regexp: missing closing ): \`${pattern}\``;
  if (message.includes('Unterminated character class')) return `error parsing regexp: missing closing ]: \`${pattern.slice(Math.max(0, pattern.lastIndexOf('[')))}\``;
  if (message.includes('Unmatched')) return `error parsing regexp: unexpected ): \`${pattern}\``;
  if (message.includes('Nothing to repeat')) return `error parsing regexp: missing argument to repetition operator: \`${/[*+?]/.exec(pattern)?.[0] ?? pattern}\``;
  if (message.includes('numbers out of order') || message.includes('out of order in quantifier')) return `error parsing regexp: invalid repeat count: \`${/\{[^}]*\}/.exec(pattern)?.[0] ?? pattern}\``;
  if (message.includes('out of order in character class')) return `error parsing regexp: invalid character class range: \`${pattern}\``;
  return `error parsing regexp: invalid or unsupported Perl syntax: \`${pattern}\``;
}

class Translation {
  readonly #text: string;
  #at = 0;
  #flags = new Set<string>();
  #dotAll = false;

  constructor(text: string) {
    this.#text = text;
  }

  run(): { source: string; flags: string } {
    let out = '';
    const leading = /^\(\?([imsU]+)\)/.exec(this.#text);
    if (leading) {
      for (const flag of leading[1]) if (flag === 'i' || flag === 'm') this.#flags.add(flag);
      this.#dotAll = leading[1].includes('s');
      this.#at = leading[0].length;
    }
    while (this.#at < this.#text.length) out += this.#next();
    return { source: out, flags: [...this.#flags].join('') };
  }

  #next(): string {
    const c = String.fromCodePoint(this.#text.codePointAt(this.#at)!);
    if (c === '\\') return this.#escape(false);
    if (c === '[') return this.#class();
    if (c === '(') return this.#group();
    this.#at += c.length;
    if (c === '.') return this.#dotAll ? '[\\s\\S]' : '[^\\n]';
    if (c === '{') return this.#braces();
    // A lone closing bracket stands for itself in Go.
    return c === '}' || c === ']' ? `\\${c}` : c;
  }

  #braces(): string {
    const counts = /^(\d+)(,(\d*))?\}/.exec(this.#text.slice(this.#at));
    if (!counts) return '\\{';
    if (Number(counts[1]) > 1000 || Number(counts[3] || 0) > 1000) throw new SyntaxError(`error parsing regexp: invalid repeat count: \`{${counts[0]}\``);
    this.#at += counts[0].length;
    return `{${counts[0]}`;
  }

  #group(): string {
    const rest = this.#text.slice(this.#at);
    const named = /^\(\?P?<([A-Za-z_]\w*)>/.exec(rest);
    const plain = /^\(\?([ims]*)(?:-([ims]+))?:/.exec(rest);
    if (named) {
      this.#at += named[0].length;
      return `(?<${named[1]}>`;
    }
    if (plain) {
      this.#at += plain[0].length;
      return plain[0];
    }
    if (rest.startsWith('(?')) throw new SyntaxError(`error parsing regexp: invalid or unsupported Perl syntax: \`${rest.slice(0, /^\(\?<?[=!]/.test(rest) ? rest.indexOf(/^\(\?</.test(rest) ? '<' : '?') + 2 : 3)}\``);
    this.#at++;
    return '(';
  }

  #escape(inClass: boolean): string {
    const rest = this.#text.slice(this.#at + 1);
    if (!rest) throw new SyntaxError('error parsing regexp: trailing backslash at end of expression: ``');
    const c = String.fromCodePoint(rest.codePointAt(0)!);
    const hex = /^x(?:\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2}))/.exec(rest);
    const property = /^([pP])(?:\{(\^?)([A-Za-z_]+)\}|([A-Z]))/.exec(rest);
    const octal = /^[0-7]{1,3}/.exec(rest);
    const take = (length: number, out: string): string => {
      this.#at += 1 + length;
      return out;
    };
    if (hex) return take(hex[0].length, `\\u{${hex[1] ?? hex[2]}}`);
    if (property) {
      const name = property[3] ?? property[4];
      const negated = (property[1] === 'P') !== (property[2] === '^');
      return take(property[0].length, `\\${negated ? 'P' : 'p'}{${name.length <= 2 ? name : `Script=${name}`}}`);
    }
    if (octal) return take(octal[0].length, `\\u{${Number.parseInt(octal[0], 8).toString(16)}}`);
    if (c === 's') return take(1, inClass ? blank : `[${blank}]`);
    if (c === 'S' && !inClass) return take(1, `[^${blank}]`);
    if ('dDwWnrtfvS'.includes(c)) return take(1, `\\${c}`);
    if (c === 'a') return take(1, '\\x07');
    if (!inClass) {
      if (c === 'A') return take(1, '(?<![\\s\\S])');
      if (c === 'z') return take(1, '(?![\\s\\S])');
      if (c === 'b' || c === 'B') return take(1, `\\${c}`);
      if (c === 'Q') return this.#quoted();
    }
    if (/[A-Za-z0-9]/.test(c)) throw new SyntaxError(`error parsing regexp: invalid escape sequence: \`\\${c}\``);
    return take(c.length, syntaxCharacters.has(c) || (inClass && c === '-') ? `\\${c}` : c);
  }

  #quoted(): string {
    const end = this.#text.indexOf('\\E', this.#at + 2);
    const literal = this.#text.slice(this.#at + 2, end < 0 ? undefined : end);
    this.#at = end < 0 ? this.#text.length : end + 2;
    return [...literal].map((c) => (syntaxCharacters.has(c) ? `\\${c}` : c)).join('');
  }

  #class(): string {
    const start = this.#at++;
    let out = '[';
    if (this.#text[this.#at] === '^') {
      out += '^';
      this.#at++;
    }
    for (let first = true; ; first = false) {
      const c = this.#text[this.#at];
      if (c === undefined) throw new SyntaxError(`error parsing regexp: missing closing ]: \`${this.#text.slice(start)}\``);
      if (c === ']' && !first) break;
      if (c === '\\') {
        out += this.#escape(true);
        continue;
      }
      const named = /^\[:(\^?)(\w+):\]/.exec(this.#text.slice(this.#at));
      if (named) {
        const members = posix[named[2]];
        if (!members || named[1]) throw new SyntaxError(`error parsing regexp: invalid character class range: \`${named[0]}\``);
        out += members;
        this.#at += named[0].length;
        continue;
      }
      const character = String.fromCodePoint(this.#text.codePointAt(this.#at)!);
      // A dash at either end is itself; between, it makes a range.
      const dash = character === '-' && (first || this.#text[this.#at + 1] === ']');
      out += syntaxCharacters.has(character) || dash ? `\\${character}` : character;
      this.#at += character.length;
    }
    this.#at++;
    return `${out}]`;
  }
}
