/** Server-side apply. Facts: structured-merge-diff merge/update, apimachinery managedfields. */
import { goQuote } from '../go-format.ts';
import type { StatusCause } from '@pilothouse/api-schemas/types/meta/v1';
import { parseApiVersion } from '../meta.ts';
import { equalJson } from '../patch/json-patch.ts';
import { plainServerError } from '../patch/patch-error.ts';
import { badRequestError, StatusError } from '../status.ts';
import { compareObjects } from './compare.ts';
import { type Manager, managerId, type Managers, readManagers, writeManagers } from './entries.ts';
import { difference, emptySet, type FieldSet, intersection, isEmpty, pathsOf, union } from './field-set.ts';
import type { FieldType } from './field-type.ts';
import { mergeObjects, removeFields, withNamedFields } from './merge.ts';
import { fieldsOf, type Json, typedFaults } from './typed-value.ts';
import { changesOfManagers, filtered, type ManagedObject, type OwnershipContext, release, trackUpdate, withoutMetadata } from './update.ts';

export interface ApplyRequest extends OwnershipContext {
  /** The stored object in the request's version, or the empty object of the kind for an apply that creates. */
  live: ManagedObject;
  /** The empty object of the kind, as decoding `{}` gives it. */
  empty: Json;
  /** The patch as the client sent it, parsed; not defaulted. */
  applied: ManagedObject;
  manager: string;
  /** Takes fields from other managers instead of failing. */
  force?: boolean;
  kind: string;
}

export interface ApplyResult {
  /** The merged object with its managedFields; to be decoded, defaulted and validated by the caller. */
  object: ManagedObject;
  /** False where the apply changed nothing but ownership. */
  changed: boolean;
}

const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** @throws StatusError 400 for another kind or version, 409 with a cause per conflict, 500 for an object that does not fit the type, as upstream does */
export function applyServerSide(request: ApplyRequest): ApplyResult {
  checkKind(request);
  let managers: Managers;
  try {
    managers = readManagers(request.live.metadata?.managedFields);
  } catch (error) {
    throw plainServerError(`failed to decode managed fields: ${(error as Error).message}`);
  }
  if (managers.size === 0) {
    const { manager: _, ...context } = request;
    trackUpdate(managers, { ...context, live: request.empty, updated: request.live, manager: 'before-first-apply' });
  }
  const result = applyAsKubectl(request, managers);
  const entries = writeManagers(managers);
  const { managedFields: _, ...metadata } = (result.object.metadata ?? {}) as Json;
  return { ...result, object: { ...result.object, metadata: { ...metadata, ...(entries && { managedFields: entries }) } } };
}

/** What is wrong with an applied object by itself. @throws StatusError 400 for another kind or version, 500 where it does not fit the type */
export function checkApplied(request: Pick<ApplyRequest, 'applied' | 'type' | 'apiVersion' | 'kind'>): void {
  checkKind(request);
  const faults = typedFaults(request.type, request.applied);
  if (faults.length) throw notTyped('failed to create typed patch object', request.applied, request, faults);
}

function checkKind({ applied, apiVersion, kind }: Pick<ApplyRequest, 'applied' | 'apiVersion' | 'kind'>): void {
  const sent = { apiVersion: text(applied['apiVersion']), kind: text(applied['kind']) };
  if (sent.apiVersion !== apiVersion || sent.kind !== kind) throw badRequestError(`invalid object type: ${gvkText(sent.apiVersion, sent.kind)}`);
  const managedFields = applied.metadata?.managedFields;
  if (managedFields !== undefined && managedFields !== null) throw badRequestError('metadata.managedFields must be nil');
}
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
function gvkText(apiVersion: string, kind: string): string {
  const { group, version } = parseApiVersion(apiVersion);
  return `${group}/${version}, Kind=${kind}`;
}

/**
 * `kubectl apply --server-side` over what client-side apply wrote: conflicts with values that the last-applied annotation
 * holds unchanged are no conflicts, and the annotation follows the new configuration.
 */
