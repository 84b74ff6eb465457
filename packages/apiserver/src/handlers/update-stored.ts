import { conflictError, equalJson, type FieldError, invalidError, invalid, type KubeObject, notFoundError } from '@pilothouse/apimachinery';
import { RevisionConflict, type Store, StoreUnavailable } from '@pilothouse/storage';
import type { CachedObject } from '../cache/cached-object.ts';
import type { WriteContext } from '../contract.ts';
import { dedupOwnerReferences } from '../objects/owner-references.ts';
import { encodeStored } from '../cache/encoding.ts';
import { fromEntry, mayBeWritten, putObject, readObject, sameAsStored, unwritten, updateConflict } from '../objects/storage.ts';
import { keepSystemFields, validateCommonUpdate } from '../objects/system-fields.ts';
import { plainError } from '../request/errors.ts';
import type { WriteOptions } from '../request/write-options.ts';
import { admit, mutate } from './admit.ts';
import type { Call } from './call.ts';
import { createDecoded, kindInErrors } from './create.ts';
import { checkAfterAdmission, keepTimes } from './field-tracking.ts';
import { revisionProblem } from './list-options.ts';
import { objectOf, prepareViews, storedForm } from './view.ts';
import { writeContext } from './write-context.ts';

export interface StoredUpdate {
  name: string;
  /** '' for the object itself; `status` and the like keep the rest as it is. */
  subresource: string;
  options: WriteOptions;
  /**
   * The changed object, made from what is there (shared: never to be mutated; undefined: absent, where creation is
   * allowed). Called again when somebody else wrote in between. The result is changed further and then belongs to the store.
   */
  change(old: KubeObject | undefined): KubeObject | Promise<KubeObject>;
  /** uid that the object must have. */
  uid?: string;
  /** An absent object is created. */
  create?: boolean;
  /** A created object's managedFields are as they shall be (apply). */
  tracked?: boolean;
  /** Admission and validation are another handler's work (finalize, scale). */
  admission?: boolean;
  /** What admission is shown instead of the object (a scale). */
  shown?: (object: KubeObject) => KubeObject;
}

export interface Updated {
  entry: CachedObject;
  created: boolean;
  deleted: boolean;
}

/** Attempts after which a write that is always overtaken gives up. */
const mostAttempts = 100;

/**
 * Reads, changes and writes one object; starts over from the newest state when another write came first, unless the
 * changed object names the revision it is made from. Reads the cache first.
 * @throws StatusError
 */
export async function updateStored(call: Call, update: StoredUpdate): Promise<Updated> {
  const { resource, core, info } = call;
  const stored = resource.stored!;
  let current: CachedObject | undefined = stored.cache.get(info.namespace, update.name);
  let fresh = false;
  if (!current) {
    current = await readObject(core.store, stored, info.namespace, update.name);
    fresh = true;
  }
  for (let attempt = 1; ; attempt++) {
    if (!current && !update.create) throw notFoundError(resource.subject, update.name);
    try {
      const updated = await tryUpdate(call, update, current, fresh);
      const ready = prepareViews(resource, [updated.entry]);
      if (ready) await ready;
      return updated;
    } catch (error) {
      if (error instanceof RevisionConflict) {
        if (attempt >= mostAttempts) throw updateConflict(resource, update.name);
        current = error.current && fromEntry(stored, error.current);
        fresh = true;
        continue;
      }
      // What may have been done must not be answered by what is found afterwards.
      if (fresh || error instanceof StoreUnavailable) throw error;
      // What was read from the cache may have been out of date.
      const newest = await readObject(core.store, stored, info.namespace, update.name);
      fresh = true;
      if (newest?.revision === current?.revision) throw error;
      current = newest;
    }
  }
}

async function tryUpdate(call: Call, update: StoredUpdate, current: CachedObject | undefined, fresh: boolean): Promise<Updated> {
  const { resource } = call;
  if (!current) {
    const object = await update.change(undefined);
    if (update.uid) throw uidConflict(call, update, '');
    return { entry: await createDecoded(call, object, update.options, { name: update.name, tracked: update.tracked === true, byUpdate: true }), created: true, deleted: false };
  }
  const ready = prepareViews(resource, [current]);
  if (ready) await ready;
  const old = objectOf(resource, current);
  if (update.uid && update.uid !== old.metadata.uid) throw uidConflict(call, update, old.metadata.uid ?? '');
  const object = await update.change(old);
  const { subresource, options } = update;
  const { shown } = update;
  const admission = { operation: 'UPDATE' as const, subresource, object: shown ? shown(object) : object, old: shown ? shown(old) : old, dryRun: options.dryRun, options: {}, name: update.name };
  resource.definition.strategy.defaults?.(object);
  if (update.admission !== false && call.core.admission.length) {
    dedupOwnerReferences(object, false, call.warnings);
    const managers = object.metadata.managedFields;
    const replaced = await mutate(call, admission);
    checkAfterAdmission(call, object, managers);
    if (replaced) {
      resource.codec.defaults(object);
      resource.definition.strategy.defaults?.(object);
    }
  }
  dedupOwnerReferences(object, call.core.admission.length > 0, call.warnings);
  checkRevision(call, update, object, current);
  const context = writeContext(call, update.options.dryRun, update.subresource);
  const rights = prepare(call, update, object, old, context);
  if (rights) await rights;
  const { strategy } = resource.definition;
  if (update.subresource !== 'status' || strategy.warnsOnStatus) for (const text of strategy.warnings?.(object, old) ?? []) call.warnings.push(text);
  if (update.admission !== false) await admit(call, admission);
  return write(call, update, object, old, current, fresh, context);
}

