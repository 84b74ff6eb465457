/** What webhooks and policies share: which requests they are asked about. */
import { duplicate, type FieldError, invalid, type KubeObject, nameIsDnsSubdomain, notSupported, pathSegmentName, qualifiedName, required, tooMany, validateLabelSelector } from '@pilothouse/apimachinery';
import type { MatchCondition, MatchResources, NamedRuleWithOperations, RuleWithOperations } from '@pilothouse/api-schemas/types/admissionregistration/v1';
import type { Expression } from '@pilothouse/cel';
import { checkName } from '../validation/check-name.ts';

/** None of these kinds asks that finalizers be qualified. */
export const clusterWide = { name: nameIsDnsSubdomain, namespaced: false, kubeFinalizers: false };

const reservedSuffix = '.static.k8s.io';
export const warnOfReservedName = ({ metadata }: KubeObject): string[] =>
  metadata.name?.endsWith(reservedSuffix) ? [`metadata.name: names ending with "${reservedSuffix}" are reserved for static manifest-based configurations and cannot be managed via the API`] : [];

export const failurePolicies = ['Fail', 'Ignore'];
export const matchPolicies = ['Equivalent', 'Exact'];
export const reinvocationPolicies = ['IfNeeded', 'Never'];
const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const scopes = ['*', 'Cluster', 'Namespaced'];
const none: readonly string[] = [];

export function oneOf(errors: FieldError[], value: string | undefined, path: string, known: readonly string[]): void {
  if (value !== undefined && !known.includes(value)) errors.push(notSupported(path, value, known));
}

function validateResources(errors: FieldError[], resources: readonly string[], path: string): void {
  if (!resources.length) errors.push(required(path));
  const anySubresource = new Set<string>();
  const anyResource = new Set<string>();
  let plain = false;
  resources.forEach((text, i) => {
    if (!text) return void errors.push(required(`${path}[${i}]`));
    const slash = text.indexOf('/');
    if (slash < 0) return void (plain = text !== '*');
    const resource = text.slice(0, slash);
    const subresource = text.slice(slash + 1);
    if (anySubresource.has(resource)) errors.push(invalid(`${path}[${i}]`, text, `if '${resource}/*' is present, must not specify ${text}`));
    if (anyResource.has(subresource)) errors.push(invalid(`${path}[${i}]`, text, `if '*/${subresource}' is present, must not specify ${text}`));
    if (subresource === '*') anySubresource.add(resource);
    if (resource === '*') anyResource.add(subresource);
  });
  if (resources.length > 1 && resources.includes('*/*')) errors.push(invalid(path, resources, "if '*/*' is present, must not specify other resources"));
  if (resources.includes('*') && plain) errors.push(invalid(path, resources, "if '*' is present, must not specify other resources without subresources"));
}

function validateAlone(errors: FieldError[], values: readonly string[], path: string, what: string): void {
  if (!values.length) errors.push(required(path));
  if (values.length > 1 && values.includes('*')) errors.push(invalid(path, values, `if '*' is present, must not specify other ${what}`));
}

export function validateRule(errors: FieldError[], rule: RuleWithOperations, path: string): void {
  validateAlone(errors, rule.operations ?? none, `${path}.operations`, 'operations');
  rule.operations?.forEach((operation, i) => oneOf(errors, operation, `${path}.operations[${i}]`, operations));
  validateAlone(errors, rule.apiGroups ?? none, `${path}.apiGroups`, 'API groups');
  validateAlone(errors, rule.apiVersions ?? none, `${path}.apiVersions`, 'API versions');
  rule.apiVersions?.forEach((version, i) => {
    if (!version) errors.push(required(`${path}.apiVersions[${i}]`));
  });
  validateResources(errors, rule.resources ?? none, `${path}.resources`);
  oneOf(errors, rule.scope, `${path}.scope`, scopes);
}

function validateNamedRule(errors: FieldError[], rule: NamedRuleWithOperations, path: string): void {
  rule.resourceNames?.forEach((name, i) => {
    checkName(errors, `${path}.resourceNames[${i}]`, name, pathSegmentName);
    if (rule.resourceNames!.indexOf(name) < i) errors.push(duplicate(`${path}.resourceNames[${i}]`, name));
  });
  validateRule(errors, rule, path);
}

export function validateMatchResources(errors: FieldError[], match: MatchResources | undefined, path: string): void {
  if (!match) return;
  if (match.matchPolicy === undefined) errors.push(required(`${path}.matchPolicy`));
  else oneOf(errors, match.matchPolicy, `${path}.matchPolicy`, matchPolicies);
  for (const key of ['namespaceSelector', 'objectSelector'] as const) {
    if (!match[key]) errors.push(required(`${path}.${key}`));
    else errors.push(...validateLabelSelector(match[key], `${path}.${key}`));
  }
  for (const key of ['resourceRules', 'excludeResourceRules'] as const) match[key]?.forEach((rule, i) => validateNamedRule(errors, rule, `${path}.${key}[${i}]`));
}

/** Mutation is not asked about deletes. */
export function validateMutatingOperations(errors: FieldError[], match: MatchResources | undefined, path: string): void {
  const known = operations.filter((operation) => operation !== 'DELETE');
  for (const rule of match?.resourceRules ?? []) for (const operation of rule.operations ?? []) oneOf(errors, operation, `${path}.resourceRules.operations`, known);
}

/** `compiled`: the conditions' expressions. */
export function validateMatchConditions(errors: FieldError[], conditions: readonly MatchCondition[] | undefined, path: string, compiled: readonly Expression[]): void {
  if (!conditions) return;
  if (conditions.length > 64) errors.push(tooMany(path, conditions.length, 64));
  conditions.forEach(({ name, expression }, i) => {
    const at = `${path}[${i}]`;
    if (!expression?.trim()) errors.push(required(`${at}.expression`));
    else if (compiled[i].error) errors.push(invalid(`${at}.expression`, expression, compiled[i].error));
    if (!name) return void errors.push(required(`${at}.name`));
    checkName(errors, `${at}.name`, name, qualifiedName);
    if (conditions.findIndex((other) => other.name === name) < i) errors.push(duplicate(`${at}.name`, name));
  });
}

export const defaultMatchResources = (match: MatchResources | undefined): void => {
  if (!match) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) rule.scope ??= '*';
};
