import { YamlFault } from './fault.ts';
import type { CharacterReader } from './reader.ts';

const escapes: Readonly<Record<string, string>> = { '0': '\0', a: '\x07', b: '\b', t: '\t', '\t': '\t', n: '\n', v: '\v', f: '\f', r: '\r', e: '\x1b', ' ': ' ', '"': '"', "'": "'", '\\': '\\', N: '\x85', _: '\xa0', L: '\u2028', P: '\u2029' };
const codeLengths: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** Breaks between the lines of a flowing scalar: one is a blank, more are themselves but for the first. */
const folded = (breaks: number): string => (breaks === 1 ? ' ' : '\n'.repeat(breaks - 1));

/** A quoted scalar, from its opening quote on. @throws YamlFault */
export function readQuoted(reader: CharacterReader): string {
  const quote = reader.peek();
  const start = reader.line;
  const fail = (problem: string): never => {
    throw YamlFault.ofTokens(problem, start, reader.line);
  };
  let text = '';
  reader.skip();
  for (;;) {
    if (reader.atDocumentMark()) fail('found unexpected document indicator');
    if (reader.isEnd()) fail('found unexpected end of stream');
    let breaks = 0;
    let joined = false;
    while (!reader.isSpaceOrEnd() && !(reader.peek() === quote && !(quote === "'" && reader.peek(1) === "'"))) {
      if (reader.peek() === quote) {
        text += quote;
        reader.skip(2);
      } else if (quote === '"' && reader.peek() === '\\' && reader.isBreak(1)) {
        reader.skip();
        reader.skipBreak();
        joined = true;
        break;
      } else if (quote === '"' && reader.peek() === '\\') text += readEscape(reader, fail);
      else text += reader.take();
    }
    if (reader.peek() === quote) break;
    let blanks = '';
    while (reader.isBlank() || reader.isBreak()) {
      if (reader.isBreak()) {
        reader.skipBreak();
        breaks++;
      } else if (breaks || joined) reader.skip();
      else blanks += reader.take();
    }
    if (joined) text += '\n'.repeat(breaks);
    else text += breaks ? folded(breaks) : blanks;
  }
  reader.skip();
  return text;
}

function readEscape(reader: CharacterReader, fail: (problem: string) => never): string {
  const kind = reader.peek(1);
  const length = codeLengths[kind];
  if (length === undefined && !(kind in escapes)) fail('found unknown escape character');
  reader.skip(2);
  if (length === undefined) return escapes[kind];
  const digits = reader.ahead(length);
  if (!/^[0-9a-fA-F]+$/.test(digits) || digits.length < length) fail('did not find expected hexdecimal number');
  const code = Number.parseInt(digits, 16);
  if ((code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) fail('found invalid Unicode character escape code');
  reader.skip(length);
  return String.fromCodePoint(code);
}

/** A literal or folded scalar, from its indicator on; its text does not matter here. `indent`: of the block around it. @throws YamlFault */
export function skipBlockScalar(reader: CharacterReader, indent: number): void {
  const start = reader.line;
  const fail = (problem: string): never => {
    throw YamlFault.ofTokens(problem, start, reader.line);
  };
  let given = 0;
  const readIndent = (): void => {
    if (!/\d/.test(reader.peek())) return;
    if (reader.peek() === '0') fail('found an indentation indicator equal to 0');
    given = Number(reader.take());
  };
  const isChomping = (): boolean => reader.peek() === '+' || reader.peek() === '-';
  reader.skip();
  if (isChomping()) {
    reader.skip();
    readIndent();
  } else if (/\d/.test(reader.peek())) {
    readIndent();
    if (isChomping()) reader.skip();
  }
  reader.skipBlanks();
  reader.skipComment();
  if (!reader.isBreakOrEnd()) fail('did not find expected comment or line break');
  if (reader.isBreak()) reader.skipBreak();

  let wanted = given && Math.max(indent, 0) + given;
  const skipEmptyLines = (): void => {
    let most = 0;
    for (;;) {
      while ((!wanted || reader.column < wanted) && reader.peek() === ' ') reader.skip();
      most = Math.max(most, reader.column);
      if ((!wanted || reader.column < wanted) && reader.peek() === '\t') fail('found a tab character where an indentation space is expected');
      if (!reader.isBreak()) break;
      reader.skipBreak();
    }
    wanted ||= Math.max(most, indent + 1, 1);
  };
  skipEmptyLines();
  while (reader.column === wanted && !reader.isEnd()) {
    while (!reader.isBreakOrEnd()) reader.skip();
    if (reader.isBreak()) reader.skipBreak();
    skipEmptyLines();
  }
}

/** A scalar without quotes. `brokenLine` tells that it ended behind a line break. @throws YamlFault */
export function readPlain(reader: CharacterReader, indent: number, inFlow: boolean): { text: string; brokenLine: boolean } {
  const start = reader.line;
  let text = '';
  let blanks = '';
  let breaks = 0;
  let brokenLine = false;
  for (;;) {
    if (reader.atDocumentMark() || reader.peek() === '#') break;
    while (!reader.isSpaceOrEnd()) {
      if ((reader.peek() === ':' && reader.isSpaceOrEnd(1)) || (inFlow && ',?[]{}'.includes(reader.peek()))) break;
      if (breaks || blanks) text += breaks ? folded(breaks) : blanks;
      [breaks, blanks, brokenLine] = [0, '', false];
      text += reader.take();
    }
    if (!reader.isBlank() && !reader.isBreak()) break;
    while (reader.isBlank() || reader.isBreak()) {
      if (reader.isBreak()) {
        reader.skipBreak();
        breaks++;
        brokenLine = true;
      } else {
        if (brokenLine && reader.column <= indent && reader.peek() === '\t') throw YamlFault.ofTokens('found a tab character that violates indentation', start, reader.line);
        if (brokenLine) reader.skip();
        else blanks += reader.take();
      }
    }
    if (!inFlow && reader.column <= indent) break;
  }
  return { text, brokenLine };
}
