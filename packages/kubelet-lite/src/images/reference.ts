/** Image references (github.com/distribution/reference): their form, and the tag of those that have none. */

const path = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const domainForm = /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const tagForm = /^[\w][\w.-]{0,127}$/;
const digestForm = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;

export interface ImageName {
  /** Registry: `docker.io` for short names. */
  domain: string;
  /** With `library/` for short names of docker.io. */
  path: string;
  tag?: string;
  digest?: string;
}

/** The parts of a reference, or what is wrong with it. */
export function parseImage(reference: string): ImageName | { problem: string } {
  const format = { problem: 'invalid reference format' };
  if (/^[a-f0-9]{64}$/.test(reference)) return { problem: `invalid repository name (${reference}), cannot specify 64-byte hexadecimal strings` };
  let rest = reference;
  let digest: string | undefined;
  const at = rest.indexOf('@');
  if (at >= 0) {
    digest = rest.slice(at + 1);
    rest = rest.slice(0, at);
    if (!digestForm.test(digest)) return format;
  }
  const slash = rest.indexOf('/');
  const first = slash < 0 ? '' : rest.slice(0, slash);
  const hasDomain = first.includes('.') || first.includes(':') || first === 'localhost' || first !== first.toLowerCase();
  const domain = hasDomain ? first : 'docker.io';
  let remote = hasDomain ? rest.slice(slash + 1) : rest;
  let tag: string | undefined;
  const colon = remote.indexOf(':');
  if (colon >= 0) {
    tag = remote.slice(colon + 1);
    remote = remote.slice(0, colon);
    if (!tagForm.test(tag)) return format;
  }
  if (remote !== remote.toLowerCase()) return { problem: 'invalid reference format: repository name must be lowercase' };
  if (!path.test(remote) || !domainForm.test(domain)) return format;
  const full = domain === 'docker.io' && !remote.includes('/') ? `library/${remote}` : remote;
  return { domain, path: full, tag, digest };
}

/** The reference, `:latest` added where it has neither tag nor digest. */
export function withDefaultTag(reference: string): { reference: string } | { problem: string } {
  const parsed = parseImage(reference);
  if ('problem' in parsed) return parsed;
  return { reference: parsed.tag || parsed.digest ? reference : `${reference}:latest` };
}
