/** The names of identities that Kubernetes itself gives meaning to. */
import type { User } from '../contract.ts';

export const allAuthenticated = 'system:authenticated';
export const allUnauthenticated = 'system:unauthenticated';
export const mastersGroup = 'system:masters';
export const nodesGroup = 'system:nodes';
export const anonymousUser: User = { name: 'system:anonymous', groups: [allUnauthenticated] };
/** Who the API server is to itself: bootstrap, webhooks' authorization. */
export const loopbackUser: User = { name: 'system:apiserver', groups: [mastersGroup, allAuthenticated] };
export const credentialIdKey = 'authentication.kubernetes.io/credential-id';

const serviceAccountPrefix = 'system:serviceaccount:';
const nodePrefix = 'system:node:';

export const serviceAccountUserName = (namespace: string, name: string): string => `${serviceAccountPrefix}${namespace}:${name}`;

export const serviceAccountGroups = (namespace: string): string[] => ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];

const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const subdomain = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** The service account that a user name stands for, if any. */
export function parseServiceAccount(userName: string): { namespace: string; name: string } | undefined {
  if (!userName.startsWith(serviceAccountPrefix)) return undefined;
  const parts = userName.slice(serviceAccountPrefix.length).split(':');
  return parts.length === 2 && label.test(parts[0]) && subdomain.test(parts[1]) ? { namespace: parts[0], name: parts[1] } : undefined;
}

/** The node a user is (`name` may be empty where it cannot be told); undefined for users that are no nodes. */
export function nodeOf(user: User): { name: string } | undefined {
  if (!user.name.startsWith(nodePrefix) || !user.groups.includes(nodesGroup)) return undefined;
  return { name: user.name.slice(nodePrefix.length) };
}

/** The node named by a user name alone, as impersonation reads it. */
export const nodeNameOfUserName = (userName: string): string | undefined => (userName.startsWith(nodePrefix) && subdomain.test(userName.slice(nodePrefix.length)) ? userName.slice(nodePrefix.length) : undefined);
