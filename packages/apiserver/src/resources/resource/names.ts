/** Names of pools, attributes and shares. */
import { byteLength, dns1123Subdomain, type FieldError, goQuote, invalid, required, tooLong } from '@pilothouse/apimachinery';
import { checkName } from '../validation/check-name.ts';
import { validateCsiDriverName } from '../validation/volume-sources.ts';

const longestPoolName = 253;
const longestId = 32;
/** A domain, a slash and an identifier. */
export const longestQualifiedName = 63 + 1 + longestId;

/** Subdomains separated by slashes. */
export function validatePoolName(errors: FieldError[], name: string | undefined, path: string): void {
  if (!name) return void errors.push(required(path));
  if (byteLength(name) > longestPoolName) errors.push(tooLong(path, longestPoolName));
  for (const part of name.split('/')) checkName(errors, path, part, dns1123Subdomain);
}

const identifier = '[A-Za-z_][A-Za-z0-9_]*';
const identifierText = `a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '${identifier}')`;

function validateIdentifier(errors: FieldError[], id: string, path: string): void {
  if (byteLength(id) > longestId) errors.push(tooLong(path, longestId));
  if (!new RegExp(`^${identifier}$`).test(id)) errors.push(invalid(path, id, identifierText));
}

/** Of an attribute or a capacity: an identifier, by itself or after a domain. */
export function validateQualifiedName(errors: FieldError[], name: string, path: string): void {
  const parts = name.split('/');
  if (parts.length === 1) validateIdentifier(errors, name, path);
  if (parts.length !== 2) return;
  const [domain, id] = parts;
  if (!domain) errors.push(invalid(path, '', 'the domain must not be empty'));
  else validateCsiDriverName(errors, domain, path);
  if (!id) errors.push(invalid(path, '', 'the name must not be empty'));
  else validateIdentifier(errors, id, path);
}

/** One that says its domain. */
export function validateFullyQualifiedName(errors: FieldError[], name: string, path: string): void {
  validateQualifiedName(errors, name, path);
  if (!name.includes('/')) errors.push(invalid(path, name, 'a fully qualified name must be a domain and a name separated by a slash'));
}

const hexFormat = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;

/** What is wrong with a UUID in any of the forms that are read. */
function uuidProblem(uid: string): string | undefined {
  switch (byteLength(uid)) {
    case 36:
      return hexFormat.test(uid) ? undefined : 'invalid UUID format';
    case 45:
      return uid.slice(0, 9).toLowerCase() !== 'urn:uuid:' ? `invalid urn prefix: ${goQuote(uid.slice(0, 9))}` : hexFormat.test(uid.slice(9)) ? undefined : 'invalid UUID format';
    case 38:
      return !uid.startsWith('{') || !uid.endsWith('}') ? 'invalid bracketed UUID format' : hexFormat.test(uid.slice(1, -1)) ? undefined : 'invalid UUID format';
    case 32:
      return /^[\da-f]{32}$/i.test(uid) ? undefined : 'invalid UUID format';
    default:
      return `invalid UUID length: ${byteLength(uid)}`;
  }
}

export function validateShareId(errors: FieldError[], uid: string, path: string): void {
  const problem = uuidProblem(uid);
  if (problem) errors.push(invalid(path, uid, `error validating uid: ${problem}`));
  else if (uid.length !== 36 || uid !== uid.toLowerCase()) errors.push(invalid(path, uid, 'uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters'));
}
