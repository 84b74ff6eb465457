/** What a user must be allowed beside writing claims: admin access to devices, allocating them, telling of their state. */
import { type FieldError, forbidden, namespaces } from '@pilothouse/apimachinery';
import type { AllocatedDeviceStatus, AllocationResult, DeviceRequest, ResourceClaim as PublishedClaim, ResourceClaimTemplate as PublishedTemplate } from '@pilothouse/api-schemas/types/resource/v1';
import { forbiddenByAuthorization } from '../../auth/forbidden.ts';
import type { RequestAttributes, WriteContext } from '../../contract.ts';
import type { Filled } from '../filled.ts';
import { same } from '../validation/equality.ts';

type Claim = Filled<PublishedClaim>;
type Template = Filled<PublishedTemplate>;

const adminLabel = 'resource.kubernetes.io/admin-access';

/** Admin access is for namespaces that are labelled for it. */
async function refuseAdmin(path: string, context: WriteContext): Promise<FieldError[]> {
  const namespace = await context.read.get(namespaces, context.namespace);
  return namespace?.metadata.labels?.[adminLabel] === 'true' ? [] : [forbidden(path, `admin access to devices requires the \`${adminLabel}: true\` label on the containing namespace`)];
}

async function adminRights(requests: readonly DeviceRequest[] | undefined, context: WriteContext): Promise<FieldError[]> {
  const at = requests?.findIndex(({ exactly }) => exactly?.adminAccess) ?? -1;
  return at < 0 ? [] : refuseAdmin(`spec.devices.requests[${at}].adminAccess`, context);
}

const adminResult = (allocation: AllocationResult | undefined): number => allocation?.devices?.results?.findIndex(({ adminAccess }) => adminAccess) ?? -1;

/** As the request, of a subresource that exists for authorization alone. */
const attributesOf = (context: WriteContext, subresource: string, rest: Pick<RequestAttributes, 'verb' | 'namespace' | 'name'>): RequestAttributes => ({
  user: context.user,
  isResource: true,
  path: '',
  group: 'resource.k8s.io',
  version: 'v1',
  resource: 'resourceclaims',
  subresource,
  ...rest,
});

/** Why not, or undefined where it is allowed. */
async function refusal(context: WriteContext, attributes: RequestAttributes): Promise<string | undefined> {
  const { decision, reason } = await context.authorize(attributes);
  return decision === 'allow' ? undefined : forbiddenByAuthorization(attributes, reason).message;
}

async function allocationRights({ status }: Claim, old: Claim, context: WriteContext): Promise<FieldError[]> {
  if (same(status.allocation, old.status.allocation) && same(status.reservedFor, old.status.reservedFor)) return [];
  const { verb } = context;
  const why = await refusal(context, attributesOf(context, 'binding', { verb, namespace: '', name: '' }));
  return why ? [forbidden('status.allocation', `changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", verb="${verb}" permission: ${why}`)] : [];
}

const keyOf = ({ driver, pool, device, shareID = '' }: AllocatedDeviceStatus): string => JSON.stringify([driver, pool, device, shareID]);

/** The drivers whose devices are told of differently, by name. */
function changedDrivers(now: readonly AllocatedDeviceStatus[], before: readonly AllocatedDeviceStatus[]): string[] {
  const old = new Map(before.map((device) => [keyOf(device), device]));
  const drivers = new Set<string>();
  for (const device of now) {
    const key = keyOf(device);
    if (!same(old.get(key), device)) drivers.add(device.driver);
    old.delete(key);
  }
  for (const { driver } of old.values()) drivers.add(driver);
  return [...drivers].sort();
}

/** The one node that an allocation is for, if it is for one. */
function nodeOf(allocation: AllocationResult | undefined): string | undefined {
  const terms = allocation?.nodeSelector?.nodeSelectorTerms ?? [];
  if (terms.length !== 1 || terms[0].matchExpressions?.length || terms[0].matchFields?.length !== 1) return undefined;
  const { key, operator, values } = terms[0].matchFields[0];
  return key === 'metadata.name' && operator === 'In' && values?.length === 1 ? values[0] : undefined;
}

/** Whether the user is a service account that runs on the allocation's node. */
function isOnNode({ user }: WriteContext, node: string | undefined): boolean {
  const names = user.extra?.['authentication.kubernetes.io/node-name'] ?? [];
  return Boolean(node) && user.name.startsWith('system:serviceaccount:') && names.length === 1 && names[0] === node;
}

async function deviceRights({ status }: Claim, old: Claim, context: WriteContext): Promise<FieldError[]> {
  if (!status.allocation) return [];
  const verbs = [...(isOnNode(context, nodeOf(status.allocation)) ? [`associated-node:${context.verb}`] : []), `arbitrary-node:${context.verb}`];
  const errors: FieldError[] = [];
  for (const driver of changedDrivers(status.devices ?? [], old.status.devices ?? [])) {
    let why: string | undefined;
    for (const verb of verbs) {
      const refused = await refusal(context, attributesOf(context, 'driver', { verb, namespace: context.namespace, name: driver }));
      why = refused && (why ?? refused);
      if (!refused) break;
    }
    if (why) errors.push(forbidden('status.devices', `changing status.devices requires resource="resourceclaims/driver", verb="[${verbs.join(' ')}]" permission: ${why}`));
  }
  return errors;
}

async function statusRights(claim: Claim, old: Claim, context: WriteContext): Promise<FieldError[]> {
  const admin = adminResult(claim.status.allocation);
  const asked = admin >= 0 && adminResult(old.status.allocation) < 0;
  return [...(asked ? await refuseAdmin(`status.allocation.devices.results[${admin}].adminAccess`, context) : []), ...(await allocationRights(claim, old, context)), ...(await deviceRights(claim, old, context))];
}

export async function claimRights(found: FieldError[], claim: Claim, old: Claim | undefined, context: WriteContext): Promise<FieldError[]> {
  if (!old) return [...(await adminRights(claim.spec.devices?.requests, context)), ...found];
  return context.subresource === 'status' ? [...(await statusRights(claim, old, context)), ...found] : found;
}

export async function templateRights(found: FieldError[], { spec }: Template, old: Template | undefined, context: WriteContext): Promise<FieldError[]> {
  return old ? found : [...(await adminRights(spec.spec?.devices?.requests, context)), ...found];
}
