/**
 * Grammars of names, as k8s.io/apimachinery/pkg/util/validation has them. Each check returns what is wrong, in the
 * API's words; an empty list means the value is fine.
 */
import { invalid, type FieldError } from '@pilothouse/apimachinery';

export type NameCheck = (value: string) => readonly string[];

const fine: readonly string[] = [];

export const regexError = (message: string, pattern: string, ...examples: string[]): string =>
  examples.length ? `${message} (e.g. ${examples.map((e) => `'${e}', `).join(' or ')}regex used for validation is '${pattern}')` : `${message} (regex used for validation is '${pattern}')`;
export const maxLengthError = (length: number): string => `must be no more than ${length} characters`;
export const rangeError = (from: number, to: number): string => `must be between ${from} and ${to}, inclusive`;

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain = `${label}(\\.${label})*`;
const label1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const underscoreLabel = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const underscoreSubdomain = `${underscoreLabel}(\\.${underscoreLabel})*`;
const qualified = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';

const labelRe = new RegExp(`^${label}$`);
const subdomainRe = new RegExp(`^${subdomain}$`);
const label1035Re = new RegExp(`^${label1035}$`);
const underscoreSubdomainRe = new RegExp(`^${underscoreSubdomain}$`);
const wildcardRe = new RegExp(`^\\*\\.${subdomain}$`);
const qualifiedRe = new RegExp(`^${qualified}$`);
const labelValueRe = new RegExp(`^(${qualified})?$`);

function check(value: string, max: number, re: RegExp, message: () => string, lengthMessage = maxLengthError(max)): readonly string[] {
  if (value.length <= max && re.test(value)) return fine;
  const errors: string[] = [];
  if (value.length > max) errors.push(lengthMessage);
  if (!re.test(value)) errors.push(message());
  return errors;
}

export const isDns1123Label: NameCheck = (value) =>
  check(value, 63, labelRe, () =>
    subdomainRe.test(value)
      ? 'must not contain dots'
      : regexError("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character", label, 'my-name', '123-abc'),
  );

export const isDns1123Subdomain: NameCheck = (value) =>
  check(value, 253, subdomainRe, () =>
    regexError("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character", subdomain, 'example.com'),
  );

export const isDns1123SubdomainWithUnderscore: NameCheck = (value) =>
  check(value, 253, underscoreSubdomainRe, () =>
    regexError("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character", underscoreSubdomain, 'example.com'),
  );

export const isDns1035Label: NameCheck = (value) =>
  check(value, 63, label1035Re, () =>
    regexError("a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character", label1035, 'my-name', 'abc-123'),
  );

export const isWildcardDns1123Subdomain: NameCheck = (value) =>
  check(value, 253, wildcardRe, () =>
    regexError(
      "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
      `\\*\\.${subdomain}`,
      '*.example.com',
    ),
  );

const qualifiedMessage = () => regexError("must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character", qualified, 'MyName', 'my.name', '123-abc');

/** A label's or annotation's key: an optional DNS prefix, a slash, a name. */
export const isQualifiedName: NameCheck = (value) => {
  const slash = value.indexOf('/');
  const name = slash < 0 ? value : value.slice(slash + 1);
  if (slash < 0 && name.length <= 63 && qualifiedRe.test(name)) return fine;
  const errors: string[] = [];
  if (slash >= 0) {
    if (name.includes('/')) return [`a valid label key ${qualifiedMessage()} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
    const prefix = value.slice(0, slash);
    if (!prefix) errors.push('prefix part must be non-empty');
    else for (const message of isDns1123Subdomain(prefix)) errors.push(`prefix part ${message.replace(/characters$/, 'bytes')}`);
  }
  if (!name) errors.push('name part must be non-empty');
  else if (name.length > 63) errors.push('name part must be no more than 63 bytes');
  if (!qualifiedRe.test(name)) errors.push(`name part ${qualifiedMessage()}`);
  return errors;
};

export const isLabelValue: NameCheck = (value) =>
  check(
    value,
    63,
    labelValueRe,
    () => regexError("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character", `(${qualified})?`, 'MyValue', 'my_value', '12345'),
    'must be no more than 63 bytes',
  );

const cIdentifier = '[A-Za-z_][A-Za-z0-9_]*';
const cIdentifierRe = new RegExp(`^${cIdentifier}$`);
export const isCIdentifier: NameCheck = (value) =>
  cIdentifierRe.test(value) ? fine : [regexError("a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'", cIdentifier, 'my_name', 'MY_NAME', 'MyName')];

export const isPortNumber = (port: number): readonly string[] => (port >= 1 && port <= 65535 ? fine : [rangeError(1, 65535)]);
/** User and group ids. */
export const isId = (id: number): readonly string[] => (id >= 0 && id <= 2147483647 ? fine : [rangeError(0, 2147483647)]);

export const isPortName: NameCheck = (port) => {
  const errors: string[] = [];
  if (port.length > 15) errors.push(maxLengthError(15));
  if (!/^[-a-z0-9]+$/.test(port)) errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(port)) errors.push('must contain at least one letter (a-z)');
  if (port.includes('--')) errors.push('must not contain consecutive hyphens');
  if (port.startsWith('-') || port.endsWith('-')) errors.push('must not begin or end with a hyphen');
  return errors;
};

export const isPercent: NameCheck = (value) => (/^[0-9]+%$/.test(value) ? fine : [regexError("a valid percent string must be a numeric string followed by an ending '%'", '[0-9]+%', '1%', '93%')]);
export const isHttpHeaderName: NameCheck = (value) => (/^[-A-Za-z0-9]+$/.test(value) ? fine : [regexError("a valid HTTP header must consist of alphanumeric characters or '-'", '[-A-Za-z0-9]+', 'X-Header-Name')]);

/** Any printable ASCII but `=`. */
export const isEnvVarName: NameCheck = (value) => {
  if (value.length === 0) return ['environment variable name must be non-empty'];
  return /^[\x20-\x3c\x3e-\x7e]*$/.test(value) ? fine : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
};

export const isConfigMapKey: NameCheck = (value) => {
  const errors = [...check(value, 253, /^[-._a-zA-Z0-9]+$/, () => regexError("a valid config key must consist of alphanumeric characters, '-', '_' or '.'", '[-._a-zA-Z0-9]+', 'key.name', 'KEY_NAME', 'key-name'))];
  if (value === '.') errors.push("must not be '.'");
  else if (value === '..') errors.push("must not be '..'");
  else if (value.startsWith('..')) errors.push("must not start with '..'");
  return errors;
};

export const isDecimalInteger: NameCheck = (value) => (value === '' ? ['must be non-empty'] : /^(0|-?[1-9]\d*)$/.test(value) ? fine : ['must be a valid decimal integer in canonical form']);

/** What may stand as one segment of a URL path: names of RBAC objects. */
export const isPathSegment: NameCheck = (name) => {
  if (name === '.' || name === '..') return [`may not be '${name}'`];
  return ['/', '%'].filter((c) => name.includes(c)).map((c) => `may not contain '${c}'`);
};

/** Pushes one Invalid finding per complaint of the check. */
export function checkName(errors: FieldError[], path: string, value: string, check: NameCheck): void {
  for (const message of check(value)) errors.push(invalid(path, value, message));
}
