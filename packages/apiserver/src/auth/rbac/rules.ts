/** What an RBAC rule allows. @see https://kubernetes.io/docs/reference/access-authn-authz/rbac/ */
import type { PolicyRule } from '@pilothouse/api-schemas/types/rbac/v1';
import type { RequestAttributes } from '../../contract.ts';

const matches = (list: readonly string[] | undefined, value: string) => !!list && (list.includes(value) || list.includes('*'));

export function resourceMatches(list: readonly string[] | undefined, resource: string, subresource: string): boolean {
  if (!list) return false;
  if (list.includes('*') || list.includes(subresource ? `${resource}/${subresource}` : resource)) return true;
  return !!subresource && list.includes(`*/${subresource}`);
}

export const pathMatches = (list: readonly string[] | undefined, path: string): boolean => !!list?.some((url) => url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1).replace(/\*+$/, ''))));

export function ruleAllows(rule: PolicyRule, a: RequestAttributes): boolean {
  if (!matches(rule.verbs, a.verb)) return false;
  if (!a.isResource) return pathMatches(rule.nonResourceURLs, a.path);
  return matches(rule.apiGroups, a.group) && resourceMatches(rule.resources, a.resource, a.subresource) && (!rule.resourceNames?.length || rule.resourceNames.includes(a.name));
}
