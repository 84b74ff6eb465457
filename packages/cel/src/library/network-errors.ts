/** Why a text is no address or prefix, in the words of Go's net/netip. */
import { parseIp } from '@pilothouse/apimachinery';

const quoted = (text: string): string => JSON.stringify(text);

function whyNoIpv4(text: string, part: string): string | undefined {
  const fail = (why: string, at?: string) => `ParseAddr(${quoted(text)}): ${why}${at === undefined ? '' : ` (at ${quoted(at)})`}`;
  const fields = part.split('.');
  let digits = 0;
  let value = 0;
  let dots = 0;
  for (let i = 0; i < part.length; i++) {
    const character = part[i];
    if (/\d/.test(character)) {
      if (digits === 1 && value === 0) return fail('IPv4 field has octet with leading zero');
      value = value * 10 + Number(character);
      digits++;
      if (value > 255) return fail('IPv4 field has value >255');
    } else if (character === '.') {
      if (i === 0 || i === part.length - 1 || part[i - 1] === '.') return fail('IPv4 field must have at least one digit', part.slice(i));
      if (dots === 3) return fail('IPv4 address too long');
      dots++;
      value = digits = 0;
    } else return fail('unexpected character', part.slice(i));
  }
  return fields.length < 4 ? fail('IPv4 address too short') : undefined;
}

/** Undefined where the text is an address. */
export function whyNoIp(text: string): string | undefined {
  const bare = text.replace(/%.*$/, '');
  const kind = /[.:%]/.exec(text)?.[0];
  if (!kind) return `ParseAddr(${quoted(text)}): unable to parse IP`;
  if (kind === '%') return `ParseAddr(${quoted(text)}): missing IPv6 address`;
  if (kind === '.') return whyNoIpv4(text, text);
  if (text.endsWith('%')) return `ParseAddr(${quoted(text)}): zone must be a non-empty string`;
  if (parseIp(bare)) return undefined;
  return whyNoIpv6(text, bare);
}

function whyNoIpv6(text: string, bare: string): string {
  const fail = (why: string, at?: string) => `ParseAddr(${quoted(text)}): ${why}${at === undefined ? '' : ` (at ${quoted(at)})`}`;
  let rest = bare;
  let fields = 0;
  let ellipsis = false;
  if (rest.startsWith('::')) {
    ellipsis = true;
    rest = rest.slice(2);
  }
  while (rest && fields < 8) {
    const hex = /^[0-9a-fA-F]*/.exec(rest)![0];
    if (hex.length > 4) return fail('each group must have 4 or less digits', rest);
    if (!hex) return fail('each colon-separated field must have at least one digit', rest);
    fields++;
    rest = rest.slice(hex.length);
    if (rest.startsWith('.')) return fail('embedded IPv4 address must replace the final 2 fields of the address', hex + rest);
    if (!rest) break;
    if (rest[0] !== ':') return fail('unexpected character, want colon', rest);
    if (rest.length === 1) return fail('colon must be followed by more characters', rest);
    rest = rest.slice(1);
    if (rest[0] === ':') {
      if (ellipsis) return fail('multiple :: in address', rest);
      ellipsis = true;
      rest = rest.slice(1);
    }
  }
  if (rest) return fail('trailing garbage after address', rest);
  return fields < 8 && !ellipsis ? fail('address string too short') : fail('the :: must expand to at least one field of zeros');
}

/** Undefined where the text is an address and a prefix length. */
export function whyNoPrefix(text: string): string | undefined {
  const fail = (why: string) => `netip.ParsePrefix(${quoted(text)}): ${why}`;
  const slash = text.lastIndexOf('/');
  if (slash < 0) return fail("no '/'");
  const address = text.slice(0, slash);
  const why = whyNoIp(address);
  if (why) return fail(why);
  if (address.includes('%')) return fail('IPv6 zones cannot be present in a prefix');
  const length = text.slice(slash + 1);
  if (!/^(0|[1-9]\d*)$/.test(length)) return fail(`bad bits after slash: ${quoted(length)}`);
  return Number(length) > (address.includes(':') ? 128 : 32) ? fail('prefix length out of range') : undefined;
}