const uidConflict = (call: Call, update: StoredUpdate, found: string) => {
  const key = call.resource.stored!.cache.keyOf(call.info.namespace, update.name);
  return conflictError(call.resource.subject, update.name, `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${update.uid}, UID in object meta: ${found}`);
};

/** The revision that the object names must be the current one, where it names one or its kind demands it. */
function checkRevision(call: Call, update: StoredUpdate, object: KubeObject, current: CachedObject): void {
  const { resource } = call;
  const asked = object.metadata.resourceVersion ?? '';
  if (asked === '' || asked === '0') {
    if (resource.definition.strategy.allowUnconditionalUpdate === false) throw invalidError({ group: resource.subject.group, kind: resource.subject.plural }, update.name, [invalid('metadata.resourceVersion', 0, 'must be specified for an update')]);
  } else {
    const problem = revisionProblem(asked);
    if (problem) throw plainError(problem);
    if (asked !== String(current.revision)) throw updateConflict(resource, update.name);
  }
}

/** The answer, where there is one, says whether the user has the rights that the change takes. @throws StatusError */
function prepare(call: Call, update: StoredUpdate, object: KubeObject, old: KubeObject, context: WriteContext): Promise<void> | undefined {
  const { resource } = call;
  const { strategy, type } = resource.definition;
  object.metadata.resourceVersion = old.metadata.resourceVersion;
  keepSystemFields(object, old);
  if (!object.metadata.namespace && old.metadata.namespace) object.metadata.namespace = old.metadata.namespace;
  strategy.prepareForUpdate?.(object, old, context);
  if (raisesGeneration.has(update.subresource)) raiseGeneration(resource.definition.strategy.generation, object, old);
  const common = validateCommonUpdate(object, old, type.namespaced);
  const own = update.subresource === 'status' || update.subresource === 'approval' ? (strategy.validateStatusUpdate?.(object, old, context) ?? []) : [...(resource.codec.validate?.(object, old) ?? []), ...(strategy.validateUpdate?.(object, old, context) ?? [])];
  if (strategy.withRights) return strategy.withRights(own, object, old, context).then((all) => refuse(call, object, [...common, ...all]));
  refuse(call, object, [...common, ...own]);
  return undefined;
}

function refuse({ resource }: Call, object: KubeObject, errors: FieldError[]): void {
  if (errors.length) throw invalidError(kindInErrors(resource, object), object.metadata.name ?? '', errors);
}

/** Subresources that change what is wanted, beside the object itself. */
const raisesGeneration = new Set(['', 'scale', 'ephemeralcontainers', 'resize']);

function raiseGeneration(generation: undefined | boolean | ((object: any, old: any) => boolean), object: KubeObject, old: KubeObject): void {
  if (!generation) return;
  const changed = typeof generation === 'function' ? generation(object, old) : !equalJson((object as { spec?: unknown }).spec, (old as { spec?: unknown }).spec);
  if (changed) object.metadata.generation = (old.metadata.generation ?? 0) + 1;
}

async function write(call: Call, update: StoredUpdate, object: KubeObject, old: KubeObject, current: CachedObject, fresh: boolean, context: WriteContext): Promise<Updated> {
  const { resource, core } = call;
  const stored = resource.stored!;
  const { dryRun } = update.options;
  const done = mayGo(resource.definition, object, update);
  if (done) {
    const entry = unwritten(stored, await storedForm(resource, object), current.revision);
    if (!dryRun) {
      await core.store.delete(current.key, { ifRevision: current.revision });
      await resource.definition.strategy.afterDelete?.(object, context);
    }
    return { entry, created: false, deleted: true };
  }
  const taken = await resource.definition.strategy.begin?.(object, old, context);
  try {
    const toStore = resource.conversion ? await storedForm(resource, object) : object;
    keepTimes(toStore, current.parsed);
    const form = encodeStored(toStore);
    const same = sameAsStored(toStore, current, form);
    // Only what is stored now can be left as it is.
    if (same && !dryRun && !fresh) await ensureCurrent(core.store, current);
    if (same || dryRun) {
      await taken?.rollback();
      return { entry: same ? current : unwritten(stored, toStore, current.revision), created: false, deleted: false };
    }
    const entry = await putObject(core.store, stored, toStore, current.revision, form);
    await taken?.commit();
    return { entry, created: false, deleted: false };
  } catch (error) {
    if (!mayBeWritten(error)) await taken?.rollback();
    throw error;
  }
}

/** @throws RevisionConflict where the store has another version */
async function ensureCurrent(store: Store, { key, revision }: CachedObject): Promise<void> {
  const { entry } = await store.get(key);
  if (entry?.modRevision !== revision) throw new RevisionConflict(key, entry);
}

/** An object that waits to be deleted goes with the last thing that held it. */
function mayGo(definition: Call['resource']['definition'], object: KubeObject, update: StoredUpdate): boolean {
  const { metadata } = object;
  if (!metadata.deletionTimestamp || metadata.finalizers?.length || metadata.deletionGracePeriodSeconds) return false;
  if (definition.type.plural === 'namespaces' && !definition.type.group) return !(object as { spec?: { finalizers?: string[] } }).spec?.finalizers?.length;
  return update.subresource !== 'deleting';
}
