import { YamlFault } from './fault.ts';

/** What stands for the end of the text. */
const end = '\0';
const readable = /^[\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]$/u;

/** Characters of a YAML text with line and column; lines end as YAML 1.1 has it. */
export class CharacterReader {
  #chars: readonly string[];
  at = 0;
  line = 0;
  column = 0;

  /** @throws YamlFault for characters that YAML does not allow */
  constructor(text: string) {
    this.#chars = Array.from(text);
    if (!this.#chars.every((c) => readable.test(c))) throw new YamlFault('control characters are not allowed');
  }

  peek(ahead = 0): string {
    return this.#chars[this.at + ahead] ?? end;
  }

  /** The next so many characters. */
  ahead(count: number): string {
    return this.#chars.slice(this.at, this.at + count).join('');
  }

  skip(count = 1): void {
    this.at += count;
    this.column += count;
  }

  take(): string {
    const c = this.peek();
    this.skip();
    return c;
  }

  skipBreak(): void {
    this.at += this.peek() === '\r' && this.peek(1) === '\n' ? 2 : 1;
    this.column = 0;
    this.line++;
  }

  isEnd = (ahead = 0): boolean => this.peek(ahead) === end;
  isBlank = (ahead = 0): boolean => this.peek(ahead) === ' ' || this.peek(ahead) === '\t';
  isBreak = (ahead = 0): boolean => '\r\n\x85\u2028\u2029'.includes(this.peek(ahead));
  isBreakOrEnd = (ahead = 0): boolean => this.isBreak(ahead) || this.isEnd(ahead);
  isSpaceOrEnd = (ahead = 0): boolean => this.isBlank(ahead) || this.isBreakOrEnd(ahead);
  /** `---` or `...` at the start of a line. */
  atDocumentMark = (): boolean => this.column === 0 && (this.ahead(3) === '---' || this.ahead(3) === '...') && this.isSpaceOrEnd(3);

  skipBlanks(): void {
    while (this.isBlank()) this.skip();
  }

  skipComment(): void {
    if (this.peek() === '#') while (!this.isBreakOrEnd()) this.skip();
  }
}
