/** Which FlowSchema a request belongs to. @see https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#flowschema */
import type { FlowSchema, PolicyRulesWithSubjects, Subject } from '@pilothouse/api-schemas/types/flowcontrol/v1';
import type { User } from '../contract.ts';
import type { RequestInfo } from '../request/info.ts';

/** What of a request decides. */
export type FlowRequest = Pick<RequestInfo, 'isResource' | 'verb' | 'group' | 'resource' | 'subresource' | 'namespace' | 'path'>;

/** A schema, ready to match. */
export interface CompiledSchema {
  name: string;
  uid: string;
  /** Name of its priority level. */
  level: string;
  precedence: number;
  matches(request: FlowRequest, user: User): boolean;
  /** What tells the flows of the schema apart. */
  distinguish(request: FlowRequest, user: User): string;
}

type Test<T> = (value: T) => boolean;

/** Matches the values listed; everything where the list is the wildcard alone. */
function anyOf(values: readonly string[] | undefined): Test<string> {
  if (values?.length === 1 && values[0] === '*') return () => true;
  const held = new Set(values);
  return (value) => held.has(value);
}

function subjectTest(subjects: readonly Subject[]): Test<User> {
  const names = new Set<string>();
  const groups = new Set<string>();
  const prefixes: string[] = [];
  let everyone = false;
  for (const { kind, user, group, serviceAccount } of subjects) {
    if (kind === 'User' && user) user.name === '*' ? (everyone = true) : names.add(user.name);
    else if (kind === 'Group' && group) group.name === '*' ? (everyone = true) : groups.add(group.name);
    else if (kind === 'ServiceAccount' && serviceAccount) {
      const prefix = `system:serviceaccount:${serviceAccount.namespace}:`;
      if (serviceAccount.name === '*') prefixes.push(prefix);
      else names.add(prefix + serviceAccount.name);
    }
  }
  if (everyone) return () => true;
  return (user) => names.has(user.name) || (groups.size > 0 && user.groups.some((group) => groups.has(group))) || prefixes.some((prefix) => user.name.startsWith(prefix));
}

function urlTest(urls: readonly string[]): Test<string> {
  const tests = urls.map((url): Test<string> => {
    if (url === '*') return () => true;
    const bare = url.endsWith('*') ? url.slice(0, -1) : url;
    const prefix = bare.endsWith('/') ? bare : `${bare}/`;
    return (path) => path === url || path.startsWith(prefix);
  });
  return (path) => tests.some((test) => test(path));
}

function ruleTest({ subjects, resourceRules, nonResourceRules }: PolicyRulesWithSubjects): (request: FlowRequest, user: User) => boolean {
  const subject = subjectTest(subjects);
  const resources = (resourceRules ?? []).map((rule) => {
    const [verb, group, resource, namespace] = [rule.verbs, rule.apiGroups, rule.resources, rule.namespaces].map(anyOf);
    return (request: FlowRequest): boolean =>
      verb(request.verb) && resource(request.subresource ? `${request.resource}/${request.subresource}` : request.resource) && group(request.group) && (request.namespace ? namespace(request.namespace) : !!rule.clusterScope);
  });
  const others = (nonResourceRules ?? []).map((rule) => {
    const verb = anyOf(rule.verbs);
    const url = urlTest(rule.nonResourceURLs);
    return (request: FlowRequest): boolean => verb(request.verb) && url(request.path);
  });
  return (request, user) => subject(user) && (request.isResource ? resources : others).some((test) => test(request));
}

export function compileSchema({ metadata, spec }: FlowSchema): CompiledSchema {
  const rules = (spec?.rules ?? []).map(ruleTest);
  const by = spec?.distinguisherMethod?.type;
  return {
    name: metadata?.name ?? '',
    uid: metadata?.uid ?? '',
    level: spec?.priorityLevelConfiguration.name ?? '',
    precedence: spec?.matchingPrecedence ?? 1000,
    matches: (request, user) => rules.some((rule) => rule(request, user)),
    distinguish: by === 'ByUser' ? (_, user) => user.name : by === 'ByNamespace' ? (request) => request.namespace : () => '',
  };
}

/** In the order in which they are asked. */
export const inOrder = (schemas: readonly CompiledSchema[]): CompiledSchema[] => [...schemas].sort((a, b) => a.precedence - b.precedence || (a.name < b.name ? -1 : 1));
