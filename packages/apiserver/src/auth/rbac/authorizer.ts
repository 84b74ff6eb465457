import type { Authorizer, Decision, RequestAttributes, User } from '../../contract.ts';
import type { RbacIndex } from './index.ts';
import { ruleAllows } from './rules.ts';

/** Decisions kept per user, and users kept; both are forgotten whole when full, and whenever a role or binding changes. */
const decisionsPerUser = 2000;
const usersKept = 2000;

const aggregate = (messages: readonly string[]) => (messages.length === 1 ? messages[0] : `[${[...new Set(messages)].join(', ')}]`);

function decide(index: RbacIndex, a: RequestAttributes): Decision {
  const errors: string[] = [];
  for (const grant of index.grantsOf(a.user, a.namespace)) {
    if (grant.error) errors.push(grant.error.message);
    if (grant.rules.some((rule) => ruleAllows(rule, a))) return { decision: 'allow', reason: `RBAC: allowed by ${grant.binding} of ${grant.roleRef.kind} ${JSON.stringify(grant.roleRef.name)} to ${grant.subject}` };
  }
  return { decision: 'no-opinion', ...(errors.length && { reason: `RBAC: ${aggregate(errors)}` }) };
}

/** RBAC over a compiled index; a repeated question is answered from memory. */
export function rbacAuthorizer(index: RbacIndex): Authorizer {
  let version = -1;
  const users = new Map<string, Map<string, Decision>>();
  return {
    name: 'RBAC',
    authorize(a) {
      if (version !== index.version || users.size > usersKept) {
        users.clear();
        version = index.version;
      }
      const who = `${a.user.name}\n${a.user.groups.join('\n')}`;
      let decisions = users.get(who);
      if (!decisions || decisions.size >= decisionsPerUser) users.set(who, (decisions = new Map()));
      const what = a.isResource ? `${a.verb} ${a.group}/${a.resource}/${a.subresource} ${a.namespace}/${a.name}` : `${a.verb} ${a.path}`;
      let decision = decisions.get(what);
      if (!decision) decisions.set(what, (decision = decide(index, a)));
      return decision;
    },
    rulesFor(user: User, namespace: string) {
      const resourceRules = [];
      const nonResourceRules = [];
      const errors: string[] = [];
      for (const grant of index.grantsOf(user, namespace)) {
        if (grant.error) errors.push(grant.error.message);
        for (const { verbs, apiGroups, resources, resourceNames, nonResourceURLs } of grant.rules) {
          if (resources?.length) resourceRules.push({ verbs, apiGroups, resources, ...(resourceNames?.length && { resourceNames }) });
          if (nonResourceURLs?.length) nonResourceRules.push({ verbs, nonResourceURLs });
        }
      }
      return { resourceRules, nonResourceRules, incomplete: false, ...(errors.length && { evaluationError: aggregate(errors) }) };
    },
  };
}
