/** Who owns which field after a create, update or patch. Facts: structured-merge-diff merge/update, apimachinery managedfields. */
import type { ManagedFieldsEntry } from '@pilothouse/api-schemas/types/meta/v1';
import { equalJson } from '../patch/json-patch.ts';
import { compareObjects, type Comparison } from './compare.ts';
import { fieldElement, self } from './element.ts';
import { asksForReset, capUpdateManagers, dropEmpty, type Manager, managerId, type Managers, readManagers, writeManagers } from './entries.ts';
import { difference, type FieldFilter, type FieldSet, intersection, isEmpty, type MutableFieldSet, union } from './field-set.ts';
import type { FieldType } from './field-type.ts';
import { type Json, TypedValueError } from './typed-value.ts';

/** An object with metadata, as JSON. */
export type ManagedObject = Json & { metadata?: { managedFields?: ManagedFieldsEntry[] | null; uid?: string } };

export interface OwnershipContext {
  /** `fieldTypeOf(type)`, or `fieldTypeOfCustomResource(schema)`. */
  type: FieldType;
  /** Group and version of the request: `apps/v1`. */
  apiVersion: string;
  /** `''` or absent for the resource itself. */
  subresource?: string;
  /** Now, RFC 3339 with seconds. */
  time: string;
  /** What writers of this resource or subresource cannot set: `excludeFields(['status'])`. */
  filter?: FieldFilter;
  /**
   * An object in another version, with that version's type; undefined where the version is no longer served: its
   * managers are then forgotten. Without it every version is taken to have this version's shape.
   */
  convert?: (object: Json, apiVersion: string) => { object: Json; type: FieldType } | undefined;
}

export interface UpdateOwnership extends OwnershipContext {
  /** The stored object in the request's version; for a create the empty object of the kind, as decoding `{}` gives it. */
  live: ManagedObject;
  /** Set for a create. */
  isNew?: boolean;
  /** The new object, decoded and defaulted, before admission; its managedFields are what the client sent. */
  updated: ManagedObject;
  /** `fieldManager`, or what the user agent names; `''` becomes `unknown`. */
  manager: string;
}

/**
 * The managedFields to store with the updated object; undefined for none. Never fails: where objects do not fit the
 * type, the live object's entries stay.
 */
export function updateManagedFields(change: UpdateOwnership): ManagedFieldsEntry[] | undefined {
  try {
    const managers = initialManagers(change);
    // Without managers an object that exists is not tracked until somebody applies it.
    if (managers.size === 0 && !change.isNew) return undefined;
    trackUpdate(managers, change);
    capUpdateManagers(managers);
    return writeManagers(managers);
  } catch (error) {
    if (!(error instanceof TypedValueError)) throw error;
    return change.live.metadata?.managedFields ?? undefined;
  }
}

/** The client's entries where they can be read and there are any, else the stored ones. */
function initialManagers({ live, updated, subresource }: UpdateOwnership): Managers {
  const stored = () => tryRead(live.metadata?.managedFields) ?? new Map();
  if (subresource) return stored();
  const sent = updated.metadata?.managedFields;
  if (asksForReset(sent)) return new Map();
  const managers = tryRead(sent);
  return managers?.size ? managers : stored();
}

function tryRead(entries: readonly ManagedFieldsEntry[] | null | undefined): Managers | undefined {
  try {
    return readManagers(entries);
  } catch {
    return undefined;
  }
}

/** Notes an update of `live` to `updated` by the manager. @throws TypedValueError */
export function trackUpdate(managers: Managers, change: UpdateOwnership): void {
  const { live, updated, type, apiVersion, subresource = '', time, filter = (set) => set } = change;
  const comparison = filtered(compareObjects(type, live, updated), filter);
  const { conflicts, removed } = changesOfManagers(managers, comparison, live, updated, change);
  release(managers, conflicts, removed);
  const changed = withoutMetadata(filter(union(comparison.modified, comparison.added)));
  if (isEmpty(changed)) return;
  const identity = { manager: change.manager || 'unknown', operation: 'Update' as const, apiVersion, subresource };
  const id = managerId(identity);
  const previous = managers.get(id);
  managers.set(id, { ...identity, time, set: previous ? union(changed, previous.set) : changed });
}

