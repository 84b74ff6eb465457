/**
 * Acting as somebody else: the `Impersonate-*` headers, checked first in the constrained modes (a right to impersonate
 * this kind of user and to do this very request as one), last in the legacy one (verb `impersonate` alone). kep.k8s.io/5284
 */
import { type ApiRequest, badRequestError, goQuote, StatusError } from '@pilothouse/apimachinery';
import type { Awaitable } from '@pilothouse/base';
import type { Decision, RequestAttributes, User } from '../contract.ts';
import { forbiddenByAuthorization } from './forbidden.ts';
import { headerValues, unescapeExtraKey } from './headers.ts';
import { allAuthenticated, allUnauthenticated, anonymousUser, mastersGroup, nodeNameOfUserName, nodesGroup, parseServiceAccount, serviceAccountGroups } from './names.ts';

type Authorize = (attributes: RequestAttributes) => Promise<Decision> | Decision;

interface Wanted {
  name: string;
  uid: string;
  groups: string[];
  extra: Record<string, string[]>;
}

const extraPrefix = 'impersonate-extra-';
const quoted = goQuote;

/** Go's `%#v` of a user, which upstream shows in this one message. */
function goSyntax(wanted: Wanted): string {
  const list = (values: string[]) => `[]string{${values.map((v) => quoted(v)).join(', ')}}`;
  const extra = Object.keys(wanted.extra).sort().map((k) => `${quoted(k)}:${list(wanted.extra[k])}`);
  return `&user.DefaultInfo{Name:${quoted(wanted.name)}, UID:${quoted(wanted.uid)}, Groups:${wanted.groups.length ? list(wanted.groups) : '[]string(nil)'}, Extra:map[string][]string${extra.length ? `{${extra.join(', ')}}` : '(nil)'}}`;
}

/** Whom the headers ask to act as. @throws StatusError 400 for groups, uid or extra without a name */
export function wantedUser(headers: ApiRequest['headers']): Wanted | undefined {
  const wanted: Wanted = { name: headerValues(headers, 'impersonate-user')[0] ?? '', uid: headerValues(headers, 'impersonate-uid')[0] ?? '', groups: headerValues(headers, 'impersonate-group'), extra: Object.create(null) as Wanted['extra'] };
  let hasExtra = false;
  for (const header in headers) {
    if (!header.startsWith(extraPrefix)) continue;
    hasExtra = true;
    const key = unescapeExtraKey(header.slice(extraPrefix.length));
    wanted.extra[key] = [...(wanted.extra[key] ?? []), ...headerValues(headers, header)];
  }
  if (wanted.name) return wanted;
  if (wanted.uid || wanted.groups.length || hasExtra) throw badRequestError(`requested ${goSyntax(wanted)} without impersonating a user name`);
  return undefined;
}

async function check(authorize: Authorize, attributes: RequestAttributes): Promise<void> {
  const { decision, reason } = await authorize(attributes);
  if (decision !== 'allow') throw forbiddenByAuthorization(attributes, reason);
}

const impersonationAttributes = (user: User, core: boolean, verb: string, resource: string, name: string): RequestAttributes => ({ user, verb, isResource: true, path: '', group: core ? '' : 'authentication.k8s.io', version: 'v1', resource, subresource: '', namespace: '', name });

/** As many checks in a loop are first tried as one for all. */
const manyChecks = 4;

/** The right to be each part of the wanted user, with the verb of the mode. */
async function checkParts(authorize: Authorize, requestor: User, wanted: Wanted, verb: string): Promise<User> {
  const legacy = verb === 'impersonate';
  const attributes = (resource: string, name: string, core = legacy) => impersonationAttributes(requestor, core, verb, resource, name);
  let groups = wanted.groups;

  let nameCheck = attributes('users', wanted.name);
  const node = legacy ? undefined : nodeNameOfUserName(wanted.name);
  const account = parseServiceAccount(wanted.name);
  if (node !== undefined) {
    nameCheck = attributes('nodes', node);
    groups = [nodesGroup];
  } else if (account) {
    nameCheck = { ...attributes('serviceaccounts', account.name), namespace: account.namespace };
    if (!groups.length) groups = serviceAccountGroups(account.namespace);
  }
  await check(authorize, nameCheck);
  if (wanted.uid) await check(authorize, attributes('uids', wanted.uid, false));

  if (!legacy && wanted.groups.includes('')) throw forbiddenByAuthorization(attributes('groups', ''), 'impersonating the empty string group is not allowed');
  if (!legacy && wanted.groups.includes(mastersGroup)) throw forbiddenByAuthorization(attributes('groups', mastersGroup), 'impersonating the system:masters group is not allowed');
  const allAtOnce = async (all: RequestAttributes) => (await authorize(all)).decision === 'allow';
  if (legacy || wanted.groups.length < manyChecks || !(await allAtOnce(attributes('groups', '*')))) for (const group of wanted.groups) await check(authorize, attributes('groups', group));

  const extras = Object.entries(wanted.extra).flatMap(([key, values]) => values.map((value) => ({ key, value })));
  if (!legacy) for (const [key, values] of Object.entries(wanted.extra)) checkExtra(key, values, attributes('userextras', '', false));
  if (legacy || extras.length < manyChecks || !(await allAtOnce({ ...attributes('userextras', '*', false), subresource: '*' }))) for (const { key, value } of extras) await check(authorize, { ...attributes('userextras', value, false), subresource: key });

  const unauthenticated = wanted.name === anonymousUser.name;
  const always = unauthenticated ? allUnauthenticated : allAuthenticated;
  if (!groups.includes(always) && (unauthenticated || !groups.includes(allUnauthenticated))) groups = [...groups, always];
  return { name: wanted.name, ...(wanted.uid && { uid: wanted.uid }), groups, ...(Object.keys(wanted.extra).length && { extra: wanted.extra }) };
}

