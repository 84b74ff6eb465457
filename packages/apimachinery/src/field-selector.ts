/** Field selectors: `metadata.name=x,status.phase!=Running`. Facts: k8s.io/apimachinery/pkg/fields. */
import { SelectorError } from './label-selector.ts';

export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** A compiled selector. Immutable. */
export interface FieldMatcher {
  /** In the order of their sorted texts. */
  readonly requirements: readonly FieldRequirement[];
  readonly everything: boolean;
  /** `get` gives a field's value as text, `''` where it is not set. */
  matches(get: (field: string) => string): boolean;
  /** The one value that the field must have, if the selector says so. */
  exactValue(field: string): string | undefined;
  toString(): string;
}

export function fieldMatcher(requirements: readonly FieldRequirement[]): FieldMatcher {
  return {
    requirements,
    everything: requirements.length === 0,
    matches: (get) => requirements.every((r) => (get(r.field) === r.value) === (r.operator === '=')),
    exactValue: (field) => requirements.find((r) => r.field === field && r.operator === '=')?.value,
    toString: () => requirements.map((r) => `${r.field}${r.operator}${escapeFieldValue(r.value)}`).join(','),
  };
}

export const everyField: FieldMatcher = fieldMatcher([]);

/** A value as it must stand in a selector's text. */
export const escapeFieldValue = (value: string): string => value.replace(/[\\,=]/g, '\\$&');

function unescapeValue(text: string): string {
  if (!/[\\,=]/.test(text)) return text;
  let value = '';
  let escaped = false;
  for (const char of text) {
    if (escaped) {
      if (char !== '\\' && char !== ',' && char !== '=') throw new SelectorError(`invalid field selector: invalid escape sequence: \\${char}`);
      value += char;
      escaped = false;
    } else if (char === '\\') escaped = true;
    else if (char === ',' || char === '=') throw new SelectorError(`invalid field selector: unescaped character in value: ${char.charCodeAt(0)}`);
    else value += char;
  }
  if (escaped) throw new SelectorError('invalid field selector: invalid escape sequence: \\');
  return value;
}

function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === ',') {
      terms.push(text.slice(start, i));
      start = i + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

/**
 * Parses a query string's field selector. `convert` renames or refuses fields the resource does not offer
 * (it throws); a requirement it turns into an empty field and value is dropped.
 * @throws SelectorError
 */
export function parseFieldSelector(text: string, convert?: (field: string, value: string) => { field: string; value: string }): FieldMatcher {
  if (text === '') return everyField;
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text).sort()) {
    if (term === '') continue;
    const match = /!=|==?/.exec(term);
    if (!match) throw new SelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
    const field = term.slice(0, match.index);
    const value = unescapeValue(term.slice(match.index + match[0].length));
    const converted = convert ? convert(field, value) : { field, value };
    if (converted.field || converted.value || !convert) requirements.push({ ...converted, operator: match[0] === '!=' ? '!=' : '=' });
  }
  return fieldMatcher(requirements);
}
