/** Keeps metadata.managedFields: who set which field, and through which operation. */
import type { ManagedFieldsEntry } from '@pilothouse/api-schemas/types/meta/v1';
import { builtinTypes } from '@pilothouse/api-schemas';
import { equalJson, type KubeObject } from '@pilothouse/apimachinery';
import { type ApplyRequest, applyServerSide } from '@pilothouse/apimachinery/managed-fields/apply';
import { CreatedFieldSets } from '@pilothouse/apimachinery/managed-fields/create';
import { managedFieldsError } from '@pilothouse/apimachinery/managed-fields/entries';
import { excludeFields, type FieldFilter } from '@pilothouse/apimachinery/managed-fields/field-set';
import { type FieldType, fieldTypeOf, fieldTypeOfCustomResource } from '@pilothouse/apimachinery/managed-fields/field-type';
import { typedFaults } from '@pilothouse/apimachinery/managed-fields/typed-value';
import { keepTimesOfNoChange, type ManagedObject, type OwnershipContext, updateManagedFields } from '@pilothouse/apimachinery/managed-fields/update';
import { formatTime } from '@pilothouse/base';
import type { ServedResource } from '../registry.ts';
import { plainError } from '../request/errors.ts';
import { managerName } from '../request/write-options.ts';
import type { Call } from './call.ts';

/** What a write of the object ('') or of a subresource cannot set, where that is not the other's `status` or `spec` alone. */
const resetFields: Readonly<Record<string, Readonly<Record<string, readonly string[][]>>>> = {
  'pods/': { status: [['spec'], ['metadata', 'deletionTimestamp'], ['metadata', 'ownerReferences']] },
  'deployments/apps': { status: [['spec'], ['metadata', 'labels']] },
  'certificatesigningrequests/certificates.k8s.io': { '': [['spec'], ['status']], status: [['spec'], ['status', 'conditions']], approval: [['spec'], ['status', 'certificate']] },
};

interface Ownership {
  type: FieldType;
  filters: Map<string, FieldFilter | undefined>;
  empty: ManagedObject;
  created: CreatedFieldSets;
}

const known = new WeakMap<ServedResource, Ownership>();

function ownershipOf(resource: ServedResource): Ownership {
  let ownership = known.get(resource);
  if (!ownership) {
    const { definition, codec, kind, apiVersion } = resource;
    const type = codec.fieldType ?? (builtinTypes.has(definition.schema) ? fieldTypeOf(builtinTypes.get(definition.schema)!) : fieldTypeOfCustomResource(undefined));
    const empty = codec.decode({ kind, apiVersion }).object as ManagedObject;
    ownership = { type, filters: new Map(), empty, created: new CreatedFieldSets() };
    known.set(resource, ownership);
  }
  return ownership;
}

/** Drops the fields that a write of this (sub)resource has put back by its strategy. */
function filterOf({ definition }: ServedResource, subresource: string): FieldFilter | undefined {
  if (!definition.subresources.some((s) => s.name === 'status')) return undefined;
  const own = resetFields[`${definition.type.plural}/${definition.type.group}`]?.[subresource];
  if (own) return excludeFields(...own);
  if (subresource === '') return excludeFields(['status']);
  if (subresource !== 'status') return undefined;
  if (definition.codec) return excludeFields(['spec'], ['metadata']);
  return excludeFields(['spec']);
}

function contextOf(call: Call, subresource: string): OwnershipContext {
  const { resource, core } = call;
  const ownership = ownershipOf(resource);
  if (!ownership.filters.has(subresource)) ownership.filters.set(subresource, filterOf(resource, subresource));
  const filter = ownership.filters.get(subresource);
  return {
    type: ownership.type,
    apiVersion: resource.apiVersion,
    subresource,
    // A scale's entry carries no time: upstream makes it anew from the parent's.
    time: subresource === 'scale' ? '' : formatTime(core.clock.now()),
    ...(filter && { filter }),
    convert: (object, apiVersion) => convert(call, object, apiVersion),
  };
}

/** The object, which may be in any version of the resource, in another one; undefined: that version is not served. */
function convert({ resource, core }: Call, object: Record<string, unknown>, apiVersion: string): { object: Record<string, unknown>; type: FieldType } | undefined {
  const inVersion = (version: unknown): ServedResource | undefined => (version === resource.apiVersion ? resource : core.registry.all().find((candidate) => candidate.stored === resource.stored && candidate.apiVersion === version));
  const to = inVersion(apiVersion);
  if (!to) return undefined;
  const { type } = ownershipOf(to);
  const from = inVersion(object['apiVersion']) ?? resource;
  if (from === to) return { object, type };
  if (resource.codec.statesKind) return asVersion(object, apiVersion, type, resource);
  const stored = from.conversion ? from.conversion.toStorage(object as unknown as KubeObject) : (object as unknown as KubeObject);
  return { object: (to.conversion ? to.conversion.fromStorage(stored) : stored) as unknown as Record<string, unknown>, type };
}

