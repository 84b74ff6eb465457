/** Annotations of pods that mean something: mirrors, deletion cost, seccomp and AppArmor of old. */
import { type FieldError, forbidden, goQuote, invalid } from '@pilothouse/apimachinery';
import type { AppArmorProfile, PodSpec, SeccompProfile } from '@pilothouse/api-schemas/types/core/v1';
import type { ObjectMeta } from '@pilothouse/api-schemas/types/meta/v1';
import { validateDescendingPath } from './paths.ts';
import { containersWithPaths } from './pod-spec.ts';
import { validateTolerations } from './scheduling.ts';

export const mirrorAnnotation = 'kubernetes.io/config.mirror';
export const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/';
const tolerationsAnnotation = 'scheduler.alpha.kubernetes.io/tolerations';
const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';
const seccompPod = 'seccomp.security.alpha.kubernetes.io/pod';
const seccompContainer = 'container.seccomp.security.alpha.kubernetes.io/';

/** `path` of the annotations; `old`: those stored, whose wrong deletion cost excuses another. */
export function validatePodAnnotations(errors: FieldError[], annotations: Record<string, string> | undefined, spec: PodSpec, path: string, old?: Record<string, string>): void {
  if (!annotations) return;
  const mirror = annotations[mirrorAnnotation];
  if (mirror !== undefined && !spec.nodeName) errors.push(invalid(`${path}[${mirrorAnnotation}]`, mirror, 'must set spec.nodeName if mirror pod annotation is set'));
  if (annotations[tolerationsAnnotation]) validateTolerationsText(errors, annotations[tolerationsAnnotation], path);
  const cost = annotations[deletionCost];
  const before = old?.[deletionCost];
  if (cost !== undefined && !isInt32(cost) && (before === undefined || isInt32(before))) errors.push(invalid(`${path}[${deletionCost}]`, cost, 'must be a 32bit integer'));
  if (annotations[seccompPod] !== undefined) validateSeccompText(errors, annotations[seccompPod], `${path}.${seccompPod}`);
  for (const key in annotations) {
    if (key.startsWith(seccompContainer)) validateSeccompText(errors, annotations[key], `${path}.${key}`);
    if (!key.startsWith(appArmorPrefix)) continue;
    const name = key.slice(appArmorPrefix.length);
    const profile = annotations[key];
    if (!containersWithPaths(spec, '').some((c) => c.name === name)) errors.push(invalid(`${path}[${key}]`, name, 'container not found'));
    if (!['', 'runtime/default', 'unconfined'].includes(profile) && !profile.startsWith('localhost/')) errors.push(invalid(`${path}[${key}]`, profile, `invalid AppArmor profile name: ${goQuote(profile)}`));
  }
}

/** A leading plus or zero is refused; not so a zero after a minus. */
const isInt32 = (text: string): boolean => /^(0|-\d+|[1-9]\d*)$/.test(text) && Number(text) >= -(2 ** 31) && Number(text) < 2 ** 31;

function validateTolerationsText(errors: FieldError[], text: string, path: string): void {
  try {
    validateTolerations(errors, JSON.parse(text), `${path}.${tolerationsAnnotation}`);
  } catch (error) {
    errors.push(invalid(path, tolerationsAnnotation, (error as Error).message));
  }
}

function validateSeccompText(errors: FieldError[], profile: string, path: string): void {
  if (['runtime/default', 'docker/default', 'unconfined'].includes(profile)) return;
  if (profile.startsWith('localhost/')) validateDescendingPath(errors, profile.slice('localhost/'.length), path);
  else errors.push(invalid(path, profile, 'must be a valid seccomp profile'));
}

/** What may not be changed by an update: mirror and AppArmor annotations. */
export function validateAnnotationUpdate(errors: FieldError[], meta: ObjectMeta, old: ObjectMeta, path: string): void {
  const now = meta.annotations ?? {};
  const before = old.annotations ?? {};
  for (const key in before) {
    if (now[key] === before[key]) continue;
    if (key.startsWith(appArmorPrefix)) errors.push(forbidden(`${path}[${key}]`, 'may not remove or update AppArmor annotations'));
    if (key === mirrorAnnotation) errors.push(forbidden(`${path}[${key}]`, 'may not remove or update mirror pod annotation'));
  }
  for (const key in now) {
    if (Object.hasOwn(before, key)) continue;
    if (key.startsWith(appArmorPrefix)) errors.push(forbidden(`${path}[${key}]`, 'may not add AppArmor annotations'));
    if (key === mirrorAnnotation) errors.push(forbidden(`${path}[${key}]`, 'may not add mirror pod annotation'));
  }
}

function matches(profile: { type: string; localhostProfile?: string }, annotation: string, runtimeDefaults: readonly string[], path: string, what: string): FieldError | undefined {
  const typeError = forbidden(`${path}.type`, `${what} type in annotation and field must match`);
  if (profile.type === 'Unconfined') return annotation === 'unconfined' ? undefined : typeError;
  if (profile.type === 'RuntimeDefault') return runtimeDefaults.includes(annotation) ? undefined : typeError;
  if (profile.type !== 'Localhost') return undefined;
  if (!annotation.startsWith('localhost/')) return typeError;
  return annotation.slice('localhost/'.length) === profile.localhostProfile ? undefined : forbidden(`${path}.localhostProfile`, `${what} profile in annotation and field must match`);
}

/** On create, annotations of old and fields must say the same. */
export function validateAnnotationsMatchFields(errors: FieldError[], annotations: Record<string, string> | undefined, spec: PodSpec, path: string): void {
  if (!annotations) return;
  const check = (profile: SeccompProfile | AppArmorProfile | undefined, annotation: string | undefined, runtimeDefaults: readonly string[], at: string, what: string) => {
    const error = profile && annotation !== undefined ? matches(profile, annotation, runtimeDefaults, at, what) : undefined;
    if (error) errors.push(error);
  };
  check(spec.securityContext?.seccompProfile, annotations[seccompPod], ['runtime/default', 'docker/default'], `${path}.securityContext.seccompProfile`, 'seccomp');
  const containers = containersWithPaths(spec, path);
  for (const { name, securityContext, path: at } of containers) check(securityContext?.seccompProfile, annotations[seccompContainer + name], ['runtime/default', 'docker/default'], `${at}.securityContext.seccompProfile`, 'seccomp');
  if (spec.os?.name === 'windows') return;
  for (const { name, securityContext, path: at } of containers) check(securityContext?.appArmorProfile ?? spec.securityContext?.appArmorProfile, annotations[appArmorPrefix + name], ['runtime/default'], `${at}.securityContext.appArmorProfile`, 'apparmor');
}

export const appArmorDeprecated = (path: string): string => `${path}: deprecated since v1.30; use the "appArmorProfile" field instead`;

/** The profile an AppArmor annotation stands for. */
export function appArmorOfAnnotation(annotation: string): AppArmorProfile | undefined {
  if (annotation === 'unconfined') return { type: 'Unconfined' };
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' };
  const local = annotation.startsWith('localhost/') ? annotation.slice('localhost/'.length) : '';
  return local ? { type: 'Localhost', localhostProfile: local } : undefined;
}
