/** `format.dns1123Label()` and its kin, and `jsonpatch.escapeKey`. */
import { dns1035Label, labelValue, nameIsDnsLabel, nameIsDnsSubdomain, qualifiedName } from '@pilothouse/apimachinery';
import { declare, type Library, member, overload } from '../check/declarations.ts';
import { none, type Opaque, Optional } from '../eval/values.ts';
import { listOf, optionalOf, stringType, structOf } from '../types.ts';
import { timestampNanos } from './time-texts.ts';
import { whyNoUrl } from './urls.ts';

export const formatType = structOf('kubernetes.NamedFormat');

class Format implements Opaque {
  readonly celType = formatType;
  readonly name: string;
  /** What is wrong with a text. */
  readonly validate: (text: string) => string[];
  /** What validating is counted by. */
  readonly maxRegexSize: number;
  constructor(name: string, maxRegexSize: number, validate: (text: string) => string[]) {
    this.name = name;
    this.maxRegexSize = maxRegexSize;
    this.validate = validate;
  }
  equals(other: Format): boolean {
    return this.name === other.name;
  }
}

const holds = (message: string, test: (text: string) => boolean) => (text: string): string[] => (test(text) ? [] : [message]);
const prefixOf = (check: (text: string) => string[]) => (text: string): string[] => check(text.endsWith('-') ? `${text.slice(0, -1)}a` : text);
const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const isDate = (text: string): boolean => /^\d{4}-\d\d-\d\d$/.test(text) && timestampNanos(`${text}T00:00:00Z`) !== undefined;

const formats = new Map<string, Format>(
  ([
    ['dns1123Label', 'DNS1123Label', 30, nameIsDnsLabel],
    ['dns1123Subdomain', 'DNS1123Subdomain', 60, nameIsDnsSubdomain],
    ['dns1035Label', 'DNS1035Label', 30, dns1035Label],
    ['qualifiedName', 'QualifiedName', 60, qualifiedName],
    ['dns1123LabelPrefix', 'DNS1123LabelPrefix', 30, (text) => nameIsDnsLabel(text, true)],
    ['dns1123SubdomainPrefix', 'DNS1123SubdomainPrefix', 60, (text) => nameIsDnsSubdomain(text, true)],
    ['dns1035LabelPrefix', 'DNS1035LabelPrefix', 30, prefixOf(dns1035Label)],
    ['labelValue', 'LabelValue', 40, labelValue],
    ['uri', 'URI', 1103, (text) => [whyNoUrl(text) ?? ''].filter(Boolean)],
    ['uuid', 'uuid', 96, holds('does not match the UUID format', (text) => uuid.test(text))],
    ['byte', 'byte', 84, holds('invalid base64', (text) => base64.test(text))],
    ['date', 'date', 125, holds('invalid date', isDate)],
    ['datetime', 'datetime', 125, holds('invalid datetime', (text) => timestampNanos(text) !== undefined)],
  ] as [string, string, number, (text: string) => string[]][]).map(([name, title, size, validate]) => [name, new Format(title, size, (text) => validate(text))]),
);

export const formatsLibrary: Library = {
  functions: [
    ...[...formats].map(([name, format]) => declare(`format.${name}`, overload(`format.${name}`, [], formatType, () => format))),
    declare(
      'validate',
      member('format-validate', [formatType, stringType], optionalOf(listOf(stringType)), (format: Format, text: string) => {
        const wrong = format.validate(text);
        return wrong.length ? new Optional(wrong) : none;
      }),
    ),
    declare('format.named', overload('format-named', [stringType], optionalOf(formatType), (name: string) => (formats.has(name) ? new Optional(formats.get(name)!) : none))),
  ],
};

export const jsonPatchLibrary: Library = {
  functions: [declare('jsonpatch.escapeKey', overload('string_jsonpatch_escapeKey_string', [stringType], stringType, (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1')))],
};
