/** The string formats that schemas of custom resources may ask for; any other is not looked at. Facts: kube-openapi strfmt, govalidator. */
import { parseCidr, parseIp } from '../validation/ip.ts';

type Format = (text: string) => boolean;

const matches =
  (expression: RegExp): Format =>
  (text) =>
    expression.test(text);

const utf8 = new TextEncoder();
const hostname = /^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9\-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}([a-zA-Z\p{L}]){2,63})$/u;
const shortName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const longName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const card = /^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|(222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11}|6[27][0-9]{14})$/;

function isCreditCard(text: string): boolean {
  const digits = text.replace(/\D+/g, '');
  if (!card.test(digits)) return false;
  let sum = 0;
  [...digits].reverse().forEach((digit, i) => {
    const doubled = i % 2 ? Number(digit) * 2 : Number(digit);
    sum += doubled > 9 ? doubled - 9 : doubled;
  });
  return sum % 10 === 0;
}

function isIsbn10(text: string): boolean {
  const digits = text.replace(/[\s-]+/g, '');
  if (!/^\d{9}[\dX]$/.test(digits)) return false;
  const sum = [...digits].reduce((total, digit, i) => total + (digit === 'X' ? 10 : Number(digit)) * (10 - i), 0);
  return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = text.replace(/[\s-]+/g, '');
  if (!/^\d{13}$/.test(digits)) return false;
  return [...digits].reduce((total, digit, i) => total + Number(digit) * (i % 2 ? 3 : 1), 0) % 10 === 0;
}

function isRequestUri(text: string): boolean {
  if (text.startsWith('/')) return !/[\s\u0000-\u001f\u007f]/.test(text) && !/%(?![0-9A-Fa-f]{2})/.test(text);
  return /^[A-Za-z][A-Za-z0-9+.-]*:/.test(text) && !/[\u0000-\u0020\u007f]/.test(text) && !/%(?![0-9A-Fa-f]{2})/.test(text);
}

/** `Some One <some@one.org>`, or the address alone. */
const isEmail: Format = (text) => /^(?:[^<>@,;:\\"[\]]*<)?\s*(?:[\w.!#$%&'*+/=?^`{|}~\u0080-\uffff-]+|"[^"]*")@(?:[\w\u0080-\uffff-]+(?:\.[\w\u0080-\uffff-]+)*|\[[^\]]+\])\s*>?$/.test(text.trim()) && text.includes('<') === text.trim().endsWith('>');

function isDate(text: string): boolean {
  const parts = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  if (!parts) return false;
  const [, year, month, day] = parts.map(Number);
  return month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(year % 400 ? year : 2000, month, 0)).getUTCDate();
}

/** As strfmt reads it: the date, a `T` or blank, the time, with or without fraction and zone. */
function isDateTime(text: string): boolean {
  const parts = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:?\d\d)?$/.exec(text);
  if (!parts || !isDate(parts[1])) return false;
  return Number(parts[2]) < 24 && Number(parts[3]) < 60 && Number(parts[4]) <= 60;
}

const isGoDuration = matches(/^[-+]?(0|(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))*)$/);
const isScalaDuration = matches(/^\s*((\d+)\s*(nanoseconds?|nanos?|nano|ns|microseconds?|micros?|us|µs|milliseconds?|millis?|ms|seconds?|s|minutes?|m|hours?|h|days?|d|weeks?|w)\s*)+$/i);

const isBase64: Format = (text) => /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/.test(text);

/** By name, without the dashes that names may be written with. */
const formats: ReadonlyMap<string, Format> = new Map<string, Format>([
  ['bsonobjectid', matches(/^[0-9a-fA-F]{24}$/)],
  ['uri', isRequestUri],
  ['email', isEmail],
  ['hostname', (text) => hostname.test(text) && text.length <= 255 && text.split('.').every((part) => utf8.encode(part).length <= 63)],
  ['ipv4', (text) => text.includes('.') && parseIp(text) !== undefined],
  ['ipv6', (text) => text.includes(':') && parseIp(text) !== undefined],
  ['cidr', (text) => parseCidr(text) !== undefined],
  ['mac', matches(/^(?:[0-9A-Fa-f]{2}([:-]))(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}$|^(?:[0-9A-Fa-f]{2}([:-]))(?:[0-9A-Fa-f]{2}\2){6}[0-9A-Fa-f]{2}$|^(?:[0-9A-Fa-f]{2}([:-]))(?:[0-9A-Fa-f]{2}\3){18}[0-9A-Fa-f]{2}$|^(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}$|^(?:[0-9A-Fa-f]{4}\.){3}[0-9A-Fa-f]{4}$|^(?:[0-9A-Fa-f]{4}\.){9}[0-9A-Fa-f]{4}$/)],
  ['uuid', matches(/^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i)],
  ['uuid3', matches(/^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i)],
  ['uuid4', matches(/^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i)],
  ['uuid5', matches(/^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i)],
  ['isbn', (text) => isIsbn10(text) || isIsbn13(text)],
  ['isbn10', isIsbn10],
  ['isbn13', isIsbn13],
  ['creditcard', isCreditCard],
  ['ssn', matches(/^\d{3}[- ]?\d{2}[- ]?\d{4}$/)],
  ['hexcolor', matches(/^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/)],
  ['rgbcolor', matches(/^rgb\(\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*\)$/)],
  ['byte', isBase64],
  ['password', () => true],
  ['date', isDate],
  ['duration', (text) => isGoDuration(text) || isScalaDuration(text)],
  ['datetime', isDateTime],
  ['k8sshortname', (text) => text.length <= 63 && shortName.test(text)],
  ['k8slongname', (text) => text.length <= 253 && longName.test(text)],
]);

/** How a format is checked; undefined for one that is not known. */
export const formatOf = (name: string): Format | undefined => formats.get(name.replaceAll('-', ''));
