/** Who names parameters in a policy or a binding must be allowed to read them. */
import { builtinResources } from '@pilothouse/api-schemas';
import type { ParamKind, ParamRef } from '@pilothouse/api-schemas/types/admissionregistration/v1';
import { customResourceDefinitions, type FieldError, forbidden, mutatingAdmissionPolicies, parseApiVersion, validatingAdmissionPolicies } from '@pilothouse/apimachinery';
import type { User, WriteContext } from '../../contract.ts';
import { same } from '../validation/equality.ts';

interface Policy {
  spec: { paramKind?: ParamKind };
}
interface Binding {
  spec: { policyName: string; paramRef?: ParamRef };
}

/** As Go prints the pointer to a user that the texts show. */
function shownUser({ name, uid = '', groups, extra = {} }: User): string {
  const values = Object.keys(extra).sort().map((key) => `${key}:[${extra[key].join(' ')}]`);
  return `&{${name} ${uid} [${groups.join(' ')}] map[${values.join(' ')}]}`;
}

/** Whoever may do anything is not asked. */
const isMaster = ({ user }: WriteContext): boolean => user.groups.includes('system:masters');

interface Target {
  group: string;
  version: string;
  resource: string;
}
const anything: Target = { group: '*', version: '*', resource: '*' };
const isVersion = (apiVersion: string): boolean => apiVersion.split('/').length <= 2;

/** What a kind is served as; all resources of its version where it is not served. */
async function targetOf({ apiVersion = '', kind = '' }: ParamKind, { read }: WriteContext): Promise<Target> {
  if (!isVersion(apiVersion)) return anything;
  const { group, version } = parseApiVersion(apiVersion);
  const builtin = builtinResources.find((r) => r.group === group && r.version === version && r.kind === kind && !r.name.includes('/'));
  if (builtin) return { group, version, resource: builtin.name };
  const definitions = await read.list(customResourceDefinitions);
  const custom = definitions.find(({ spec }) => spec.group === group && spec.names.kind === kind && spec.versions.some(({ name, served }) => name === version && served));
  return { group, version, resource: custom?.spec.names.plural ?? '*' };
}

async function mayRead({ user, authorize }: WriteContext, target: Target, verb: string, name: string, namespace: string): Promise<boolean> {
  const { decision } = await authorize({ user, verb, isResource: true, path: '', group: target.group, version: target.version, resource: target.resource, subresource: '', name, namespace });
  return decision === 'allow';
}

export async function policyRights(found: FieldError[], { spec: { paramKind } }: Policy, old: Policy | undefined, context: WriteContext): Promise<FieldError[]> {
  if (found.length || context.subresource || !paramKind || isMaster(context) || (old?.spec.paramKind && same(paramKind, old.spec.paramKind))) return found;
  if (await mayRead(context, await targetOf(paramKind, context), 'get', '*', '*')) return found;
  return [forbidden('spec.paramKind', `user ${shownUser(context.user)} must have "get" permission on all objects of the referenced paramKind (kind=${paramKind.kind}, apiVersion=${paramKind.apiVersion})`)];
}

const policies = { validating: validatingAdmissionPolicies, mutating: mutatingAdmissionPolicies };

/** The texts for the two sorts of binding differ by the order in which one of them names user and verb. */
export const bindingRights =
  (sort: keyof typeof policies) =>
  async (found: FieldError[], { spec }: Binding, old: Binding | undefined, context: WriteContext): Promise<FieldError[]> => {
    const { paramRef, policyName } = spec;
    if (found.length || !paramRef || isMaster(context)) return found;
    if (old?.spec.paramRef && same(old.spec.paramRef, paramRef) && old.spec.policyName === policyName) return found;
    const policy = (await context.read.get(policies[sort] as typeof validatingAdmissionPolicies, policyName)) as Policy | undefined;
    const kind = policy?.spec.paramKind;
    const target = kind ? await targetOf(kind, context) : anything;
    const verb = paramRef.name ? 'get' : 'list';
    if (await mayRead(context, target, verb, paramRef.name ?? '', paramRef.namespace ?? '')) return found;
    return [forbidden('spec.paramRef', refusalOf(sort, { policyName, kind, found: policy !== undefined, resolved: target.resource !== '*' }, shownUser(context.user), verb))];
  };

function refusalOf(sort: keyof typeof policies, policy: { policyName: string; kind: ParamKind | undefined; found: boolean; resolved: boolean }, user: string, verb: string): string {
  const { policyName, kind, found, resolved } = policy;
  const rest = `to determine minimum required permissions and user ${user} does not have "${verb}" permission for all groups, versions and resources`;
  if (!found) return `unable to get policy ${policyName} ${rest}`;
  const shown = `&{${kind?.apiVersion} ${kind?.kind}}`;
  if (kind && !isVersion(kind.apiVersion ?? '')) return `unable to parse paramKind ${shown} ${rest}`;
  if (kind && !resolved) return `unable to resolve paramKind ${shown} ${rest}`;
  return sort === 'validating' ? `user ${user} does not have "${verb}" permission on the object referenced by paramRef` : `user ${verb} does not have "${user}" permission on the object referenced by paramRef`;
}
