/** Affinity, tolerations, taints and topology spread. */
import { dns1123Label, duplicate, type FieldError, forbidden, invalid, labelValue, notSupported, qualifiedName, required, validateLabelSelector } from '@pilothouse/apimachinery';
import type { Affinity, PodAffinity, PodAffinityTerm, Toleration, TopologySpreadConstraint } from '@pilothouse/api-schemas/types/core/v1';
import type { LabelSelector } from '@pilothouse/api-schemas/types/meta/v1';
import { checkName } from './check-name.ts';
import { validateNodeSelector, validatePreferredSchedulingTerms } from './selectors.ts';

export function validateAffinity(errors: FieldError[], affinity: Affinity | undefined, path: string): void {
  if (!affinity) return;
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity;
  if (nodeAffinity) {
    const at = `${path}.nodeAffinity`;
    if (nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution) validateNodeSelector(errors, nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution, `${at}.requiredDuringSchedulingIgnoredDuringExecution`);
    validatePreferredSchedulingTerms(errors, nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution ?? [], `${at}.preferredDuringSchedulingIgnoredDuringExecution`);
  }
  if (podAffinity) validatePodAffinity(errors, podAffinity, `${path}.podAffinity`);
  if (podAntiAffinity) validatePodAffinity(errors, podAntiAffinity, `${path}.podAntiAffinity`);
}

function validatePodAffinity(errors: FieldError[], affinity: PodAffinity, path: string): void {
  affinity.requiredDuringSchedulingIgnoredDuringExecution?.forEach((term, i) => validatePodAffinityTerm(errors, term, `${path}.requiredDuringSchedulingIgnoredDuringExecution[${i}]`));
  affinity.preferredDuringSchedulingIgnoredDuringExecution?.forEach((weighted, i) => {
    const at = `${path}.preferredDuringSchedulingIgnoredDuringExecution[${i}]`;
    if (weighted.weight <= 0 || weighted.weight > 100) errors.push(invalid(`${at}.weight`, weighted.weight, 'must be in the range 1-100'));
    validatePodAffinityTerm(errors, weighted.podAffinityTerm, `${at}.podAffinityTerm`);
  });
}

function validatePodAffinityTerm(errors: FieldError[], term: PodAffinityTerm, path: string): void {
  errors.push(...validateLabelSelector(term.labelSelector, `${path}.labelSelector`));
  errors.push(...validateLabelSelector(term.namespaceSelector, `${path}.namespaceSelector`));
  for (const name of term.namespaces ?? []) checkName(errors, `${path}.namespace`, name, dns1123Label);
  validateLabelKeyLists(errors, path, term.matchLabelKeys, term.mismatchLabelKeys, term.labelSelector);
  if (!term.topologyKey) errors.push(required(`${path}.topologyKey`, 'can not be empty'));
  checkName(errors, `${path}.topologyKey`, term.topologyKey, qualifiedName);
}

function validateLabelKeys(errors: FieldError[], keys: readonly string[] | undefined, selector: LabelSelector | undefined, path: string): void {
  if (!keys?.length) return;
  if (!selector) errors.push(forbidden(path, 'must not be specified when labelSelector is not set'));
  else keys.forEach((key, i) => checkName(errors, `${path}[${i}]`, key, qualifiedName));
}

function validateLabelKeyLists(errors: FieldError[], path: string, match: readonly string[] | undefined, mismatch: readonly string[] | undefined, selector: LabelSelector | undefined): void {
  validateLabelKeys(errors, match, selector, `${path}.matchLabelKeys`);
  validateLabelKeys(errors, mismatch, selector, `${path}.mismatchLabelKeys`);
  if (selector && match?.length) {
    // The server itself adds one expression per key; a key that occurs besides that was in the selector before.
    const seen = new Set(Object.keys(selector.matchLabels ?? {}));
    for (const { key } of selector.matchExpressions ?? []) {
      const i = match.lastIndexOf(key);
      if (i >= 0 && seen.has(key)) errors.push(invalid(`${path}[${i}]`, key, 'exists in both matchLabelKeys and labelSelector'));
      seen.add(key);
    }
  }
  match?.forEach((key, i) => {
    if (mismatch?.includes(key)) errors.push(invalid(`${path}.matchLabelKeys[${i}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys'));
  });
}

export const taintEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export function validateTolerations(errors: FieldError[], tolerations: readonly Toleration[] | undefined, path: string): void {
  tolerations?.forEach((toleration, i) => {
    const at = `${path}[${i}]`;
    const { key = '', operator = '', value = '', effect = '', tolerationSeconds } = toleration as Record<string, any>;
    if (key) checkName(errors, `${at}.key`, key, qualifiedName);
    else if (operator !== 'Exists') errors.push(invalid(`${at}.operator`, operator, 'operator must be Exists when `key` is empty, which means "match all values and all keys"'));
    if (tolerationSeconds !== undefined && effect !== 'NoExecute') errors.push(invalid(`${at}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    switch (operator) {
      case 'Equal':
      case '': {
        const messages = labelValue(value);
        if (messages.length) errors.push(invalid(`${at}.operator`, value, messages.join(';')));
        break;
      }
      case 'Exists':
        if (value) errors.push(invalid(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'"));
        break;
      case 'Lt':
      case 'Gt':
        errors.push(notSupported(`${at}.operator`, operator, ['Equal', 'Exists', 'Lt', 'Gt']));
        break;
      default:
        errors.push(notSupported(`${at}.operator`, operator, ['Equal', 'Exists']));
    }
    if (effect && !taintEffects.includes(effect)) errors.push(notSupported(`${at}.effect`, effect, taintEffects));
  });
}

export function validateTopologySpread(errors: FieldError[], constraints: readonly TopologySpreadConstraint[] | undefined, path: string): void {
  constraints?.forEach((constraint, i) => {
    const at = `${path}[${i}]`;
    const { maxSkew, topologyKey, whenUnsatisfiable, minDomains } = constraint;
    if (maxSkew <= 0) errors.push(invalid(`${at}.maxSkew`, maxSkew, 'must be greater than zero'));
    if (!topologyKey) errors.push(required(`${at}.topologyKey`, 'can not be empty'));
    if (whenUnsatisfiable !== 'DoNotSchedule' && whenUnsatisfiable !== 'ScheduleAnyway') errors.push(notSupported(`${at}.whenUnsatisfiable`, whenUnsatisfiable, ['DoNotSchedule', 'ScheduleAnyway']));
    if (constraints.slice(i + 1).some((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable))
      errors.push(duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, `{${topologyKey}, ${whenUnsatisfiable}}`));
    if (minDomains !== undefined) {
      if (minDomains <= 0) errors.push(invalid(`${at}.minDomains`, minDomains, 'must be greater than zero'));
      if (whenUnsatisfiable !== 'DoNotSchedule') errors.push(invalid(`${at}.minDomains`, minDomains, `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`));
    }
    for (const key of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
      const policy = constraint[key];
      if (policy !== undefined && policy !== 'Honor' && policy !== 'Ignore') errors.push(notSupported(`${at}.${key}`, policy, ['Honor', 'Ignore']));
    }
    validateLabelKeyLists(errors, at, constraint.matchLabelKeys, undefined, constraint.labelSelector);
    errors.push(...validateLabelSelector(constraint.labelSelector, `${at}.labelSelector`));
  });
}
