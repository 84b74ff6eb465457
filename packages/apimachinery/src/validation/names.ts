/**
 * Grammars of names, labels and other short texts. Each check returns upstream's messages, none where the text is valid.
 * Facts: k8s.io/apimachinery/pkg/util/validation and pkg/api/validate/content.
 */

/** Bytes of the text in UTF-8, which is what Kubernetes' limits count. */
export const byteLength = (text: string): number => {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) bytes += code > 0x7ff ? (code >= 0xd800 && code <= 0xdfff ? 1 : 2) : 1;
  }
  return bytes;
};

export const maxLengthText = (length: number): string => `must be no more than ${length} characters`;
export const maxBytesText = (length: number): string => `must be no more than ${length} bytes`;
export const emptyText = 'must be non-empty';
export const rangeText = (low: number, high: number): string => `must be between ${low} and ${high}, inclusive`;
/** The sentence for a text that does not match, with examples and the expression. */
export const regexText = (message: string, format: string, ...examples: string[]): string =>
  `${message} (${examples.length ? `e.g. ${examples.map((e) => `'${e}', `).join(' or ')}` : ''}regex used for validation is '${format}')`;

const whole = (format: string, flags?: string) => new RegExp(`^${format}$`, flags);

interface Grammar {
  format: string;
  message: string;
  examples: string[];
  max?: number;
}
/** A check for one grammar with an optional limit in bytes. */
function grammar({ format, message, examples, max }: Grammar, tooLong: (max: number) => string = maxLengthText): (value: string) => string[] {
  const pattern = whole(format);
  return (value) => {
    const errors: string[] = [];
    if (max !== undefined && byteLength(value) > max) errors.push(tooLong(max));
    if (!pattern.test(value)) errors.push(regexText(message, format, ...examples));
    return errors;
  };
}

const dnsLabelFormat = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const dnsSubdomainFormat = `${dnsLabelFormat}(\\.${dnsLabelFormat})*`;
const dnsUnderscoreLabelFormat = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const dnsLabel = whole(dnsLabelFormat);
const dnsSubdomain = whole(dnsSubdomainFormat);
const dnsLabelMessage = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const dnsSubdomainGrammar: Grammar = { format: dnsSubdomainFormat, message: "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character", examples: ['example.com'], max: 253 };

/** `my-name`: at most 63 characters, no dots. */
export function dns1123Label(value: string): string[] {
  const errors: string[] = [];
  if (byteLength(value) > 63) errors.push(maxLengthText(63));
  if (!dnsLabel.test(value)) errors.push(dnsSubdomain.test(value) ? 'must not contain dots' : regexText(dnsLabelMessage, dnsLabelFormat, 'my-name', '123-abc'));
  return errors;
}
/** `example.com`: at most 253 characters. */
export const dns1123Subdomain = grammar(dnsSubdomainGrammar);
const dns1123SubdomainBytes = grammar(dnsSubdomainGrammar, maxBytesText);
export const dns1123SubdomainWithUnderscore = grammar({
  format: `${dnsUnderscoreLabelFormat}(\\.${dnsUnderscoreLabelFormat})*`,
  message: "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
  examples: ['example.com'],
  max: 253,
});
export const dns1035Label = grammar({
  format: '[a-z]([-a-z0-9]*[a-z0-9])?',
  message: "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  examples: ['my-name', 'abc-123'],
  max: 63,
});
export const wildcardDns1123Subdomain = grammar({
  format: `\\*\\.${dnsSubdomainFormat}`,
  message: "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
  examples: ['*.example.com'],
  max: 253,
});

const labelKeyFormat = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const labelKeyMessage = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const labelKeyPattern = whole(labelKeyFormat);
const labelKeyText = regexText(labelKeyMessage, labelKeyFormat, 'MyName', 'my.name', '123-abc');

