import type { Authorizer, Decision, RequestAttributes, User } from '../../contract.ts';
import { mastersGroup } from '../names.ts';

const allow: Decision = { decision: 'allow' };
const noOpinion: Decision = { decision: 'no-opinion' };

const everything = { resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }], nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }], incomplete: false };
const nothing = { resourceRules: [], nonResourceRules: [], incomplete: false };

/** Members of system:masters may do everything, whatever the roles say. */
export const mastersAuthorizer: Authorizer = {
  name: 'system:masters',
  authorize: (a) => (a.user.groups.includes(mastersGroup) ? allow : noOpinion),
};

export const alwaysAllow: Authorizer = { name: 'AlwaysAllow', authorize: () => allow, rulesFor: () => everything };
export const alwaysDeny: Authorizer = { name: 'AlwaysDeny', authorize: () => ({ decision: 'no-opinion', reason: 'Everything is forbidden.' }), rulesFor: () => nothing };

/** Paths anyone may read (`/healthz`, `/livez`, `/readyz` and what is below them). */
export function pathsAuthorizer(paths: readonly string[]): Authorizer {
  return {
    name: 'AlwaysAllowPaths',
    authorize: (a) => (!a.isResource && paths.some((p) => a.path === p || a.path.startsWith(`${p}/`)) ? allow : noOpinion),
  };
}

/** The first to allow or deny decides; where none does, the reasons are told together. */
export function unionAuthorizer(authorizers: readonly Authorizer[]): Authorizer & Required<Pick<Authorizer, 'rulesFor'>> {
  async function ask(a: RequestAttributes, from: number, pending: Promise<Decision>, reasons: string[]): Promise<Decision> {
    for (let i = from, decision = await pending; ; decision = await authorizers[i].authorize(a)) {
      if (decision.decision !== 'no-opinion') return decision;
      if (decision.reason) reasons.push(decision.reason);
      if (++i >= authorizers.length) return { decision: 'no-opinion', ...(reasons.length && { reason: reasons.join('\n') }) };
    }
  }
  return {
    name: 'union',
    /** Without a promise as long as no authorizer needs one: the answer is mostly a look-up. */
    authorize(a) {
      const reasons: string[] = [];
      for (let i = 0; i < authorizers.length; i++) {
        const decision = authorizers[i].authorize(a);
        if (decision instanceof Promise) return ask(a, i, decision, reasons);
        if (decision.decision !== 'no-opinion') return decision;
        if (decision.reason) reasons.push(decision.reason);
      }
      return { decision: 'no-opinion', ...(reasons.length && { reason: reasons.join('\n') }) };
    },
    rulesFor(user: User, namespace: string) {
      const errors: string[] = [];
      const all = { resourceRules: [] as ReturnType<NonNullable<Authorizer['rulesFor']>>['resourceRules'], nonResourceRules: [] as ReturnType<NonNullable<Authorizer['rulesFor']>>['nonResourceRules'], incomplete: false };
      for (const authorizer of authorizers) {
        const rules = authorizer.rulesFor?.(user, namespace);
        if (!rules) continue;
        all.resourceRules.push(...rules.resourceRules);
        all.nonResourceRules.push(...rules.nonResourceRules);
        all.incomplete ||= rules.incomplete;
        if (rules.evaluationError) errors.push(rules.evaluationError);
      }
      return { ...all, ...(errors.length && { evaluationError: errors.length === 1 ? errors[0] : `[${errors.join(', ')}]` }) };
    },
  };
}
