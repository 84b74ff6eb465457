/** The rules of deletion: what becomes of an object that shall go. Pure. */
import { conflictError, type KubeObject, type Subject } from '@pilothouse/apimachinery';
import type { DeleteOptions } from '@pilothouse/api-schemas/types/meta/v1';
import { formatTime, parseTime } from '@pilothouse/base';
import type { ResourceDefinition } from '../contract.ts';

const orphanFinalizer = 'orphan';
const foregroundFinalizer = 'foregroundDeletion';

/** What becomes of dependents when nobody says; other kinds: deleted in the background. */
const defaultPolicies: Readonly<Record<string, 'orphan' | 'unsupported'>> = { 'replicationcontrollers/': 'orphan', 'jobs/batch': 'orphan', 'events/': 'unsupported', 'events/events.k8s.io': 'unsupported' };

const defaultPolicy = ({ type }: ResourceDefinition): 'orphan' | 'unsupported' | 'background' => defaultPolicies[`${type.plural}/${type.group}`] ?? 'background';

/** Whether the client, who did not say, should be warned that a job's pods stay. */
export const orphansByDefault = ({ type }: ResourceDefinition, options: DeleteOptions): boolean => type.plural === 'jobs' && type.group === 'batch' && options.orphanDependents === undefined && options.propagationPolicy === undefined;

/** Finalizers as the propagation policy wants them; undefined: as they are. */
export function collectionFinalizers(definition: ResourceDefinition, object: KubeObject, options: DeleteOptions): string[] | undefined {
  const finalizers = object.metadata.finalizers ?? [];
  const policy = defaultPolicy(definition);
  const wanted = finalizers.filter((name) => name !== orphanFinalizer && name !== foregroundFinalizer);
  if (policy !== 'unsupported') {
    if (orphans(finalizers, policy, options)) wanted.push(orphanFinalizer);
    if (waitsForDependents(finalizers, options)) wanted.push(foregroundFinalizer);
  }
  const same = wanted.length === finalizers.length && wanted.every((name) => finalizers.includes(name));
  return same ? undefined : wanted;
}

function orphans(finalizers: readonly string[], policy: 'orphan' | 'background', options: DeleteOptions): boolean {
  if (options.orphanDependents !== undefined) return options.orphanDependents;
  if (options.propagationPolicy !== undefined) return options.propagationPolicy === 'Orphan';
  for (const name of finalizers) {
    if (name === orphanFinalizer) return true;
    if (name === foregroundFinalizer) return false;
  }
  return policy === 'orphan';
}

function waitsForDependents(finalizers: readonly string[], options: DeleteOptions): boolean {
  if (options.orphanDependents) return false;
  if (options.propagationPolicy !== undefined) return options.propagationPolicy === 'Foreground';
  for (const name of finalizers) {
    if (name === foregroundFinalizer) return true;
    if (name === orphanFinalizer) return false;
  }
  return false;
}

/** @throws StatusError 409 where the object is not the one that was meant */
export function checkPreconditions(subject: Subject, object: KubeObject, options: DeleteOptions): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const { metadata } = object;
  if (uid !== undefined && uid !== metadata.uid) throw conflictError(subject, metadata.name ?? '', `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`);
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) throw conflictError(subject, metadata.name ?? '', `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`);
}

/** `graceful`: marked, goes after its grace period (0: at once); `pending`: marked already, nothing to change; `now`: no grace. */
export type Grace = { kind: 'graceful'; seconds: number } | { kind: 'pending' } | { kind: 'now' };

/** Marks the object for graceful deletion where its kind has that. Changes `object`'s metadata. */
export function markGraceful(definition: ResourceDefinition, object: KubeObject, options: DeleteOptions, nowMs: number): Grace {
  const { strategy } = definition;
  if (!strategy.gracePeriodSeconds) return { kind: 'now' };
  const { metadata } = object;
  // A negative period counts as one second.
  const requested = options.gracePeriodSeconds !== undefined && options.gracePeriodSeconds < 0 ? 1 : options.gracePeriodSeconds;
  if (metadata.deletionTimestamp) {
    const held = metadata.deletionGracePeriodSeconds;
    if (held === undefined) return { kind: 'now' };
    if (requested === undefined || requested >= held) return { kind: 'pending' };
    metadata.deletionTimestamp = formatTime(parseTime(metadata.deletionTimestamp) - held * 1_000 + requested * 1_000);
    metadata.deletionGracePeriodSeconds = requested;
    return { kind: 'graceful', seconds: requested };
  }
  const seconds = strategy.gracePeriodSeconds(object, requested);
  if (seconds === undefined) return { kind: 'now' };
  metadata.deletionTimestamp = formatTime(nowMs + seconds * 1_000);
  metadata.deletionGracePeriodSeconds = seconds;
  if (metadata.generation) metadata.generation++;
  return { kind: 'graceful', seconds };
}

/** Marks an object whose kind knows no grace, but that its finalizers hold. */
export function markDeleting(object: KubeObject, nowMs: number): void {
  const { metadata } = object;
  if (!metadata.deletionTimestamp) {
    if (metadata.generation) metadata.generation++;
    metadata.deletionTimestamp = formatTime(nowMs);
  } else if (parseTime(metadata.deletionTimestamp) > nowMs) metadata.deletionTimestamp = formatTime(nowMs);
  metadata.deletionGracePeriodSeconds = 0;
}
