/** Addresses as Go's net/mail reads them (RFC 5322): `a@b.c`, `Some One <a@b.c>`, `a@b.c (comment)`, `Group: a@b.c;`. */
import { parseIp } from '../validation/ip.ts';

class NoAddress extends Error {}

/** Printing ASCII, and everything beyond ASCII. */
const isVisible = (char: string): boolean => (char >= '!' && char <= '~') || char > '\x7f';
const inAtom = (char: string): boolean => isVisible(char) && !'()[];@\\,<>":.'.includes(char);

/** Goes through the text; what is not there where it must be is thrown. */
class Reader {
  rest: string;
  constructor(text: string) {
    this.rest = text;
  }

  #fail(): never {
    throw new NoAddress();
  }
  #take(char: string): boolean {
    if (!this.rest.startsWith(char)) return false;
    this.rest = this.rest.slice(char.length);
    return true;
  }
  #blank(): void {
    this.rest = this.rest.replace(/^[ \t]+/, '');
  }

  /** Blanks and comments. */
  comments(): void {
    this.#blank();
    while (this.#take('(')) {
      this.#comment();
      this.#blank();
    }
  }
  #comment(): void {
    for (let depth = 1; depth > 0; ) {
      if (!this.rest) this.#fail();
      const [char] = this.rest;
      if (char === '\\' && this.rest.length > 1) this.rest = this.rest.slice(1);
      else if (char === '(') depth++;
      else if (char === ')') depth--;
      this.rest = this.rest.slice(1);
    }
  }

  /** Words with dots between them; `loosely`: dots may stand anywhere. */
  #atom(loosely: boolean): void {
    let length = 0;
    while (length < this.rest.length && (inAtom(this.rest[length]) || this.rest[length] === '.')) length++;
    const atom = this.rest.slice(0, length);
    if (!atom || (!loosely && /^\.|\.\.|\.$/.test(atom))) this.#fail();
    this.rest = this.rest.slice(length);
  }
  #quoted(): string {
    let at = 1;
    let text = '';
    for (; this.rest[at] !== '"'; at++) {
      if (this.rest[at] === '\\') at++;
      const char = this.rest[at];
      if (char === undefined || !(isVisible(char) || char === ' ' || char === '\t')) this.#fail();
      text += char;
    }
    this.rest = this.rest.slice(at + 1);
    return text;
  }
  #domainLiteral(): void {
    const literal = /^\[([!-Z^-~]*)\]/.exec(this.rest);
    if (!literal || !parseIp(literal[1])) this.#fail();
    this.rest = this.rest.slice(literal[0].length);
  }

  #plain(): void {
    this.#blank();
    if (!this.rest) this.#fail();
    if (this.rest.startsWith('"')) {
      if (!this.#quoted()) this.#fail();
    } else this.#atom(false);
    if (!this.#take('@')) this.#fail();
    this.#blank();
    if (this.rest.startsWith('[')) this.#domainLiteral();
    else this.#atom(false);
  }

  #phrase(): void {
    for (let words = 0; ; words++) {
      if (words) this.comments();
      this.#blank();
      if (words && !this.rest) return;
      const before = this.rest;
      try {
        if (this.rest.startsWith('"')) this.#quoted();
        else this.#atom(true);
      } catch (error) {
        if (!words || !(error instanceof NoAddress)) throw error;
        this.rest = before;
        return;
      }
    }
  }

  /** How many addresses there are. */
  address(groups: boolean): number {
    this.#blank();
    if (!this.rest) this.#fail();
    const before = this.rest;
    try {
      this.#plain();
      this.#blank();
      if (this.#take('(')) this.#comment();
      return 1;
    } catch (error) {
      if (!(error instanceof NoAddress)) throw error;
      this.rest = before;
    }
    if (!this.rest.startsWith('<')) this.#phrase();
    this.#blank();
    if (groups && this.#take(':')) return this.#group();
    if (!this.#take('<')) this.#fail();
    this.#plain();
    if (!this.#take('>')) this.#fail();
    return 1;
  }

  #group(): number {
    this.#blank();
    if (this.#take(';')) return 0;
    for (let count = 0; ; ) {
      this.#blank();
      count += this.address(false);
      this.comments();
      if (this.#take(';')) return count;
      if (!this.#take(',')) this.#fail();
    }
  }
}

/** Whether the text is one address. */
export function isMailAddress(text: string): boolean {
  const reader = new Reader(text);
  try {
    const count = reader.address(true);
    reader.comments();
    return count === 1 && !reader.rest;
  } catch (error) {
    if (error instanceof NoAddress) return false;
    throw error;
  }
}
