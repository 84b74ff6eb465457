import type { User } from '../../contract.ts';
import type { TokenAuthenticator } from './authenticator.ts';

/** Fixed tokens (`--token-auth-file`): token → user. */
export function staticTokens(users: Readonly<Record<string, User>>): TokenAuthenticator {
  const byToken = new Map(Object.entries(users));
  return {
    name: 'static-token',
    authenticateToken: async (token) => {
      const user = byToken.get(token);
      return user && { user };
    },
  };
}

/** Reads a token file: lines of `token,user,uid,"group1,group2"`. @throws Error naming the line */
export function parseTokenFile(text: string): Record<string, User> {
  const users: Record<string, User> = {};
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (!line.trim()) continue;
    const fields = [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map((m) => (m[1] === undefined ? m[2] : m[1].replaceAll('""', '"')).trim());
    if (fields.length < 3) throw new Error(`token file line ${at + 1} must have at least 3 columns (token, user name, user uid), found ${fields.length}`);
    const [token, name, uid, groups = ''] = fields;
    if (!token) throw new Error(`token file line ${at + 1} has an empty token`);
    users[token] = { name, uid, groups: groups.split(',').filter(Boolean) };
  }
  return users;
}
