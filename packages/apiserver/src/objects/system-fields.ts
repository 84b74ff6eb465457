import { type KubeObject, nameIsPathSegment, type FieldError, validateObjectMeta, validateObjectMetaUpdate } from '@pilothouse/apimachinery';
import { formatTime, type Runtime } from '@pilothouse/base';

/** Characters of a generated suffix, and what is left for the base. */
const suffixLength = 5;
const longestBase = 63 - suffixLength;

/** A name for the base: cut to 58 characters, with 5 drawn ones. */
export const generatedName = (base: string, random: Runtime['random']): string => `${base.length > longestBase ? base.slice(0, longestBase) : base}${random.suffix(suffixLength)}`;

/** Clears what the server alone decides about a new object. */
export function wipeSystemFields({ metadata }: KubeObject): void {
  delete metadata.creationTimestamp;
  delete metadata.uid;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
}

/** Sets what the server alone decides about a new object. */
export function fillSystemFields({ metadata }: KubeObject, { clock, random }: Pick<Runtime, 'clock' | 'random'>): void {
  metadata.creationTimestamp = formatTime(clock.now());
  metadata.uid = random.uuid();
}

/** Carries over what an update cannot change and need not state. */
export function keepSystemFields(object: KubeObject, old: KubeObject): void {
  const to = object.metadata;
  const from = old.metadata;
  delete to.selfLink;
  if (!to.uid) to.uid = from.uid;
  to.creationTimestamp = from.creationTimestamp;
  if (from.deletionTimestamp) to.deletionTimestamp = from.deletionTimestamp;
  else if (!to.deletionTimestamp) delete to.deletionTimestamp;
  if (from.deletionGracePeriodSeconds !== undefined && to.deletionGracePeriodSeconds === undefined) to.deletionGracePeriodSeconds = from.deletionGracePeriodSeconds;
  if (from.generation === undefined) delete to.generation;
  else to.generation = from.generation;
}

/** What holds of every kind's new objects, after its own rules. */
export const validateCommon = (object: KubeObject, namespaced: boolean): FieldError[] => validateObjectMeta(object.metadata, { namespaced, name: nameIsPathSegment });

/** What holds of every kind's changed objects, ahead of its own rules. */
export const validateCommonUpdate = (object: KubeObject, old: KubeObject, namespaced: boolean): FieldError[] => [...validateCommon(object, namespaced), ...validateObjectMetaUpdate(object.metadata, old.metadata)];