/** Another version's schema does not fit the object: upstream then forgets all its managers. */
class ManagersLost extends Error {}

/**
 * A custom resource under another version's name. Webhooks are not asked here: the managers of a version that the
 * object does not fit keep the fields that stay as they are. @throws ManagersLost where that version does not know all its fields
 */
function asVersion(object: Record<string, unknown>, apiVersion: string, type: FieldType, from: ServedResource): { object: Record<string, unknown>; type: FieldType } {
  const renamed = { ...object, apiVersion };
  const [fault] = typedFaults(type, object, { allowDuplicates: true });
  if (!fault) return { object: renamed, type };
  if (from.conversion?.remote) return { object: renamed, type: ownershipOf(from).type };
  throw new ManagersLost(fault);
}

function set(object: KubeObject, entries: ManagedFieldsEntry[] | undefined): void {
  if (entries?.length) object.metadata.managedFields = entries;
  else delete object.metadata.managedFields;
}

/** Notes a create; before admission. `asked` is the request's fieldManager. */
export function trackCreate(call: Call, object: KubeObject, asked: string): void {
  const { empty: live, created } = ownershipOf(call.resource);
  const manager = managerName(asked, call.request.headers['user-agent']);
  set(object, created.entriesOf({ ...contextOf(call, ''), live, isNew: true, updated: object as unknown as ManagedObject, manager }));
}

/** As `trackCreate`, for the body of a subresource, which is an object of another type than the resource's. */
export function trackBody(call: Call, object: KubeObject, asked: string, body: { schema: string; apiVersion: string; kind: string; empty: object; subresource: string }): void {
  const manager = managerName(asked, call.request.headers['user-agent']);
  set(object, updateManagedFields({ type: fieldTypeOf(builtinTypes.get(body.schema)!), apiVersion: body.apiVersion, subresource: body.subresource, time: formatTime(call.core.clock.now()), live: body.empty as ManagedObject, isNew: true, updated: object as unknown as ManagedObject, manager, convert: () => undefined }));
}

/** Notes an update of `old` to `object`; before admission. */
export function trackUpdate(call: Call, object: KubeObject, old: KubeObject, asked: string, subresource: string): void {
  const manager = managerName(asked, call.request.headers['user-agent']);
  try {
    set(object, updateManagedFields({ ...contextOf(call, subresource), live: old as unknown as ManagedObject, updated: object as unknown as ManagedObject, manager }));
  } catch (error) {
    if (!(error instanceof ManagersLost)) throw error;
    set(object, undefined);
  }
}

/** The object that a server-side apply makes of `old` (undefined: it creates); still to be decoded. @throws StatusError */
export function applied(call: Call, old: KubeObject | undefined, patch: Record<string, unknown>, options: { manager: string; force: boolean; subresource: string }): unknown {
  const { empty } = ownershipOf(call.resource);
  const request: ApplyRequest = { ...contextOf(call, options.subresource), live: (old as unknown as ManagedObject) ?? empty, empty, applied: patch as ManagedObject, manager: options.manager, force: options.force, kind: call.resource.kind };
  try {
    return applyServerSide(request).object;
  } catch (error) {
    if (error instanceof ManagersLost) throw plainError(`failed to prune fields: failed to convert merged object to last applied version: ${error.message}`);
    throw error;
  }
}

/** What admission must not leave behind: managers nobody can read. `before` is put back. */
export function checkAfterAdmission(call: Call, object: KubeObject, before: ManagedFieldsEntry[] | undefined): void {
  if (object.metadata.managedFields === before) return;
  const problem = managedFieldsError(object.metadata.managedFields);
  if (!problem) return;
  call.warnings.push(`.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: ${problem}`);
  set(object, before);
}

/** An update that changed nothing but the managers' times keeps the times. */
export function keepTimes(object: KubeObject, old: KubeObject): void {
  const before = old.metadata.managedFields;
  const kept = keepTimesOfNoChange(object.metadata.managedFields, before, () => {
    const { managedFields: _a, resourceVersion: _b, ...mine } = object.metadata;
    const { managedFields: _c, resourceVersion: _d, ...theirs } = old.metadata;
    return equalJson({ ...object, metadata: mine }, { ...old, metadata: theirs });
  });
  set(object, kept);
}
