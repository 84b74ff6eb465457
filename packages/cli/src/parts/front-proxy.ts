/** The front proxy's flags of the API server. */
import { readFileSync } from 'node:fs';
import type { ProxyIdentity } from '@pilothouse/apiserver/aggregation/index';
import type { RequestHeaderOptions } from '@pilothouse/apiserver/auth/index';
import type { Pki } from '@pilothouse/apiserver/pki/index';
import { messageOf, UserError } from '@pilothouse/base';

export interface FrontProxy {
  /** PEM bundle of the authorities of proxies that are believed about their users. */
  authorities: string;
  requestHeader: RequestHeaderOptions;
  /** As whom this server asks extension servers. */
  identity: () => Promise<ProxyIdentity>;
}

export interface FrontProxyFlags {
  requestheaderClientCaFile?: string;
  requestheaderAllowedNames?: string[];
  requestheaderUsernameHeaders?: string[];
  requestheaderUidHeaders?: string[];
  requestheaderGroupHeaders?: string[];
  requestheaderExtraHeadersPrefix?: string[];
  proxyClientCertFile?: string;
  proxyClientKeyFile?: string;
}

function read(flag: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`--${flag} ${file}: ${messageOf(error)}`);
  }
}

const lower = (names: string[] | undefined): string[] | undefined => names?.map((name) => name.toLowerCase());

/** What the flags do not say is as the pki directory has it. @throws UserError for files that cannot be read and a certificate without its key */
export function frontProxyOf(flags: FrontProxyFlags, pki: Pki): FrontProxy {
  const { requestheaderClientCaFile: authorities, proxyClientCertFile: cert, proxyClientKeyFile: key } = flags;
  if (!cert !== !key) throw new UserError('--proxy-client-cert-file and --proxy-client-key-file belong together');
  const headers = { userHeaders: lower(flags.requestheaderUsernameHeaders), uidHeaders: lower(flags.requestheaderUidHeaders), groupHeaders: lower(flags.requestheaderGroupHeaders), extraHeaderPrefixes: lower(flags.requestheaderExtraHeadersPrefix) };
  const given = Object.fromEntries(Object.entries(headers).filter(([, names]) => names));
  // With authorities of one's own any of their names may be used, as upstream has it; with the cluster's it is the proxy's.
  const allowedNames = flags.requestheaderAllowedNames ?? (authorities ? [] : ['front-proxy-client']);
  const readPair = () => ({ certificate: read('proxy-client-cert-file', cert!), key: read('proxy-client-key-file', key!) });
  if (cert) readPair();
  return {
    authorities: authorities ? read('requestheader-client-ca-file', authorities) : pki.frontProxyCa.certificate,
    requestHeader: { ...given, allowedNames },
    identity: cert ? async () => readPair() : () => pki.client('front-proxy-client'),
  };
}
