/** Whether rights contain other rights, and what is missing: the check behind "no privilege escalation". */
import { goQuote } from '@pilothouse/apimachinery';
import type { PolicyRule } from '@pilothouse/api-schemas/types/rbac/v1';

const hasAll = (owner: readonly string[] = [], wanted: readonly string[] = []) => wanted.every((w) => owner.includes(w));

function resourcesCover(owner: readonly string[] = [], wanted: readonly string[] = []): boolean {
  if (owner.includes('*')) return true;
  return wanted.every((w) => owner.includes(w) || (w.includes('/') && owner.includes(`*/${w.slice(w.indexOf('/') + 1)}`)));
}

const pathCovers = (owner: string, wanted: string) => owner === wanted || (owner.endsWith('*') && wanted.startsWith(owner.slice(0, -1)));

function ruleCovers(owner: PolicyRule, sub: PolicyRule): boolean {
  return (
    (owner.verbs.includes('*') || hasAll(owner.verbs, sub.verbs)) &&
    (owner.apiGroups?.includes('*') || hasAll(owner.apiGroups, sub.apiGroups)) &&
    resourcesCover(owner.resources, sub.resources) &&
    (sub.nonResourceURLs ?? []).every((url) => (owner.nonResourceURLs ?? []).some((o) => pathCovers(o, url))) &&
    (sub.resourceNames?.length ? !owner.resourceNames?.length || hasAll(owner.resourceNames, sub.resourceNames) : !owner.resourceNames?.length)
  );
}

/** One rule per group, resource, verb and name, or per path and verb. */
function breakdown(rule: PolicyRule): PolicyRule[] {
  const parts: PolicyRule[] = [];
  for (const group of rule.apiGroups ?? [])
    for (const resource of rule.resources ?? [])
      for (const verb of rule.verbs) {
        if (rule.resourceNames?.length) for (const name of rule.resourceNames) parts.push({ apiGroups: [group], resources: [resource], verbs: [verb], resourceNames: [name] });
        else parts.push({ apiGroups: [group], resources: [resource], verbs: [verb] });
      }
  for (const url of rule.nonResourceURLs ?? []) for (const verb of rule.verbs) parts.push({ nonResourceURLs: [url], verbs: [verb] });
  return parts;
}

/** What of `wanted` no single rule of `owned` grants, in the smallest pieces. */
export const uncovered = (owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] => wanted.flatMap(breakdown).filter((part) => !owned.some((o) => ruleCovers(o, part)));

/** Joins rules about one resource that differ in verbs only. */
export function compactRules(rules: readonly PolicyRule[]): PolicyRule[] {
  const compacted: PolicyRule[] = [];
  const simple = new Map<string, PolicyRule>();
  for (const rule of rules) {
    if (rule.resourceNames?.length || rule.nonResourceURLs?.length || rule.apiGroups?.length !== 1 || rule.resources?.length !== 1) {
      compacted.push(rule);
      continue;
    }
    const key = `${rule.apiGroups[0]}/${rule.resources[0]}`;
    const known = simple.get(key);
    if (known) known.verbs = [...known.verbs, ...rule.verbs.filter((v) => !known.verbs.includes(v))];
    else {
      const copy = { ...rule, verbs: [...rule.verbs] };
      simple.set(key, copy);
      compacted.push(copy);
    }
  }
  return compacted;
}

const list = (values: readonly string[]) => `[${values.map(goQuote).join(' ')}]`;

/** `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}` */
export function describeRule(rule: PolicyRule): string {
  const parts: string[] = [];
  if (rule.apiGroups?.length) parts.push(`APIGroups:${list(rule.apiGroups)}`);
  if (rule.resources?.length) parts.push(`Resources:${list(rule.resources)}`);
  if (rule.nonResourceURLs?.length) parts.push(`NonResourceURLs:${list(rule.nonResourceURLs)}`);
  if (rule.resourceNames?.length) parts.push(`ResourceNames:${list(rule.resourceNames)}`);
  if (rule.verbs.length) parts.push(`Verbs:${list(rule.verbs)}`);
  return `{${parts.join(', ')}}`;
}