/** A key of labels, annotations, resources, finalizers…: `name` or `example.com/name`. */
export function qualifiedName(value: string): string[] {
  const slash = value.indexOf('/');
  if (slash >= 0 && value.indexOf('/', slash + 1) >= 0) return [`a valid label key ${labelKeyText} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  const errors: string[] = [];
  if (slash >= 0) {
    const prefix = value.slice(0, slash);
    if (!prefix) errors.push(`prefix part ${emptyText}`);
    else for (const text of dns1123SubdomainBytes(prefix)) errors.push(`prefix part ${text}`);
  }
  const name = slash >= 0 ? value.slice(slash + 1) : value;
  if (!name) errors.push(`name part ${emptyText}`);
  else if (byteLength(name) > 63) errors.push(`name part ${maxBytesText(63)}`);
  if (!labelKeyPattern.test(name)) errors.push(`name part ${labelKeyText}`);
  return errors;
}
export const labelValue = grammar(
  {
    format: `(${labelKeyFormat})?`,
    message: "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    examples: ['MyValue', 'my_value', '12345'],
    max: 63,
  },
  maxBytesText,
);

export const percent = grammar({ format: '[0-9]+%', message: "a valid percent string must be a numeric string followed by an ending '%'", examples: ['1%', '93%'] });
export const httpHeaderName = grammar({ format: '[-A-Za-z0-9]+', message: "a valid HTTP header must consist of alphanumeric characters or '-'", examples: ['X-Header-Name'] });
export const conditionReason = grammar({
  format: '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?',
  message: "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
  examples: ['my_name', 'MY_NAME', 'MyName', 'ReasonA,ReasonB', 'ReasonA:ReasonB'],
});
const configMapKeyText = grammar({ format: '[-._a-zA-Z0-9]+', message: "a valid config key must consist of alphanumeric characters, '-', '_' or '.'", examples: ['key.name', 'KEY_NAME', 'key-name'], max: 253 });

const upwardPath = (value: string): string[] => (value === '.' ? ["must not be '.'"] : value === '..' ? ["must not be '..'"] : value.startsWith('..') ? ["must not start with '..'"] : []);

/** A key of a ConfigMap or Secret, which may become a file's name. */
export const configMapKey = (value: string): string[] => [...configMapKeyText(value), ...upwardPath(value)];
/** An environment variable's name, as v1.34 and later accept it: printable ASCII other than `=`. */
export function relaxedEnvVarName(value: string): string[] {
  const errors = value ? [] : [`environment variable name ${emptyText}`];
  if (!/^[ -<>-~]*$/.test(value)) errors.push("a valid environment variable name must consist only of printable ASCII characters other than '='");
  return errors;
}

export const inRange = (value: number, low: number, high: number): string[] => (value >= low && value <= high ? [] : [rangeText(low, high)]);
export const portNumber = (port: number): string[] => inRange(port, 1, 65535);
/** Ids of users and groups. */
export const userId = (id: number): string[] => inRange(id, 0, 2147483647);
/** An IANA service name: at most 15 of `[-a-z0-9]`, with a letter. */
export function portName(port: string): string[] {
  const errors: string[] = [];
  if (byteLength(port) > 15) errors.push(maxLengthText(15));
  if (!/^[-a-z0-9]+$/.test(port)) errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(port)) errors.push('must contain at least one letter (a-z)');
  if (port.includes('--')) errors.push('must not contain consecutive hyphens');
  if (port.startsWith('-') || port.endsWith('-')) errors.push('must not begin or end with a hyphen');
  return errors;
}

/** A name that may stand in a URL's path: RBAC objects and some others. */
export function pathSegmentName(value: string): string[] {
  if (value === '.') return ["may not be '.'"];
  if (value === '..') return ["may not be '..'"];
  return pathSegmentPrefix(value);
}
/** The beginning of such a name. */
export const pathSegmentPrefix = (value: string): string[] => ['/', '%'].filter((illegal) => value.includes(illegal)).map((illegal) => `may not contain '${illegal}'`);

/** A check of a name; with `prefix` the text is a `generateName`, to which a suffix will be added. */
export type NameCheck = (name: string, prefix?: boolean) => string[];
/** A generateName may end in `-`: the suffix takes the place of what follows. */
const maskTrailingDash = (name: string): string => (name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name);
const nameOf =
  (check: (value: string) => string[]): NameCheck =>
  (name, prefix) =>
    check(prefix ? maskTrailingDash(name) : name);

export const nameIsDnsSubdomain: NameCheck = nameOf(dns1123Subdomain);
export const nameIsDnsLabel: NameCheck = nameOf(dns1123Label);
export const nameIsPathSegment: NameCheck = (name, prefix) => (prefix ? pathSegmentPrefix(name) : pathSegmentName(name));
