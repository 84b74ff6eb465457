/** Where a proxied request goes, and how failing to get there is told. */
import { badRequestError, StatusError } from '@pilothouse/apimachinery';
import { BlockList, isIP } from 'node:net';

export interface Target {
  secure: boolean;
  host: string;
  port: number;
}

/** Splits `name`, `name:port` or `scheme:name:port` of a proxy path; undefined where it is none of them. */
export function splitSchemeNamePort(id: string): { scheme: '' | 'http' | 'https'; name: string; port: string } | undefined {
  const parts = id.split(':');
  const [scheme, name, port] = parts.length === 3 ? parts : ['', parts[0], parts[1] ?? ''];
  if (parts.length > 3 || !name || !['', 'http', 'https'].includes(scheme)) return undefined;
  return { scheme: scheme as '', name, port };
}

const closed = new BlockList();
closed.addSubnet('127.0.0.0', 8, 'ipv4');
closed.addSubnet('169.254.0.0', 16, 'ipv4');
closed.addSubnet('224.0.0.0', 4, 'ipv4');
closed.addAddress('0.0.0.0', 'ipv4');
closed.addAddress('255.255.255.255', 'ipv4');
closed.addAddress('::1', 'ipv6');
closed.addAddress('::', 'ipv6');
closed.addSubnet('fe80::', 10, 'ipv6');
closed.addSubnet('ff00::', 8, 'ipv6');

/** Only addresses of other machines and pods may be reached: not the API server's own, nor link-local ones. @throws StatusError 400 */
export function requireProxyable(address: string | undefined): void {
  const family = isIP(address ?? '');
  if (!family || closed.check(address!, family === 6 ? 'ipv6' : 'ipv4')) throw badRequestError('address not allowed');
}

export const hostPort = (host: string, port: number | string): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

const untrusted = 'tls: failed to verify certificate: x509: certificate signed by unknown authority';
const tlsCauses: Readonly<Record<string, string>> = { DEPTH_ZERO_SELF_SIGNED_CERT: untrusted, SELF_SIGNED_CERT_IN_CHAIN: untrusted, UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted, UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted };
const causes: Readonly<Record<string, string>> = { ECONNREFUSED: 'connect: connection refused', EHOSTUNREACH: 'connect: no route to host', ENETUNREACH: 'connect: network is unreachable', ETIMEDOUT: 'i/o timeout' };

interface AltNameError {
  host: string;
  cert?: { subjectaltname?: string };
}

/** The certificate is another's. */
function wrongName({ host, cert }: AltNameError): string {
  const names = (cert?.subjectaltname ?? '').split(', ').filter((entry) => entry.startsWith('DNS:')).map((entry) => entry.slice(4));
  return `tls: failed to verify certificate: x509: certificate is ${names.length ? `valid for ${names.join(', ')}, not ${host}` : `not valid for any names, but wanted to match ${host}`}`;
}

/** `dial tcp 10.0.0.1:10250: connect: connection refused` */
export function dialError(target: Target, error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (code in tlsCauses) return tlsCauses[code];
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return wrongName(error as AltNameError);
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${target.host}: no such host`;
  return code in causes ? `dial tcp ${hostPort(target.host, target.port)}: ${causes[code]}` : message;
}

/** An error that upstream passes on as it comes: 500 without a reason. */
export const plainError = (message: string, cause?: unknown): StatusError => new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code: 500 }, { cause });
