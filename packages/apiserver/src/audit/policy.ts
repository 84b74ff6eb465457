/** What is audited, and how much of it. @see https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/ */
import { UserError } from '@pilothouse/base';
import { load } from 'js-yaml';
import type { RequestAttributes } from '../contract.ts';

export const auditLevels = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export type AuditLevel = (typeof auditLevels)[number];
export const auditStages = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;
export type AuditStage = (typeof auditStages)[number];

interface GroupResources {
  group?: string;
  resources?: string[];
  resourceNames?: string[];
}

export interface AuditRule {
  level: AuditLevel;
  users?: string[];
  userGroups?: string[];
  verbs?: string[];
  resources?: GroupResources[];
  /** '' for what has no namespace. */
  namespaces?: string[];
  nonResourceURLs?: string[];
  omitStages?: AuditStage[];
  omitManagedFields?: boolean;
}

export interface AuditPolicy {
  rules: AuditRule[];
  omitStages: AuditStage[];
  omitManagedFields: boolean;
}

/** Reads a policy. @throws UserError naming what is wrong with it */
export function parseAuditPolicy(text: string): AuditPolicy {
  const policy = load(text) as Partial<AuditPolicy> & { apiVersion?: string; kind?: string };
  if (policy?.kind !== 'Policy' || policy.apiVersion !== 'audit.k8s.io/v1') throw new UserError('an audit policy must be of kind Policy in audit.k8s.io/v1');
  const rules = policy.rules ?? [];
  if (!rules.length) throw new UserError('an audit policy needs at least one rule');
  for (const [at, rule] of rules.entries()) {
    const refuse = (what: string) => new UserError(`audit policy rules[${at}].${what}`);
    if (!auditLevels.includes(rule.level)) throw refuse(`level: ${JSON.stringify(rule.level)} is none of ${auditLevels.join(', ')}`);
    if (rule.nonResourceURLs?.length && (rule.resources?.length || rule.namespaces?.length)) throw refuse('nonResourceURLs: rules cannot apply to both regular resources and non-resource URLs');
    for (const url of rule.nonResourceURLs ?? []) if (url !== '*' && (!url.startsWith('/') || /\*./.test(url))) throw refuse(`nonResourceURLs: ${JSON.stringify(url)} must begin with a slash, and may hold * only at its end`);
    for (const stage of rule.omitStages ?? []) if (!auditStages.includes(stage)) throw refuse(`omitStages: ${JSON.stringify(stage)} is none of ${auditStages.join(', ')}`);
  }
  return { rules, omitStages: policy.omitStages ?? [], omitManagedFields: policy.omitManagedFields ?? false };
}

const has = (list: readonly string[] | undefined, value: string) => !list?.length || list.includes(value);

function matchesResource(rule: AuditRule, a: RequestAttributes): boolean {
  if (rule.namespaces?.length && !rule.namespaces.includes(a.namespace)) return false;
  if (!rule.resources?.length) return true;
  const whole = a.subresource ? `${a.resource}/${a.subresource}` : a.resource;
  return rule.resources.some(({ group = '', resources, resourceNames }) => {
    if (group !== a.group && group !== '*') return false;
    if (!resources?.length) return true;
    if (resourceNames?.length && !resourceNames.includes(a.name)) return false;
    return resources.some((r) => r === whole || r === '*' || (a.subresource && r === `*/${a.subresource}`) || r === `${a.resource}/*`);
  });
}

const matchesPath = (rule: AuditRule, path: string) => (rule.nonResourceURLs ?? []).some((url) => url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1))));

function matches(rule: AuditRule, a: RequestAttributes): boolean {
  if (!has(rule.users, a.user.name) || !has(rule.verbs, a.verb)) return false;
  if (rule.userGroups?.length && !rule.userGroups.some((g) => a.user.groups.includes(g))) return false;
  if (a.isResource) return !rule.nonResourceURLs?.length && matchesResource(rule, a);
  // A rule about resources or namespaces says nothing of other paths.
  return rule.nonResourceURLs?.length ? matchesPath(rule, a.path) : !rule.resources?.length && !rule.namespaces?.length;
}

export interface AuditDecision {
  level: AuditLevel;
  omit: ReadonlySet<AuditStage>;
  omitManagedFields: boolean;
}

/** The first rule that matches decides; where none does, nothing is noted. */
export function decideAudit(policy: AuditPolicy, a: RequestAttributes): AuditDecision {
  const rule = policy.rules.find((r) => matches(r, a));
  return { level: rule?.level ?? 'None', omit: new Set([...policy.omitStages, ...(rule?.omitStages ?? [])]), omitManagedFields: rule?.omitManagedFields ?? policy.omitManagedFields };
}
