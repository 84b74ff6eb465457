/** `metadata.managedFields` as managers with their field sets, and back. Facts: k8s.io/apimachinery/pkg/util/managedfields. */
import { goQuote } from '../go-format.ts';
import type { ManagedFieldsEntry } from '@pilothouse/api-schemas/types/meta/v1';
import { type FieldSet, isEmpty, readFieldSet, sorted, union } from './field-set.ts';

export interface Manager {
  manager: string;
  operation: 'Apply' | 'Update';
  /** The version that the fields are written in. */
  apiVersion: string;
  subresource: string;
  time?: string;
  set: FieldSet;
}

/** By identity: who wrote, how, through which subresource, and for updates in which version. */
export type Managers = Map<string, Manager>;

/** Go's JSON of the identity, which also decides the order of managers of equal age. */
export function managerId({ manager, operation, apiVersion, subresource }: Pick<Manager, 'manager' | 'operation' | 'apiVersion' | 'subresource'>): string {
  const parts = [manager && `"manager":${JSON.stringify(manager)}`, `"operation":"${operation}"`, operation === 'Update' && apiVersion && `"apiVersion":${JSON.stringify(apiVersion)}`, subresource && `"subresource":${JSON.stringify(subresource)}`];
  return `{${parts.filter(Boolean).join(',')}}`;
}

/** @throws Error for entries that cannot be read, with upstream's words */
export function readManagers(entries: readonly ManagedFieldsEntry[] | null | undefined): Managers {
  const managers: Managers = new Map();
  entries?.forEach((entry, i) => {
    const { operation } = entry;
    if (operation !== 'Apply' && operation !== 'Update') throw new Error('operation must be `Apply` or `Update`');
    if (!entry.apiVersion) throw new Error('apiVersion must not be empty');
    if (!entry.fieldsType) throw new Error(`missing fieldsType in managed fields entry ${i}`);
    if (entry.fieldsType !== 'FieldsV1') throw new Error(`invalid fieldsType ${goQuote(entry.fieldsType)} in managed fields entry ${i}`);
    const manager: Manager = { manager: entry.manager ?? '', operation, apiVersion: entry.apiVersion, subresource: entry.subresource ?? '', ...(entry.time && { time: entry.time }), set: readFieldSet(entry.fieldsV1) };
    managers.set(managerId(manager), manager);
  });
  return managers;
}

/** Why the entries cannot be read; undefined where they can. What mutating admission leaves is checked with it. */
export function managedFieldsError(entries: readonly ManagedFieldsEntry[] | null | undefined): string | undefined {
  try {
    readManagers(entries);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const seconds = (time: string | undefined): string => (time ? time.slice(0, 19) : '');
const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Appliers first, then by age, manager, version and subresource. Undefined where there are no managers. */
export function writeManagers(managers: Managers): ManagedFieldsEntry[] | undefined {
  if (managers.size === 0) return undefined;
  return [...managers.values()]
    .sort((a, b) => compareTexts(a.operation, b.operation) || compareTexts(seconds(a.time), seconds(b.time)) || compareTexts(a.manager, b.manager) || compareTexts(a.apiVersion, b.apiVersion) || compareTexts(a.subresource, b.subresource))
    .map(({ manager, operation, apiVersion, time, set, subresource }) => ({
      ...(manager && { manager }),
      operation,
      apiVersion,
      ...(time && { time }),
      fieldsType: 'FieldsV1',
      fieldsV1: sorted(set),
      ...(subresource && { subresource }),
    }));
}

/** Managers by update that an object may have; older ones are merged beyond it. */
export const maxUpdateManagers = 10;
const bucketName = 'ancient-changes';

/** Merges the oldest updaters of a version into one entry until few enough are left. */
export function capUpdateManagers(managers: Managers): void {
  const updaters = [...managers].filter(([, m]) => m.operation === 'Update').sort(([idA, a], [idB, b]) => compareTexts(seconds(a.time), seconds(b.time)) || compareTexts(idA, idB));
  let count = updaters.length;
  const firstOfVersion = new Map<string, string>();
  for (const [id, manager] of updaters) {
    if (count <= maxUpdateManagers) return;
    const first = firstOfVersion.get(manager.apiVersion);
    if (first === undefined) {
      firstOfVersion.set(manager.apiVersion, id);
      continue;
    }
    const identity = { manager: bucketName, operation: 'Update' as const, apiVersion: manager.apiVersion, subresource: '' };
    const bucketId = managerId(identity);
    let bucket = managers.get(bucketId);
    if (!bucket) {
      bucket = { ...identity, set: (managers.get(first) as Manager).set };
      managers.delete(first);
    }
    managers.delete(id);
    managers.set(bucketId, { ...bucket, set: union(manager.set, bucket.set), ...(manager.time && { time: manager.time }) });
    count--;
  }
}

/** The client asks to forget all managers: an empty list, or one empty entry. */
export const asksForReset = (entries: readonly ManagedFieldsEntry[] | null | undefined): boolean =>
  Array.isArray(entries) && (entries.length === 0 || (entries.length === 1 && Object.values(entries[0] as object).every((value) => value === undefined || value === null || value === '')));

/** Drops managers that own nothing. */
export function dropEmpty(managers: Managers): void {
  for (const [id, manager] of managers) if (isEmpty(manager.set)) managers.delete(id);
}
