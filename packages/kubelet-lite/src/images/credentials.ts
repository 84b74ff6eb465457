/** Registry credentials from pull secrets (kubernetes.io/dockerconfigjson and dockercfg), chosen for an image. */
import type { Secret } from '@pilothouse/api-schemas/types/core/v1';
import type { AuthConfig, Draft } from '../cri/contract.ts';
import { parseImage } from './reference.ts';

interface DockerAuth {
  username?: string;
  password?: string;
  auth?: string;
  identitytoken?: string;
  registrytoken?: string;
}

/** Entries of the secrets that fit the image, the most specific first. Secrets that cannot be read are passed over. */
export function credentialsFor(image: string, secrets: readonly Secret[]): Draft<AuthConfig>[] {
  const parsed = parseImage(image);
  if ('problem' in parsed) return [];
  const target = `${parsed.domain === 'docker.io' ? 'index.docker.io' : parsed.domain}/${parsed.path}`;
  const found: { key: string; auth: DockerAuth }[] = [];
  for (const secret of secrets) {
    for (const [registry, auth] of Object.entries(authsOf(secret))) {
      const key = registry.replace(/^https?:\/\//, '').replace(/\/(v1|v2)?\/?$/, '').replace(/^docker\.io/, 'index.docker.io');
      if (matches(key, target)) found.push({ key, auth });
    }
  }
  return found
    .sort((a, b) => (a.key < b.key ? 1 : a.key > b.key ? -1 : 0))
    .map(({ key, auth }) => {
      const [username, ...password] = auth.auth ? Buffer.from(auth.auth, 'base64').toString('utf8').split(':') : [auth.username ?? '', auth.password ?? ''];
      return { username: auth.username ?? username, password: auth.password ?? password.join(':'), serverAddress: key, identityToken: auth.identitytoken ?? '', registryToken: auth.registrytoken ?? '' };
    });
}

function authsOf(secret: Secret): Record<string, DockerAuth> {
  try {
    const read = (key: string) => JSON.parse(Buffer.from(secret.data![key] as string, 'base64').toString('utf8'));
    if (secret.data?.['.dockerconfigjson']) return read('.dockerconfigjson').auths ?? {};
    if (secret.data?.['.dockercfg']) return read('.dockercfg');
  } catch {
    // As upstream: one bad secret does not keep the others from being used.
  }
  return {};
}

/** `*.example.com/team` fits `reg.example.com/team/app`: host parts by glob, the path by prefix. */
function matches(pattern: string, target: string): boolean {
  const [host, ...path] = pattern.split('/');
  const [targetHost, ...targetPath] = target.split('/');
  const [name, port] = host.split(':');
  const [targetName, targetPort] = targetHost.split(':');
  if ((port ?? '') !== (targetPort ?? '')) return false;
  const parts = name.split('.');
  const targetParts = targetName.split('.');
  if (parts.length !== targetParts.length) return false;
  const glob = (p: string, text: string) => new RegExp(`^${p.split('*').map((s) => s.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`).test(text);
  return parts.every((p, i) => glob(p, targetParts[i])) && targetPath.join('/').startsWith(path.join('/'));
}
