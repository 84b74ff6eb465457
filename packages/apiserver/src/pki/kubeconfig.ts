/** kubeconfig files: whole ones for the daemons, and one entry among others in the user's own, as kind does it. */
import { mkdir, open, readFile, realpath, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Clock, UserError } from '@pilothouse/base';
import { dump, load } from 'js-yaml';
import { writeFileAtomically } from './files.ts';

/** How to reach the cluster, and as whom. PEM texts are embedded; files are referred to. */
export interface ClusterAccess {
  server: string;
  certificateAuthority?: string;
  certificateAuthorityFile?: string;
  clientCertificate?: string;
  clientKey?: string;
  clientCertificateFile?: string;
  clientKeyFile?: string;
  token?: string;
  namespace?: string;
}

interface Named {
  name: string;
  [key: string]: unknown;
}

interface Kubeconfig {
  apiVersion?: string;
  kind?: string;
  clusters?: Named[] | null;
  contexts?: Named[] | null;
  users?: Named[] | null;
  'current-context'?: string;
  [key: string]: unknown;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

function entries(name: string, access: ClusterAccess, userName: string): { cluster: Named; user: Named; context: Named } {
  return {
    cluster: {
      name,
      cluster: {
        ...(access.certificateAuthority !== undefined && { 'certificate-authority-data': base64(access.certificateAuthority) }),
        ...(access.certificateAuthorityFile !== undefined && { 'certificate-authority': access.certificateAuthorityFile }),
        server: access.server,
      },
    },
    user: {
      name: userName,
      user: {
        ...(access.clientCertificate !== undefined && { 'client-certificate-data': base64(access.clientCertificate) }),
        ...(access.clientKey !== undefined && { 'client-key-data': base64(access.clientKey) }),
        ...(access.clientCertificateFile !== undefined && { 'client-certificate': access.clientCertificateFile }),
        ...(access.clientKeyFile !== undefined && { 'client-key': access.clientKeyFile }),
        ...(access.token !== undefined && { token: access.token }),
      },
    },
    context: { name, context: { cluster: name, ...(access.namespace && { namespace: access.namespace }), user: userName } },
  };
}

const text = (config: Kubeconfig): string => dump(config, { lineWidth: -1, noRefs: true } as never);

/** Writes a file with one cluster, user and context, which is current. Mode 0600. */
export async function writeKubeconfig(file: string, access: ClusterAccess, options: { name?: string; userName?: string } = {}): Promise<void> {
  const name = options.name ?? 'kubernetes';
  const { cluster, user, context } = entries(name, access, options.userName ?? name);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFileAtomically(file, text({ apiVersion: 'v1', clusters: [cluster], contexts: [context], 'current-context': name, kind: 'Config', users: [user] }));
}

const put = (list: Named[] | null | undefined, entry: Named): Named[] => {
  const kept = [...(list ?? [])];
  const at = kept.findIndex((e) => e.name === entry.name);
  if (at >= 0) kept[at] = entry;
  else kept.push(entry);
  return kept;
};
const drop = (list: Named[] | null | undefined, name: string): Named[] => (list ?? []).filter((e) => e.name !== name);

async function readConfig(file: string): Promise<Kubeconfig> {
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  const parsed = load(content) ?? {};
  if (typeof parsed !== 'object' || Array.isArray(parsed)) throw new UserError(`${file} is not a kubeconfig: it must hold a mapping`);
  return parsed as Kubeconfig;
}

/** Runs `change` while holding `<file>.lock`, the lock kubectl itself uses. Waits up to ten seconds for another holder. */
async function locked(file: string, clock: Clock, change: () => Promise<void>): Promise<void> {
  const lock = `${file}.lock`;
  const deadline = clock.monotonic() + 10_000;
  for (;;) {
    try {
      await (await open(lock, 'wx', 0o600)).close();
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const age = clock.now() - ((await stat(lock).catch(() => undefined))?.mtimeMs ?? clock.now());
      if (age > 60_000) await rm(lock, { force: true });
      else if (clock.monotonic() > deadline) throw new UserError(`${lock} is held by another program: remove it if none is running`);
      else await clock.sleep(50);
    }
  }
  try {
    await change();
  } finally {
    await rm(lock, { force: true });
  }
}

async function edit(file: string, clock: Clock, change: (config: Kubeconfig) => void): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  // The user's file may be a link into a dotfiles folder: the rename must replace what it points to.
  const target = await realpath(file).catch(() => file);
  await locked(target, clock, async () => {
    const config = await readConfig(target);
    change(config);
    await writeFileAtomically(target, text(config));
  });
}

/** Adds or replaces the cluster, user and context `name` in the user's file and makes the context current; all else stays. */
export async function mergeKubeconfig(file: string, name: string, access: ClusterAccess, clock: Clock): Promise<void> {
  await edit(file, clock, (config) => {
    const { cluster, user, context } = entries(name, access, name);
    config.apiVersion ??= 'v1';
    config.kind ??= 'Config';
    config.clusters = put(config.clusters, cluster);
    config.contexts = put(config.contexts, context);
    config.users = put(config.users, user);
    config['current-context'] = name;
  });
}

/** Takes the cluster, user and context `name` out again; a current context of that name is unset. */
export async function removeFromKubeconfig(file: string, name: string, clock: Clock): Promise<void> {
  await edit(file, clock, (config) => {
    config.clusters = drop(config.clusters, name);
    config.contexts = drop(config.contexts, name);
    config.users = drop(config.users, name);
    if (config['current-context'] === name) config['current-context'] = '';
  });
}
