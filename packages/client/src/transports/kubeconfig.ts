/** Where an API server is and who we are to it: from a kubeconfig file, or from a pod's service account. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UserError } from '@pilothouse/base';
import { load } from 'js-yaml';

export interface ClusterAccess {
  /** `https://host:port`, without a slash at the end. A path is kept as a prefix. */
  server: string;
  /** PEM of the authorities that may vouch for the server; absent: the system's. */
  certificateAuthority?: string | Buffer;
  /** Name to expect in the server's certificate instead of the host. */
  tlsServerName?: string;
  insecureSkipTlsVerify?: boolean;
  clientCertificate?: string | Buffer;
  clientKey?: string | Buffer;
  token?: string;
  /** Read anew at least once a minute. */
  tokenFile?: string;
  username?: string;
  password?: string;
  impersonate?: { user: string; uid?: string; groups?: string[] };
  /** The context's namespace. */
  namespace?: string;
}

interface Named<T> {
  name: string;
  value: T;
}

interface Cluster {
  server?: string;
  'certificate-authority'?: string;
  'certificate-authority-data'?: string;
  'tls-server-name'?: string;
  'insecure-skip-tls-verify'?: boolean;
}

interface AuthInfo {
  'client-certificate'?: string;
  'client-certificate-data'?: string;
  'client-key'?: string;
  'client-key-data'?: string;
  token?: string;
  tokenFile?: string;
  username?: string;
  password?: string;
  exec?: unknown;
  'auth-provider'?: unknown;
  as?: string;
  'as-uid'?: string;
  'as-groups'?: string[];
}

/** Reads a kubeconfig. Relative paths in it are relative to the file. @throws UserError saying what is missing. */
export function loadKubeconfig(file: string, options: { context?: string } = {}): ClusterAccess {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`cannot read the kubeconfig ${file}: ${(error as Error).message}`, { cause: error });
  }
  return parseKubeconfig(text, { ...options, file });
}

/** As `loadKubeconfig`, of a text; `file` is where it came from. */
export function parseKubeconfig(text: string, options: { context?: string; file: string }): ClusterAccess {
  const { file } = options;
  const config = (load(text) ?? {}) as Record<string, any>;
  const named = <T>(list: string, key: string, name: string): T => {
    const found = (config[list] as (Named<T> & Record<string, T>)[] | undefined)?.find((entry) => entry.name === name);
    if (!found) throw new UserError(`the kubeconfig ${file} has no entry ${JSON.stringify(name)} under ${list}`);
    return found[key] ?? ({} as T);
  };
  const contextName = options.context ?? config['current-context'];
  if (!contextName) throw new UserError(`the kubeconfig ${file} names no current-context`);
  const context = named<{ cluster: string; user?: string; namespace?: string }>('contexts', 'context', contextName);
  const cluster = named<Cluster>('clusters', 'cluster', context.cluster);
  const user = context.user ? named<AuthInfo>('users', 'user', context.user) : {};
  if (!cluster.server) throw new UserError(`the cluster ${JSON.stringify(context.cluster)} in the kubeconfig ${file} has no server`);
  for (const plugin of ['exec', 'auth-provider'] as const) {
    if (user[plugin]) throw new UserError(`the user ${JSON.stringify(context.user)} in the kubeconfig ${file} uses ${plugin}, which is not supported: give it a client certificate, a token or a tokenFile`);
  }
  const pem = (data: string | undefined, path: string | undefined) => (data ? Buffer.from(data, 'base64') : path ? readFileSync(resolve(dirname(file), path)) : undefined);
  return {
    server: cluster.server.replace(/\/+$/, ''),
    certificateAuthority: pem(cluster['certificate-authority-data'], cluster['certificate-authority']),
    tlsServerName: cluster['tls-server-name'],
    insecureSkipTlsVerify: cluster['insecure-skip-tls-verify'],
    clientCertificate: pem(user['client-certificate-data'], user['client-certificate']),
    clientKey: pem(user['client-key-data'], user['client-key']),
    token: user.token,
    tokenFile: user.tokenFile && resolve(dirname(file), user.tokenFile),
    username: user.username,
    password: user.password,
    ...(user.as && { impersonate: { user: user.as, uid: user['as-uid'], groups: user['as-groups'] } }),
    namespace: context.namespace,
  };
}

const mountDir = '/var/run/secrets/kubernetes.io/serviceaccount';

/** What a pod is given: the service's address from the environment, token and authority from the mounted volume. */
export function inClusterAccess(env: Record<string, string | undefined> = process.env, dir = mountDir): ClusterAccess {
  const host = env.KUBERNETES_SERVICE_HOST;
  const port = env.KUBERNETES_SERVICE_PORT;
  if (!host || !port) throw new UserError('unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined');
  return { server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`, certificateAuthority: readFileSync(`${dir}/ca.crt`), tokenFile: `${dir}/token` };
}
