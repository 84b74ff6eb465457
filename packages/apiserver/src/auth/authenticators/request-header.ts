/** A front proxy that has authenticated its users says who they are in headers; only its own certificate makes them believed. */
import { headerValues, unescapeExtraKey } from '../headers.ts';
import type { Authenticator } from '../../contract.ts';
import type { CertificateChecker } from './certificate.ts';

export interface RequestHeaderOptions {
  /** Names in lower case; upstream's defaults below. */
  userHeaders?: readonly string[];
  uidHeaders?: readonly string[];
  groupHeaders?: readonly string[];
  extraHeaderPrefixes?: readonly string[];
  /** Common names the proxy's certificate may have; empty: any of the authority's. */
  allowedNames?: readonly string[];
}

export const requestHeaderDefaults = { userHeaders: ['x-remote-user'], uidHeaders: ['x-remote-uid'], groupHeaders: ['x-remote-group'], extraHeaderPrefixes: ['x-remote-extra-'], allowedNames: ['front-proxy-client'] } as const;

export function requestHeaderAuthenticator(checker: CertificateChecker, options: RequestHeaderOptions = {}): Authenticator {
  const { userHeaders, uidHeaders, groupHeaders, extraHeaderPrefixes, allowedNames } = { ...requestHeaderDefaults, ...options };
  return {
    name: 'requestheader',
    authenticate({ headers, peer }) {
      const first = (names: readonly string[]) => {
        for (const name of names) {
          const value = headers[name] === undefined ? undefined : headerValues(headers, name).find(Boolean);
          if (value) return value;
        }
        return undefined;
      };
      const name = first(userHeaders);
      if (!name) return undefined;
      const proxy = checker.check(peer);
      if (!proxy || (allowedNames.length && !(allowedNames as readonly string[]).includes(proxy.commonName))) return undefined;
      const extra: Record<string, string[]> = Object.create(null);
      for (const prefix of extraHeaderPrefixes) {
        for (const header of Object.keys(headers)) {
          if (!header.startsWith(prefix)) continue;
          const key = unescapeExtraKey(header.slice(prefix.length));
          extra[key] = [...(extra[key] ?? []), ...headerValues(headers, header)];
        }
      }
      const uid = first(uidHeaders);
      return { user: { name, ...(uid && { uid }), groups: groupHeaders.flatMap((h) => headerValues(headers, h)).filter(Boolean), extra } };
    },
  };
}
