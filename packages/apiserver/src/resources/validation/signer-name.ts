import { dns1123Label, dns1123Subdomain, type FieldError, goQuote, invalid, required, tooLong } from '@pilothouse/apimachinery';

/** `example.com/signer-name`: who signs certificates. */
export function validateSignerName(errors: FieldError[], name: string, path: string): void {
  if (!name) {
    errors.push(required(path));
    return;
  }
  const segments = name.split('/');
  if (segments.length !== 2) {
    errors.push(invalid(path, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'"));
    return;
  }
  const [domain, rest] = segments;
  const labels = domain.split('.');
  if (domain.length > 253) errors.push(tooLong(path, 253));
  const badLabel = labels.find((label) => dns1123Label(label).length > 0);
  if (badLabel !== undefined) for (const message of dns1123Label(badLabel)) errors.push(invalid(path, domain, `validating label ${goQuote(badLabel)}: ${message}`));
  if (labels.length < 2) errors.push(invalid(path, domain, 'should be a domain with at least two segments separated by dots'));
  const badPart = rest.split('.').find((part) => dns1123Subdomain(part).length > 0);
  if (badPart !== undefined) for (const message of dns1123Subdomain(badPart)) errors.push(invalid(path, rest, `validating label ${goQuote(badPart)}: ${message}`));
  if (name.length > 571) errors.push(tooLong(path, 571));
}
