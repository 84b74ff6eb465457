/** A cluster as a person at a terminal reaches it: by kubectl's flags, environment and files. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { realRuntime, silentLogger, UserError } from '@pilothouse/base';
import { type Client, createClient, createSocketTransport, loadKubeconfig } from '@pilothouse/client';
import { programVersion } from '../version.ts';

export interface AccessFlags {
  kubeconfig?: string;
  context?: string;
  namespace?: string;
}

export interface UserAccess {
  client: Client;
  /** Of the flag, else of the context, else `default`. */
  namespace: string;
}

/** The first file of $KUBECONFIG that has the context, or ~/.kube/config. @throws UserError */
export function userAccess({ kubeconfig, context, namespace }: AccessFlags, name: string): UserAccess {
  const named = (process.env.KUBECONFIG ?? '').split(':').filter(Boolean);
  const files = kubeconfig ? [kubeconfig] : named.length ? named.filter((file) => existsSync(file)) : [join(homedir(), '.kube/config')];
  if (!files.length) throw new UserError(`no kubeconfig: $KUBECONFIG names ${named.join(', ')}, and there is none of them`);
  let refused: unknown;
  for (const file of files) {
    try {
      const access = loadKubeconfig(file, { context });
      const runtime = realRuntime(silentLogger);
      return { client: createClient(createSocketTransport(access, runtime), runtime, { userAgent: `${name}/v${programVersion}` }), namespace: namespace ?? access.namespace ?? 'default' };
    } catch (error) {
      refused ??= error;
    }
  }
  throw refused;
}
