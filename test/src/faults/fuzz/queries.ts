/** Query strings: the parameters that the API knows, with values it does not expect. */
import type { Dice } from '../suite.ts';
import { hostileText, nativeKeys } from './values.ts';

const labelSelectors = ['', 'app=web', 'app==web', 'app!=web', 'app in (web,x)', 'app notin (web)', '!app', 'app', 'a>1', 'a<x', 'app in ()', 'app in', 'in in (in)', 'notin', '(', ')', 'a=b,', ',a=b', '=', '==', '!', '!!a', 'a=b=c', 'a in (b', 'a in b)', 'a b', ...nativeKeys.map((key) => `${key}=x`), ...nativeKeys, 'a/b/c=d', '-a=b', `${'a'.repeat(64)}=b`, 'a=\0', 'é=1', Array.from({ length: 5_000 }, (_, i) => `a${i}=b`).join(','), `a in (${Array.from({ length: 20_000 }, (_, i) => `v${i}`).join(',')})`, '('.repeat(10_000), '!'.repeat(10_000)];
const fieldSelectors = ['metadata.name=web', 'metadata.name!=web', 'metadata.name==a,metadata.namespace=b', 'metadata.name', '=', 'x=y', 'spec.nodeName=n', 'status.phase=Running', 'metadata.name=a\\,b', 'metadata.name=a\\', 'metadata.name=\\x', ...nativeKeys.map((key) => `${key}=x`), 'metadata.name=..', 'metadata.name=a/b', `metadata.name=${'a'.repeat(10_000)}`, 'metadata.uid=x', 'spec.unschedulable=true', 'metadata.name=a,'.repeat(3_000)];
const versions = ['', '0', '1', '-1', '00', '01', '1.5', '1e3', 'x', '9007199254740993', '18446744073709551615', '18446744073709551616', '9'.repeat(100), '9'.repeat(100_000), ' 1', '0x10', '\0', '+1'];
const numbers = ['', '0', '1', '2', '-1', '500', '1.5', 'x', '9223372036854775807', '9223372036854775808', '9'.repeat(50_000), '1e3', '+1', ' '];
const booleans = ['', 'true', 'false', '0', '1', 'TRUE', 'x', 'null'];

/** A continue token that is none of ours, or nearly. */
function continueToken(dice: Dice): string {
  const token = dice.pick<unknown>([{ v: 'meta.k8s.io/v1', rv: dice.pick<unknown>([1, 5, -1, 0, 1.5, 1e300, -5, '5', null, 2 ** 60]), start: dice.pick(['web\0', '', '..', '../x', 'a/../b', '\0', '/', '\uffff', 'x'.repeat(50_000), '__proto__', 'fuzz/web\0']) }, { v: 'meta.k8s.io/v2', rv: 1, start: 'a' }, [], 1, null, 'x', { v: { toString: 1 } }, { v: 'meta.k8s.io/v1', rv: 3, start: 5 }]);
  const text = Buffer.from(JSON.stringify(token)).toString(dice.pick(['base64url', 'base64']));
  return dice.once(5) ? hostileText(dice, false) : dice.once(8) ? text.slice(0, dice.below(text.length)) : text;
}

type Values = (dice: Dice) => string;
const from = (list: readonly string[]): Values => (dice) => (dice.once(10) ? hostileText(dice) : dice.pick(list));

const listParameters: Readonly<Record<string, Values>> = {
  labelSelector: from(labelSelectors),
  fieldSelector: from(fieldSelectors),
  limit: from(numbers),
  continue: continueToken,
  resourceVersion: from(versions),
  resourceVersionMatch: from(['', 'Exact', 'NotOlderThan', 'x', 'exact']),
  timeoutSeconds: from(['1', '0', '-1', 'x', '9223372036854775807', '1e9']),
  watch: from(booleans),
  allowWatchBookmarks: from(booleans),
  sendInitialEvents: from(booleans),
  includeObject: from(['None', 'Metadata', 'Object', 'x', '']),
  pretty: from(booleans),
};
const writeParameters: Readonly<Record<string, Values>> = {
  dryRun: from(['All', '', 'x', 'all']),
  fieldManager: from(['m', '', 'x'.repeat(129), '\0', 'é', ...nativeKeys]),
  fieldValidation: from(['Strict', 'Warn', 'Ignore', 'x', '']),
  force: from(booleans),
  pretty: from(booleans),
};
const otherParameters: Readonly<Record<string, Values>> = {
  gracePeriodSeconds: from(numbers),
  propagationPolicy: from(['Foreground', 'Background', 'Orphan', '', 'x']),
  orphanDependents: from(booleans),
  command: from(['ls', '']),
  container: from(['main', '']),
  tailLines: from(numbers),
  sinceTime: from(['2026-01-02T03:04:05Z', 'x']),
  path: from(['/', '..', '']),
};
const sets = { list: listParameters, write: writeParameters, any: { ...listParameters, ...writeParameters, ...otherParameters } };

const encode = (text: string, dice: Dice): string => (dice.once(15) ? text.replaceAll('#', '') : encodeURIComponent(text.toWellFormed()));

/** A few parameters; sometimes one of them twice, or with odd encoding. */
export function queryOf(dice: Dice, kind: keyof typeof sets): string {
  const parameters = sets[kind];
  const parts: string[] = [];
  for (let i = dice.between(1, 3); i > 0; i--) {
    const name = dice.pick(Object.keys(parameters));
    parts.push(`${name}=${encode(parameters[name](dice), dice)}`);
    if (dice.once(20)) parts.push(`${name}=${encode(parameters[name](dice), dice)}`);
  }
  if (dice.once(15)) parts.push(dice.pick(['&&', '=', '%', '%zz=1', 'watch', 'a=b=c', '?', '%00=%00', 'labelSelector', `${'a=1&'.repeat(5_000)}`]));
  return parts.join('&');
}