export const filtered = ({ added, modified, removed }: Comparison, filter: FieldFilter): Comparison => ({ added: filter(added), modified: filter(modified), removed: filter(removed) });

const metadata = fieldElement('metadata');
/** `metadata` itself is nobody's; what stands in it may be. */
export function withoutMetadata(set: FieldSet): FieldSet {
  const own = set[metadata];
  if (own === undefined || !(self in own || isEmpty(own))) return set;
  const out: MutableFieldSet = { ...set };
  const { [self]: _, ...rest } = own;
  if (isEmpty(rest)) delete out[metadata];
  else out[metadata] = rest;
  return out;
}

export interface ManagerChanges {
  /** Per manager, the owned fields that the change gave another value. */
  conflicts: Map<string, FieldSet>;
  removed: Map<string, FieldSet>;
}

/** What the change means to each manager but `except`, in the version that it wrote in. Managers of versions no longer served are dropped. */
export function changesOfManagers(managers: Managers, comparison: Comparison, live: Json, next: Json, context: OwnershipContext, except?: string): ManagerChanges {
  const versions = new Map<string, { comparison: Comparison; changed: FieldSet }>();
  const changesIn = (apiVersion: string) => {
    let known = versions.get(apiVersion);
    if (!known) {
      const compared = apiVersion === context.apiVersion || !context.convert ? comparison : compareIn(apiVersion, live, next, context);
      if (!compared) return undefined;
      known = { comparison: compared, changed: union(compared.modified, compared.added) };
      versions.set(apiVersion, known);
    }
    return known;
  };
  const conflicts = new Map<string, FieldSet>();
  const removed = new Map<string, FieldSet>();
  for (const [id, manager] of managers) {
    if (id === except) continue;
    const changes = changesIn(manager.apiVersion);
    if (!changes) {
      managers.delete(id);
      continue;
    }
    const conflict = intersection(changes.changed, manager.set);
    if (!isEmpty(conflict)) conflicts.set(id, conflict);
    if (!isEmpty(changes.comparison.removed)) removed.set(id, changes.comparison.removed);
  }
  return { conflicts, removed };
}

function compareIn(apiVersion: string, live: Json, next: Json, { convert, filter = (set) => set }: OwnershipContext): Comparison | undefined {
  const before = convert?.(live, apiVersion);
  const after = convert?.(next, apiVersion);
  return before && after ? filtered(compareObjects(before.type, before.object, after.object), filter) : undefined;
}

/** Takes the fields from their managers; who owns nothing any more is gone. */
export function release(managers: Managers, ...sets: Map<string, FieldSet>[]): void {
  for (const byManager of sets)
    for (const [id, set] of byManager) {
      const manager = managers.get(id) as Manager;
      const rest = difference(manager.set, set);
      if (rest !== manager.set) managers.set(id, { ...manager, set: rest });
    }
  dropEmpty(managers);
}

/**
 * An update that changes nothing but the times of managers changes nothing: the stored entries, where that is the case,
 * else the new ones. `sameButManagers` compares the objects without their managedFields; it is called last.
 */
export function keepTimesOfNoChange(next: ManagedFieldsEntry[] | undefined, stored: ManagedFieldsEntry[] | undefined, sameButManagers: () => boolean): ManagedFieldsEntry[] | undefined {
  if (!next?.length || next.length !== stored?.length) return next;
  if (next.every((entry, i) => entry.time === stored[i]?.time)) return next;
  const same = next.every((entry, i) => equalJson({ ...entry, time: '' }, { ...stored[i], time: '' }));
  return same && sameButManagers() ? stored : next;
}

