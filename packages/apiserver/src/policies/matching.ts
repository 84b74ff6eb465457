/** Which requests policies (and webhooks) are about. Facts: apiserver/pkg/admission/plugin/policy/matching, webhook/predicates. */
import type { MatchResources, NamedRuleWithOperations, RuleWithOperations } from '@pilothouse/api-schemas/types/admissionregistration/v1';
import type { Namespace } from '@pilothouse/api-schemas/types/core/v1';
import { type KubeObject, matcherOf, namespaces, notFoundError } from '@pilothouse/apimachinery';
import type { AdmissionAttributes } from '../contract.ts';

type Labels = Readonly<Record<string, string>> | undefined;

/** What a rule is asked about. */
export interface RequestedResource {
  group: string;
  version: string;
  plural: string;
}

const listed = (wanted: readonly string[] | undefined, value: string): boolean => wanted?.some((each) => each === '*' || each === value) ?? false;
const namespaced = ({ resource: { type } }: AdmissionAttributes): boolean => type.namespaced;

function matchesResource(wanted: readonly string[] | undefined, plural: string, subresource: string): boolean {
  return (
    wanted?.some((pattern) => {
      const [resource, sub = ''] = pattern.split('/');
      return (resource === '*' || resource === plural) && (sub === '*' || sub === subresource);
    }) ?? false
  );
}

/** Whether a rule is about the request, were it made to this resource. */
export function matchesRule(rule: RuleWithOperations, a: AdmissionAttributes, { group, version, plural }: RequestedResource): boolean {
  const scope = rule.scope ?? '*';
  // Requests for namespaces themselves are of the cluster, whatever namespace they are said to be in.
  const inNamespace = namespaced(a);
  if (scope !== '*' && (scope === 'Namespaced') !== inNamespace) return false;
  return listed(rule.operations, a.operation) && listed(rule.apiGroups, group) && listed(rule.apiVersions, version) && matchesResource(rule.resources, plural, a.subresource);
}

const matchesNamedRule = (rule: NamedRuleWithOperations, a: AdmissionAttributes, resource: RequestedResource): boolean =>
  matchesRule(rule, a, resource) && (!rule.resourceNames?.length || rule.resourceNames.includes(a.name));

/** The namespace a request is in; undefined for what is in none. @throws StatusError 404 */
export async function namespaceOf(a: AdmissionAttributes): Promise<Namespace | undefined> {
  if (!a.namespace || isNamespace(a)) return undefined;
  const found = a.read.peek(namespaces, a.namespace) ?? (await a.read.get(namespaces, a.namespace));
  if (!found) throw notFoundError(namespaces, a.namespace);
  return found;
}
const isNamespace = ({ resource: { type } }: AdmissionAttributes): boolean => type.plural === 'namespaces' && !type.group;

async function matchesNamespace(selector: MatchResources['namespaceSelector'], a: AdmissionAttributes): Promise<boolean> {
  const matcher = matcherOf(selector ?? {});
  if (matcher.everything) return true;
  if (!isNamespace(a)) {
    // What is in no namespace is not left out by one's labels.
    if (!a.namespace) return true;
    return matcher.matches((await namespaceOf(a))?.metadata.labels);
  }
  const shown: KubeObject | undefined = a.operation === 'CREATE' || a.operation === 'UPDATE' ? a.object : (a.read.peek(namespaces, a.name) ?? a.old);
  return matcher.matches(shown?.metadata?.labels);
}

function matchesObject(selector: MatchResources['objectSelector'], a: AdmissionAttributes): boolean {
  const matcher = matcherOf(selector ?? {});
  if (matcher.everything) return true;
  return [a.object, a.old].some((object) => object?.metadata && matcher.matches(object.metadata.labels as Labels));
}

/**
 * The resource by which a request is matched: its own, or with `matchPolicy: Equivalent` another that serves the same
 * objects (`others`); undefined where it is not matched.
 */
export async function matchResources(match: MatchResources | undefined, a: AdmissionAttributes, others: readonly RequestedResource[]): Promise<RequestedResource | undefined> {
  const { group, version, plural } = a.resource.type;
  const own = { group, version, plural };
  if (!match) return own;
  if (!matchesObject(match.objectSelector, a)) return undefined;
  if (match.excludeResourceRules?.some((rule) => matchesNamedRule(rule, a, own))) return undefined;
  const rules = match.resourceRules;
  let found: RequestedResource | undefined;
  if (!rules?.length) found = own;
  else if (rules.some((rule) => matchesNamedRule(rule, a, own))) found = own;
  else if (match.matchPolicy !== 'Exact') found = others.find((other) => rules.some((rule) => matchesNamedRule(rule, a, other)));
  return found && (await matchesNamespace(match.namespaceSelector, a)) ? found : undefined;
}

const exempt = new Set(['validatingwebhookconfigurations', 'mutatingwebhookconfigurations', 'validatingadmissionpolicies', 'validatingadmissionpolicybindings', 'mutatingadmissionpolicies', 'mutatingadmissionpolicybindings']);
/** Nobody may shut themselves out of mending admission. */
export const isExempt = ({ resource: { type } }: AdmissionAttributes): boolean => type.group === 'admissionregistration.k8s.io' && exempt.has(type.plural);