function applyAsKubectl(request: ApplyRequest, managers: Managers): ApplyResult {
  if (request.manager !== 'kubectl') return apply(request, managers);
  let result: ApplyResult;
  const before = new Map(managers);
  try {
    result = apply(request, managers);
  } catch (error) {
    if (!(error instanceof ApplyConflict)) throw error;
    const allowed = unchangedSinceLastApplied(request);
    if (!allowed) throw error;
    const conflicts = new Map([...error.conflicts].map(([id, set]) => [id, difference(set, allowed)] as const).filter(([, set]) => !isEmpty(set)));
    if (conflicts.size) throw new ApplyConflict(conflicts, before);
    managers.clear();
    for (const [id, manager] of before) managers.set(id, manager);
    result = apply({ ...request, force: true }, managers);
  }
  return followAnnotation(request, result);
}

function followAnnotation({ applied }: ApplyRequest, result: ApplyResult): ApplyResult {
  const metadata = result.object.metadata as { annotations?: Record<string, string> } | undefined;
  if (!metadata?.annotations?.[lastAppliedAnnotation]) return result;
  const { [lastAppliedAnnotation]: _, ...annotations } = ((applied.metadata as { annotations?: Record<string, string> } | undefined)?.annotations ?? {}) as Record<string, string>;
  const configuration = { ...applied, metadata: { ...applied.metadata, ...(Object.keys(annotations).length ? { annotations } : { annotations: undefined }) } };
  const value = `${JSON.stringify(sortedKeys(configuration))}\n`;
  return { ...result, object: { ...result.object, metadata: { ...metadata, annotations: { ...metadata.annotations, [lastAppliedAnnotation]: value } } as ManagedObject['metadata'] & object } };
}
const sortedKeys = (value: unknown): unknown =>
  Array.isArray(value) ? value.map(sortedKeys) : typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, child]) => [key, sortedKeys(child)])) : value;

function unchangedSinceLastApplied({ live, type, apiVersion }: ApplyRequest): FieldSet | undefined {
  const annotation = (live.metadata as { annotations?: Record<string, string> } | undefined)?.annotations?.[lastAppliedAnnotation];
  if (!annotation) return undefined;
  let last: Json;
  try {
    last = JSON.parse(annotation) as Json;
    if (last['apiVersion'] !== apiVersion || typedFaults(type, last).length) return undefined;
    const { added, modified, removed } = compareObjects(type, last, live);
    return [modified, added, removed].reduce(difference, fieldsOf(type, last));
  } catch {
    return undefined;
  }
}

function apply(request: ApplyRequest, managers: Managers): ApplyResult {
  const { live, applied, type, apiVersion, subresource = '', time, filter = (set) => set } = request;
  const faults = typedFaults(type, applied);
  if (faults.length) throw notTyped('failed to create typed patch object', applied, request, faults);
  const liveFaults = typedFaults(type, live, { allowDuplicates: true });
  if (liveFaults.length) throw notTyped('failed to create typed live object', live, request, liveFaults);

  const identity = { manager: request.manager || 'unknown', operation: 'Apply' as const, apiVersion, subresource };
  const id = managerId(identity);
  const last = managers.get(id);
  const own = { ...identity, ...(last?.time && { time: last.time }) };
  // While pruning, the name and whatever else nobody owns counts as applied.
  managers.set(id, { ...own, set: filter(fieldsOf(type, applied, { all: true })) });
  const merged = prune(mergeObjects(type, live, applied), managers, last, request);
  const set = withoutMetadata(filter(fieldsOf(type, applied)));
  managers.set(id, { ...own, set });
  const comparison = filtered(compareObjects(type, live, merged), filter);
  const { conflicts, removed } = changesOfManagers(managers, comparison, live, merged, request, id);
  if (conflicts.size && !request.force) throw new ApplyConflict(conflicts, managers);
  release(managers, conflicts, removed);
  const changed = !equalJson(live, merged);
  if (isEmpty(set)) managers.delete(id);
  else managers.set(id, { ...own, set, ...(changed && { time }) });
  return { object: merged as ManagedObject, changed };
}

