/**
 * YAML as the API server and Go clients read and write it: YAML 1.1's booleans and octal numbers, timestamps as texts,
 * keys always texts. Facts: sigs.k8s.io/yaml.
 */
import { goQuote } from './go-format.ts';
import { wholeNumber } from './schema/exact-numbers.ts';
import { isTooDeepToIndent, loneSurrogates, mostNesting, wellFormed } from './schema/json.ts';
import { DEFAULT_SCALAR_STYLE_RULES, defineMappingTag, defineScalarTag, dump, DUMP_SCHEMA, load, loadAll, mapTag, mergeTag, NOT_RESOLVED, nullYaml11Tag, SCALAR_STYLE, type ScalarStyleRule, Schema, seqTag, strTag, YAMLException } from 'js-yaml';
import { duplicateKeys } from './yaml-syntax/duplicates.ts';
import { YamlFault } from './yaml-syntax/fault.ts';
import { foldLines } from './yaml-syntax/fold.ts';
import { readStructure, type YamlNode } from './yaml-syntax/structure.ts';

export class YamlError extends Error {
  override name = 'YamlError';
}

const booleans = new Map<string, boolean>();
for (const [texts, value] of [['y yes on true', true], ['n no off false', false]] as const)
  for (const text of texts.split(' ')) for (const form of [text, text.toUpperCase(), text.charAt(0).toUpperCase() + text.slice(1)]) booleans.set(form, value);

const boolTag = defineScalarTag<boolean>('tag:yaml.org,2002:bool', {
  implicit: true,
  implicitFirstChars: [...'yYnNoOtTfF'],
  resolve: (source) => booleans.get(source) ?? NOT_RESOLVED,
  identify: (data) => typeof data === 'boolean',
  represent: (data: boolean) => String(data),
});