function checkExtra(key: string, values: string[], attributes: RequestAttributes): void {
  const refuse = (why: string) => forbiddenByAuthorization(attributes, why);
  if (!key) throw refuse('impersonating the empty string key in extra is not allowed');
  if (key !== key.toLowerCase()) throw refuse(`impersonating a non-lowercase key in extra is not allowed: ${quoted(key)}`);
  if (!values.length) throw refuse('impersonating empty values in extra is not allowed');
  if (values.includes('')) throw refuse('impersonating the empty string value in extra is not allowed');
}

interface Mode {
  name: string;
  applies(wanted: Wanted, requestor: User): boolean;
}

const onlyName = (wanted: Wanted) => !wanted.uid && !wanted.groups.length && !Object.keys(wanted.extra).length;

const modes: readonly Mode[] = [
  {
    name: 'associated-node',
    applies: (wanted, requestor) => onlyName(wanted) && !!parseServiceAccount(requestor.name) && nodeNameOfUserName(wanted.name) !== undefined && requestor.extra?.['authentication.kubernetes.io/node-name']?.length === 1 && requestor.extra['authentication.kubernetes.io/node-name'][0] === nodeNameOfUserName(wanted.name),
  },
  { name: 'arbitrary-node', applies: (wanted) => onlyName(wanted) && nodeNameOfUserName(wanted.name) !== undefined },
  { name: 'serviceaccount', applies: (wanted) => onlyName(wanted) && !!parseServiceAccount(wanted.name) },
  { name: 'user-info', applies: (wanted) => nodeNameOfUserName(wanted.name) === undefined && !parseServiceAccount(wanted.name) },
];

/** The associated node's right does not depend on which node it is, nor on what else the token says. */
const forAnyNode = (authorize: Authorize): Authorize => (attributes) =>
  authorize({
    ...attributes,
    user: { ...attributes.user, extra: { 'authentication.kubernetes.io/associated-node-keys': Object.keys(attributes.user.extra ?? {}).sort() } },
    name: attributes.verb === 'impersonate:associated-node' ? '*' : attributes.name,
  });

const legacy: Mode = { name: '', applies: () => true };

/** Requestors remembered at most. */
const memoryLimit = 10_000;

/**
 * The user to act as; undefined where the request does not ask for it. `attributes` are those of the request, with the
 * one who really sent it. `constraint` is the verb of a constrained mode, for audit. `memory` (one per server) holds
 * the mode that last served each requestor, which is tried first. @throws StatusError 400; rejects with 403
 */
export function impersonate(headers: ApiRequest['headers'], attributes: RequestAttributes, authorize: Authorize, memory?: Map<string, string>): Awaitable<Impersonated | undefined> {
  const wanted = wantedUser(headers);
  return wanted && actAs(wanted, attributes, authorize, memory);
}

interface Impersonated {
  user: User;
  constraint?: string;
}

async function actAs(wanted: Wanted, attributes: RequestAttributes, authorize: Authorize, memory: Map<string, string> | undefined): Promise<Impersonated | undefined> {
  const requestor = attributes.user;
  let first: StatusError | undefined;
  const attempt = async (run: () => Promise<User>): Promise<User | undefined> => {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      first ??= error;
      return undefined;
    }
  };
  const last = memory?.get(requestor.name);
  const order = [...modes, legacy].sort((x, y) => Number(y.name === last) - Number(x.name === last));
  for (const mode of order) {
    if (!mode.applies(wanted, requestor)) continue;
    const ask = mode.name === 'associated-node' ? forAnyNode(authorize) : authorize;
    const verb = mode === legacy ? 'impersonate' : `impersonate:${mode.name}`;
    const user = await attempt(async () => {
      if (mode !== legacy) await check(ask, { ...attributes, verb: `impersonate-on:${mode.name}:${attributes.verb}` });
      return checkParts(ask, requestor, wanted, verb);
    });
    if (!user) continue;
    if (memory && last !== mode.name) {
      if (memory.size >= memoryLimit) memory.clear();
      memory.set(requestor.name, mode.name);
    }
    return { user, ...(mode !== legacy && { constraint: verb }) };
  }
  throw first;
}