function notTyped(what: string, object: ManagedObject, { apiVersion, kind }: Pick<ApplyRequest, 'apiVersion' | 'kind'>, faults: string[]): StatusError {
  const { namespace = '', name = '' } = (object.metadata ?? {}) as { namespace?: string; name?: string };
  return plainServerError(`${what} (${namespace}/${name}; ${gvkText(apiVersion, kind)}): ${faults.length === 1 ? faults[0] : ['errors:', ...faults.map((f) => `  ${f}`)].join('\n')}`);
}

/** Removes what the manager applied before, applies no longer, and nobody else owns. */
function prune(merged: Json, managers: Managers, last: Manager | undefined, context: OwnershipContext): Json {
  if (!last || isEmpty(last.set)) return merged;
  const inLast = inVersion(merged, last.apiVersion, context);
  if (!inLast) return merged;
  const { object, type } = inLast;
  let pruned = removeFields(type, object, withNamedFields(type, last.set));
  pruned = keepOwned(object, pruned, last.apiVersion, type, managers, context);
  const before = withNamedFields(type, fieldsOf(type, object, { all: true }));
  const after = withNamedFields(type, fieldsOf(type, pruned, { all: true }));
  // What removal took along although the manager never had it comes back.
  pruned = removeFields(type, object, intersection(difference(before, after), withNamedFields(type, last.set)));
  return last.apiVersion === context.apiVersion ? pruned : (context.convert?.(pruned, context.apiVersion)?.object ?? pruned);
}

/** Puts back what other managers own, version by version. */
function keepOwned(merged: Json, pruned: Json, apiVersion: string, type: FieldType, managers: Managers, context: OwnershipContext): Json {
  const owned = new Map<string, FieldSet>([[apiVersion, emptySet]]);
  for (const manager of managers.values()) owned.set(manager.apiVersion, union(owned.get(manager.apiVersion) ?? emptySet, manager.set));
  let result = pruned;
  for (const [version, set] of owned) {
    const whole = version === apiVersion ? { object: merged, type } : inVersion(merged, version, context);
    const part = version === apiVersion ? { object: result, type } : inVersion(result, version, context);
    if (!whole || !part) continue;
    const named = (fields: FieldSet) => withNamedFields(whole.type, fields);
    const kept = union(named(fieldsOf(whole.type, part.object, { all: true })), named(set));
    const back = removeFields(whole.type, whole.object, difference(named(fieldsOf(whole.type, whole.object, { all: true })), kept));
    result = version === apiVersion ? back : (inVersion(back, apiVersion, context)?.object ?? result);
  }
  return result;
}

function inVersion(object: Json, apiVersion: string, { apiVersion: own, type, convert }: OwnershipContext): { object: Json; type: FieldType } | undefined {
  return object['apiVersion'] === apiVersion || apiVersion === own || !convert ? { object, type } : convert(object, apiVersion);
}

/** 409: one cause per field and manager. */
export class ApplyConflict extends StatusError {
  /** By manager's identity. */
  readonly conflicts: ReadonlyMap<string, FieldSet>;
  constructor(conflicts: ReadonlyMap<string, FieldSet>, managers: Managers) {
    const found = [...conflicts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, set]) => ({ who: managerText(managers.get(id) as Manager), paths: pathsOf(set) }));
    const causes: StatusCause[] = found.flatMap(({ who, paths }) => paths.map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${who}`, field })));
    const lines = found.flatMap(({ who, paths }) => [`conflicts with ${who}:`, ...paths.map((path) => `- ${path}`)]);
    const message = causes.length === 1 ? `Apply failed with 1 conflict: ${causes[0]?.message}: ${causes[0]?.field}` : `Apply failed with ${causes.length} conflicts: ${lines.join('\n')}`;
    super({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason: 'Conflict', details: { causes }, code: 409 });
    this.conflicts = conflicts;
  }
}

function managerText({ manager, subresource, operation, apiVersion }: Manager): string {
  const name = `${goQuote(manager)}${subresource ? ` with subresource ${goQuote(subresource)}` : ''}`;
  return operation === 'Update' ? `${name} using ${apiVersion}` : name;
}

