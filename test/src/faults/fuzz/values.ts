/** Values that are wrong, or nearly: for any place in a body. */
import type { Dice } from '../suite.ts';

/** JSON text as it stands, for what no JavaScript value is: `1e400`, `-0`, keys twice. */
export class RawJson {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Members of a JSON object in order, which may repeat a key. */
export class Members {
  readonly list: (readonly [string, unknown])[];
  constructor(list: (readonly [string, unknown])[]) {
    this.list = list;
  }
}

/** Keys that mean something to JavaScript. */
export const nativeKeys = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__', 'length'];

const texts: readonly string[] = ['', ' ', '\0', 'a\0b', '\u{1F600}', 'é', 'e\u0301', '\u202e', '\ufeff', '\uffff', 'NaN', 'Infinity', '-Infinity', 'null', 'true', '0', '-1', '1e400', '0x10', '../../etc', '..', '.', '/', 'a/b', '%00', '%2e%2e', "'", '"', '\\', '\n', '\r\n', '\t', '{}', '[]', '${x}', '{{x}}', '$(x)', '<script>', '2026-13-45T99:99:99Z', '0000-00-00T00:00:00Z', '9999-12-31T23:59:59Z', '0001-01-01T00:00:00Z', '1Gi', '1.5', '-1Gi', '1e99999', '100E', '0.0000000001', '1h', '-5s', '9223372036854775807ns', '10.0.0.1', '10.0.0.0/8', '::1', '::ffff:10.0.0.1', '256.1.1.1', 'fe80::1%eth0', 'a'.repeat(63), 'a'.repeat(64), 'a'.repeat(254), `${'a.'.repeat(126)}a`, 'A_B', '-a', 'a-', 'kubernetes.io/x', 'a/b/c', '/x', 'x/', '*', '!', ',', 'a,b', 'a=b', ...nativeKeys];

const rawValues: readonly string[] = ['1e400', '-1e400', '-0', '-0.0', '1e-400', '9223372036854775807', '9223372036854775808', '-9223372036854775809', '18446744073709551616', '2147483648', '-2147483649', '0.1', '1.0', '1e3', '1E+2', '123456789012345678901234567890', '"\\ud800"', '"\\udc00x"', '"\\ud800\\ud800"', '"\\u0000"', '{"__proto__":{"polluted":true}}', '{"constructor":{"prototype":{"polluted":true}}}', '{"a":1,"a":2}', '{"":""}', '[[]]', '[null]', '[{}]', 'null', 'true', 'false', '0', '""', '[]', '{}'];

/** What must not stand in JSON at all. */
export const badTokens: readonly string[] = ['NaN', 'Infinity', '-Infinity', 'undefined', '01', '+1', '.5', '1.', '1e', "'a'", '0x1', '"\\x41"', '"\t"', '"\\ud8', '{,}', '[,]', '[1,]', '{"a"}', '{"a":}', '/**/1', '\u00a0', '\0'];

/** A text that is likely to be taken amiss. `long`: also very long ones. */
export function hostileText(dice: Dice, long = true): string {
  if (long && dice.once(40)) return dice.pick(['a', '\u{1F600}', '\0', '"', 'é']).repeat(dice.pick([300, 5_000, 100_000, 400_000]));
  if (dice.once(8)) return dice.pick(texts) + dice.pick(texts);
  if (dice.once(20)) return String.fromCharCode(...Array.from({ length: dice.between(1, 12) }, () => dice.below(0x10000)));
  return dice.pick(texts);
}

/** Lists in lists, or maps in maps. */
const nested = (dice: Dice, depth: number): RawJson => {
  const [open, inner, close] = dice.pick([['[', '', ']'], ['{"a":', '1', '}'], ['[{"a":', '{}', '}]']] as const);
  return new RawJson(open.repeat(depth) + inner + close.repeat(depth));
};

/** Any value at all, in place of any other. */
export function hostileValue(dice: Dice): unknown {
  switch (dice.below(10)) {
    case 0:
    case 1:
    case 2:
      return hostileText(dice);
    case 3:
      return dice.pick([0, 1, -1, 2 ** 31, 2 ** 53, 1.5, 65_536, 1e21, 1e300]);
    case 4:
      return dice.pick([null, true, false, [], {}, [null], [[]], { a: null }]);
    case 5:
      return dice.once(6) ? nested(dice, dice.pick([50, 300, 2_000, 9_000, 10_001, 60_000])) : nested(dice, dice.between(2, 20));
    case 6:
      return dice.once(10) ? Array.from({ length: dice.pick([1_000, 20_000]) }, () => 'x') : Object.fromEntries(Array.from({ length: dice.between(1, 5) }, () => [hostileText(dice, false), hostileText(dice, false)]));
    default:
      return new RawJson(dice.pick(rawValues));
  }
}

/** A value as JSON text; takes `RawJson` and `Members` too. */
export function jsonText(value: unknown): string {
  if (value instanceof RawJson) return value.text;
  if (value instanceof Members) return `{${value.list.map(([key, member]) => `${JSON.stringify(key)}:${jsonText(member)}`).join(',')}}`;
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  return `{${Object.entries(value).filter(([, member]) => member !== undefined).map(([key, member]) => `${JSON.stringify(key)}:${jsonText(member)}`).join(',')}}`;
}
