import { YamlFault } from './fault.ts';
import type { CharacterReader } from './reader.ts';
import type { Token } from './tokens.ts';

type Fail = (problem: string) => never;

const failing = (reader: CharacterReader): Fail => {
  const start = reader.line;
  return (problem) => {
    throw YamlFault.ofTokens(problem, start, reader.line);
  };
};

/** `%YAML 1.1` (the text: the version) or `%TAG ! prefix` (the text: the handle), with the rest of the line. @throws YamlFault */
export function readDirective(reader: CharacterReader): Token {
  const { line } = reader;
  const fail = failing(reader);
  reader.skip();
  const name = word(reader);
  if (!name) fail('could not find expected directive name');
  if (!reader.isSpaceOrEnd()) fail('found unexpected non-alphabetical character');
  if (name !== 'YAML' && name !== 'TAG') fail('found unknown directive name');
  reader.skipBlanks();
  const text = name === 'YAML' ? readVersion(reader, fail) : readHandleAndPrefix(reader, fail);
  reader.skipBlanks();
  reader.skipComment();
  if (!reader.isBreakOrEnd()) fail('did not find expected comment or line break');
  if (reader.isBreak()) reader.skipBreak();
  return { type: name === 'YAML' ? 'version' : 'tag-directive', line, endLine: line, text };
}

function word(reader: CharacterReader): string {
  let name = '';
  while (/[\w-]/.test(reader.peek())) name += reader.take();
  return name;
}

function readVersion(reader: CharacterReader, fail: Fail): string {
  const number = (): number => {
    let digits = '';
    while (/\d/.test(reader.peek())) {
      if (digits.length === 2) fail('found extremely long version number');
      digits += reader.take();
    }
    if (!digits) fail('did not find expected version number');
    return Number(digits);
  };
  const major = number();
  if (reader.peek() !== '.') fail("did not find expected digit or '.' character");
  reader.skip();
  return `${major}.${number()}`;
}

function readHandleAndPrefix(reader: CharacterReader, fail: Fail): string {
  const handle = readHandle(reader, fail);
  if (handle !== '!' && !(handle.length > 1 && handle.endsWith('!'))) fail("did not find expected '!'");
  if (!reader.isBlank()) fail('did not find expected whitespace');
  reader.skipBlanks();
  readUri(reader, fail, '');
  if (!reader.isSpaceOrEnd()) fail('did not find expected whitespace or line break');
  return handle;
}

/** A tag; its text is its handle, empty where it names no prefix. @throws YamlFault */
export function readTag(reader: CharacterReader): Token {
  const { line } = reader;
  const fail = failing(reader);
  let handle = '';
  if (reader.peek(1) === '<') {
    reader.skip(2);
    readUri(reader, fail, '');
    if (reader.peek() !== '>') fail("did not find the expected '>'");
    reader.skip();
  } else {
    const found = readHandle(reader, fail);
    const named = found.length > 1 && found.endsWith('!');
    const suffix = readUri(reader, fail, named ? '' : found);
    handle = named ? found : suffix ? '!' : '';
  }
  if (!reader.isSpaceOrEnd()) fail('did not find expected whitespace or line break');
  return { type: 'tag', line, endLine: line, text: handle };
}

function readHandle(reader: CharacterReader, fail: Fail): string {
  if (reader.peek() !== '!') fail("did not find expected '!'");
  const handle = reader.take() + word(reader);
  return reader.peek() === '!' ? handle + reader.take() : handle;
}

/** What follows the handle; `head`, read already, is part of it but for its `!`. */
function readUri(reader: CharacterReader, fail: Fail, head: string): string {
  let uri = head.slice(1);
  let found = head.length > 0;
  for (; /[\w\-;/?:@&=+$,.!~*'()[\]%]/.test(reader.peek()); found = true) {
    if (reader.peek() === '%') uri += readOctets(reader, fail);
    else uri += reader.take();
  }
  if (!found) fail('did not find expected tag URI');
  return uri;
}

/** The octets of one character, each as `%` and two digits. */
function readOctets(reader: CharacterReader, fail: Fail): string {
  let left = 0;
  let text = '';
  do {
    const escaped = reader.ahead(3);
    if (!/^%[0-9a-fA-F]{2}$/.test(escaped)) fail('did not find URI escaped octet');
    const octet = Number.parseInt(escaped.slice(1), 16);
    if (text) {
      if ((octet & 0xc0) !== 0x80) fail('found an incorrect trailing UTF-8 octet');
    } else {
      left = octet < 0x80 ? 1 : (octet & 0xe0) === 0xc0 ? 2 : (octet & 0xf0) === 0xe0 ? 3 : (octet & 0xf8) === 0xf0 ? 4 : 0;
      if (!left) fail('found an incorrect leading UTF-8 octet');
    }
    reader.skip(3);
    text += escaped;
  } while (--left > 0);
  return text;
}
