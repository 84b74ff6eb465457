/** What deployments, replica sets, daemon sets and stateful sets have in common. */
import { dns1123Label, type FieldError, invalid, matcherOf, required, validateLabelSelector } from '@pilothouse/apimachinery';
import type { PodTemplateSpec } from '@pilothouse/api-schemas/types/core/v1';
import type { LabelSelector, ObjectMeta } from '@pilothouse/api-schemas/types/meta/v1';
import { internalForm } from '../validation/internal-form.ts';
import { podSpecWarnings } from '../validation/pod-warnings.ts';
import { isEmptySelector } from '../validation/selectors.ts';

interface TemplateOwner {
  metadata: ObjectMeta;
  spec: { template?: PodTemplateSpec | undefined };
}

export function validateSelector(errors: FieldError[], selector: LabelSelector | null | undefined, path: string, kind: string): void {
  if (!selector) errors.push(required(path));
  else {
    errors.push(...validateLabelSelector(selector, path));
    if (isEmptySelector(selector)) errors.push(invalid(path, internalForm('meta/v1.LabelSelector', selector), `empty selector is invalid for ${kind}`));
  }
}

/** Whether the labels of the template fit; undefined: the selector itself is wrong. An empty selector asks nothing, an absent one matches nothing. */
export function templateMatches(selector: LabelSelector | null | undefined, template: PodTemplateSpec | undefined): boolean | undefined {
  if (!selector) return false;
  if (isEmptySelector(selector)) return true;
  try {
    return matcherOf(selector).matches(template?.metadata?.labels);
  } catch {
    return undefined;
  }
}

/** A name that pods' names are made of. */
export function podNameWarnings(meta: ObjectMeta): string[] {
  const messages = dns1123Label(meta.name ?? '');
  return messages.length ? [`metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${messages.join(' ')}]`] : [];
}

/** Warnings of an object whose template runs pods for as long as it lives; of a stored one whenever its generation rises. */
export function runningTemplateWarnings(object: TemplateOwner, old: TemplateOwner | undefined): string[] {
  if (!old) return [...podNameWarnings(object.metadata), ...templateWarnings(object.spec.template, 'spec.template')];
  return object.metadata.generation === old.metadata.generation ? [] : templateWarnings(object.spec.template, 'spec.template');
}

export const templateWarnings = (template: PodTemplateSpec | undefined, path: string): string[] => (template?.spec ? podSpecWarnings(template.spec, template.metadata, path) : []);