const numberStart = [...'-+.0123456789'];
/** Go's ParseInt with base 0, underscores dropped: `0x1F`, `0b1`, `0o17`, `017`, `1_000`. */
function integer(source: string): number | bigint | undefined {
  const match = /^([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)$/.exec(source.includes('_') ? source.replaceAll('_', '') : source);
  if (!match) return undefined;
  const digits = match[2] as string;
  const value = wholeNumber(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits, match[1] === '-');
  return value;
}
const intTag = defineScalarTag<number | bigint>('tag:yaml.org,2002:int', {
  implicit: true,
  implicitFirstChars: numberStart,
  resolve: (source) => integer(source) ?? NOT_RESOLVED,
  identify: (data) => Number.isInteger(data) && !Object.is(data, -0),
  represent: (data: number | bigint) => String(data),
});
const floatGrammar = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const floatTag = defineScalarTag<number>('tag:yaml.org,2002:float', {
  implicit: true,
  implicitFirstChars: numberStart,
  resolve: (source) => (floatGrammar.test(source) ? Number(source) : NOT_RESOLVED),
  identify: (data) => typeof data === 'number' && (!Number.isInteger(data) || Object.is(data, -0)),
  represent: (data: number) => String(data),
});
/** Binary data becomes a text of its bytes, as JSON would carry it. */
const binaryTag = defineScalarTag<string>('tag:yaml.org,2002:binary', {
  resolve: (source) => {
    try {
      return new TextDecoder().decode(Uint8Array.from(atob(source.replace(/\s+/g, '')), (char) => char.charCodeAt(0)));
    } catch {
      return NOT_RESOLVED;
    }
  },
  identify: () => false,
});

const tags = [nullYaml11Tag, boolTag, intTag, floatTag, mergeTag, binaryTag, strTag, seqTag];
const schema = new Schema([...tags, mapTag]);

export interface YamlOptions {
  /** What a key that stands twice in a map means: the last one counts, or a fault. */
  duplicates?: 'last' | 'error';
}

/** The first document of the text as JSON; undefined where there is none. @throws YamlError with the line, as Go words it */
export function parseYaml(text: string, { duplicates = 'last' }: YamlOptions = {}): unknown {
  return attempt(text, () => {
    const documents = firstDocument(text);
    return documents === undefined ? undefined : read(documents, load(documents, { schema, json: duplicates === 'last', maxDepth: mostNesting() }));
  });
}

/** Every document of the text; empty ones are null. @throws YamlError */
export const parseYamlDocuments = (text: string, { duplicates = 'last' }: YamlOptions = {}): unknown[] => attempt(text, () => read(text, loadAll(text, { schema, json: duplicates === 'last', maxDepth: mostNesting() }) as unknown[]));

/** Texts that aliases may stand for in all, in characters. */
const mostAliased = 16 * 1024 * 1024;

/** How much of what is read may come of aliases: nearly all of little, a tenth of much. As go-yaml has it. */
const allowedAliases = (nodes: number): number => (nodes <= 400_000 ? 0.99 : nodes >= 4_000_000 ? 0.1 : 0.99 - (0.89 * (nodes - 400_000)) / 3_600_000);

/** What was loaded, checked and without lone surrogates. */
function read<T>(text: string, value: T): T {
  checkAliases(text, value);
  return loneSurrogates(text) ? (wellFormed(value) as T) : value;
}

/** @throws YamlError where aliases stand for what they are part of, or for far more than was written */
function checkAliases(text: string, value: unknown): void {
  if (!text.includes('*') || !text.includes('&')) return;
  /** What each value counts, everything below it included; 0 while it is being counted. */
  const counted = new Map<object, { nodes: number; length: number }>();
  let distinct = 0;
  const count = (item: unknown): { nodes: number; length: number } => {
    if (typeof item !== 'object' || item === null) return { nodes: 1, length: typeof item === 'string' ? item.length : 0 };
    const known = counted.get(item);
    if (known?.nodes === 0) throw new YamlError('yaml: anchor value contains itself');
    if (known) return known;
    const own = { nodes: 0, length: 0 };
    counted.set(item, own);
    distinct++;
    let nodes = 1;
    for (const [key, member] of Object.entries(item)) {
      const below = count(member);
      nodes += below.nodes;
      own.length += key.length + below.length;
      if (typeof member !== 'object') distinct++;
    }
    own.nodes = nodes;
    return own;
  };
  const { nodes, length } = count(value);
  const aliased = nodes - distinct;
  if ((aliased > 100 && nodes > 1_000 && aliased / nodes > allowedAliases(nodes)) || (length > mostAliased && length > 2 * text.length)) throw new YamlError('yaml: document contains excessive aliasing');
}

/** Only the first document is read; what follows need not even be YAML. Undefined where there is nothing in it. */
function firstDocument(text: string): string | undefined {
  let content = false;
  let at = 0;
  while (at < text.length) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    const mark = text.slice(at, at + 3);
    const afterMark = text.charAt(at + 3);
    const marks = (mark === '---' || mark === '...') && (at + 3 >= end || afterMark === ' ' || afterMark === '\t' || afterMark === '\r');
    if (marks && content) return text.slice(0, at);
    const line = text.slice(marks ? at + 3 : at, end).trim();
    if (line !== '' && !line.startsWith('#') && !(line.startsWith('%') && !content)) content = true;
    at = end + 1;
  }
  return content ? text : undefined;
}

/** Keys that stand twice, as strict decoding words them: `line 3: key "a" already set in map`. */
export function duplicateYamlKeys(text: string): string[] {
  let found = false;
  const noting = defineMappingTag<Record<string, unknown>>('tag:yaml.org,2002:map', {
    create: mapTag.create as () => Record<string, unknown>,
    addPair: (map, key, value) => {
      found ||= Object.hasOwn(map, String(key));
      return mapTag.addPair(map, key, value);
    },
    has: mapTag.has,
    keys: mapTag.keys,
    get: mapTag.get,
    identify: mapTag.identify,
  });
  attempt(text, () => {
    const document = firstDocument(text);
    if (document !== undefined) load(document, { schema: new Schema([...tags, noting]), json: true, maxDepth: mostNesting() });
  });
  return found ? duplicateKeys(structureOf(text), goKey).map(({ key, line }) => `line ${line}: key ${goKey(key)} already set in map`) : [];
}

/** The key as Go's `%#v` prints it, which tells texts from what only looks like them. */
function goKey({ text, plain }: { text: string; plain: boolean }): string {
  if (!plain) return goQuote(text);
  if (booleans.has(text)) return String(booleans.get(text));
  if (/^(|~|null|Null|NULL)$/.test(text)) return '<nil>';
  const number = integer(text) ?? (floatGrammar.test(text) ? Number(text) : undefined);
  return number === undefined ? goQuote(text) : String(number);
}

