import { type FieldError, forbidden, invalid, notSupported, required, validateAnnotations, validateLabels } from '@pilothouse/apimachinery';
import type { PodTemplateSpec } from '@pilothouse/api-schemas/types/core/v1';
import type { Filled } from '../filled.ts';
import { sortedMap } from './internal-form.ts';
import { validateAnnotationsMatchFields, validatePodAnnotations } from './pod-annotations.ts';
import { validatePodSpec } from './pod-spec.ts';

/** `old`: the stored template, on updates. */
export function validatePodTemplate(errors: FieldError[], template: PodTemplateSpec, path: string, old?: PodTemplateSpec): void {
  const { metadata, spec } = template as Filled<PodTemplateSpec>;
  errors.push(...validateLabels(metadata?.labels, `${path}.labels`));
  errors.push(...validateAnnotations(metadata?.annotations, `${path}.annotations`));
  validatePodAnnotations(errors, metadata?.annotations, spec, `${path}.annotations`);
  validatePodSpec(errors, spec, `${path}.spec`, { isPod: false, old: old?.spec });
  validateAnnotationsMatchFields(errors, metadata?.annotations, spec, `${path}.spec`);
  if (spec.ephemeralContainers?.length) errors.push(forbidden(`${path}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template'));
}

/** Templates of what keeps pods running: its labels match the selector, its pods restart always. `matches` undefined: the selector is wrong by itself. */
export function validateRunningTemplate(errors: FieldError[], template: PodTemplateSpec | undefined, path: string, options: { matches: boolean; owner: string; old?: PodTemplateSpec | undefined }): void {
  if (!template) {
    errors.push(required(path));
    return;
  }
  if (!options.matches) errors.push(invalid(`${path}.metadata.labels`, sortedMap(template.metadata?.labels), '`selector` does not match template `labels`'));
  validatePodTemplate(errors, template, path, options.old);
  if (template.spec?.restartPolicy !== 'Always') errors.push(notSupported(`${path}.spec.restartPolicy`, template.spec?.restartPolicy, ['Always']));
  if (template.spec?.activeDeadlineSeconds !== undefined) errors.push(forbidden(`${path}.spec.activeDeadlineSeconds`, `activeDeadlineSeconds in ${options.owner} is not Supported`));
}
