/** `fieldPath` of a rule: which field its failures are told of. */
import type { RuleSchema } from './contract.ts';

const quotes: Record<string, string> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', "'": "'", '\\': '\\' };

/** The path as errors print it (`.a['b']` of a map: `a[b]`); undefined where it leads nowhere. */
export function fieldPathOf(path: string, schema: RuleSchema): string | undefined {
  let at: RuleSchema | undefined = schema;
  let printed = '';
  let rest = path;
  while (rest) {
    const named = /^\.([^.[\]']+)/.exec(rest);
    const quoted = /^\['((?:[^'\\]|\\.)*)'\]/s.exec(rest);
    const part: RegExpExecArray | null = named ?? quoted;
    if (!part) return undefined;
    rest = rest.slice(part[0].length);
    const name: string = quoted && !named ? part[1].replace(/\\(.)/gs, (_, kind: string) => quotes[kind] ?? kind) : part[1];
    if (at.properties) {
      printed += printed ? `.${name}` : name;
      at = at.properties[name];
    } else if (typeof at.additionalProperties === 'object') {
      printed += `[${name}]`;
      at = at.additionalProperties;
    } else return undefined;
    if (!at) return undefined;
  }
  return printed;
}