/** Undefined where it is not YAML as Go reads it. */
function structureOf(text: string): YamlNode | undefined {
  try {
    return readStructure(text);
  } catch (error) {
    if (error instanceof YamlFault || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** What Go has against the text, in its words; undefined where it would read it. */
function faultOf(text: string): string | undefined {
  try {
    readStructure(text);
    return undefined;
  } catch (error) {
    if (error instanceof YamlFault) return error.message;
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** @param text what is read, looked at anew where the reading fails: for the words of the error */
function attempt<T>(text: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) throw new YamlError(`yaml: exceeded max depth of ${mostNesting()}`, { cause: error });
    if (!(error instanceof YAMLException)) throw error;
    if (error.reason.startsWith('nesting exceeded')) throw new YamlError(`yaml: ${error.mark?.line ? `line ${error.mark.line + 1}: ` : ''}exceeded max depth of ${mostNesting()}`, { cause: error });
    const line = error.mark ? `line ${error.mark.line + 1}: ` : '';
    throw new YamlError(`yaml: ${faultOf(text) ?? `${line}${error.reason}`}`, { cause: error });
  }
}

/** Texts that would be read as something else stand in double quotes, several lines as a literal block. */
const asGoWrites: ScalarStyleRule = (layout) => {
  if (layout.style !== SCALAR_STYLE.PLAIN || layout.node.tag !== layout.presenterOptions.schema.defaultScalarTag.tagName) return;
  const { value } = layout.node;
  if (value === '' || value === '~' || /^null$/i.test(value) || booleans.has(value) || integer(value) !== undefined || /^[-+.0-9][-+.0-9eEinfaNT:Z ]*$/.test(value)) layout.style = SCALAR_STYLE.DOUBLE_QUOTED;
  else if (value.includes('\n') && !layout.isKey && !/^\s/.test(value)) layout.style = SCALAR_STYLE.LITERAL_BLOCK;
};
const { doubleQuoteForInvisibles, doubleQuoteWhitespaceOnly, quoteInvalidPlain, fallbackToDoubleQuoted } = DEFAULT_SCALAR_STYLE_RULES;

/** Whole numbers of 64 bits, digit by digit. */
const writtenInt = DUMP_SCHEMA.tags.find(({ tagName }) => tagName === intTag.tagName) as typeof intTag;
const writeSchema = DUMP_SCHEMA.withTags({ ...writtenInt, identify: (data: unknown) => typeof data === 'bigint' || writtenInt.identify(data), represent: (data: number | bigint) => (typeof data === 'bigint' ? String(data) : writtenInt.represent(data)) });

/** The value as one document, keys in Go's natural order, lists not indented. */
export const writeYaml = (value: unknown): string =>
  isTooDeepToIndent(value) ? `${JSON.stringify(value)}\n` : foldLines(dump(value, { schema: writeSchema, sortKeys: compareNaturally, seqNoIndent: true, noRefs: true, skipInvalid: true, lineWidth: -1, scalarStyleRules: [doubleQuoteForInvisibles, doubleQuoteWhitespaceOnly, asGoWrites, quoteInvalidPlain, fallbackToDoubleQuoted] }));

const isLetter = (char: string) => /\p{L}/u.test(char);
const isDigit = (char: string | undefined): boolean => char !== undefined && char >= '0' && char <= '9';

/** Letters after everything else, runs of digits by their value. */
export function compareNaturally(left: unknown, right: unknown): number {
  const a = [...String(left)];
  const b = [...String(right)];
  for (let i = 0; i < a.length && i < b.length; i++) {
    const x = a[i] as string;
    const y = b[i] as string;
    if (x === y) continue;
    const xLetter = isLetter(x);
    const yLetter = isLetter(y);
    if (xLetter && yLetter) return x < y ? -1 : 1;
    if (xLetter || yLetter) return yLetter ? -1 : 1;
    const order = compareDigits(a, b, i);
    return order || (x < y ? -1 : 1);
  }
  return a.length - b.length;
}

function compareDigits(a: string[], b: string[], at: number): number {
  // A zero inside a longer number counts as a digit of it, not as a leading one.
  let lead = '';
  if (a[at] === '0' || b[at] === '0') for (let j = at - 1; j >= 0 && isDigit(a[j]); j--) if (a[j] !== '0') lead = '1';
  const run = (chars: string[]): string => {
    let text = '';
    for (let i = at; isDigit(chars[i]); i++) text += chars[i];
    return text;
  };
  const left = run(a);
  const right = run(b);
  const difference = BigInt(`${lead}${left}` || '0') - BigInt(`${lead}${right}` || '0');
  return difference < 0n ? -1 : difference > 0n ? 1 : left.length - right.length;
}
