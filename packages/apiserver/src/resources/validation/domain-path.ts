import { invalid, required, type FieldError } from '@pilothouse/apimachinery';
import { isDns1123Subdomain, regexError } from './names.ts';

const pattern = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

/** `acme.io/foo`: who controls something. */
export function validateDomainPath(errors: FieldError[], text: string, path: string): void {
  if (!text) {
    errors.push(required(path));
    return;
  }
  const slash = text.indexOf('/');
  if (slash <= 0 || slash === text.length - 1) {
    errors.push(invalid(path, text, 'must be a domain-prefixed path (such as "acme.io/foo")'));
    return;
  }
  const [host, rest] = [text.slice(0, slash), text.slice(slash + 1)];
  for (const message of isDns1123Subdomain(host)) errors.push(invalid(path, host, message));
  if (!new RegExp(`^${pattern}$`).test(rest)) errors.push(invalid(path, rest, regexError('Invalid path', pattern)));
}

