import { type FieldError, invalid, notSupported, podDisruptionBudgets as type, validateConditions, validateLabelSelector } from '@pilothouse/apimachinery';
import type { PodDisruptionBudget as Published } from '@pilothouse/api-schemas/types/policy/v1';
import type { Strategy } from '../../contract.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { internalForm } from '../validation/internal-form.ts';
import { nonnegative, notMoreThan100Percent, validateIntOrPercent } from '../validation/numbers.ts';

type Budget = Filled<Published>;
const policies = ['AlwaysAllow', 'IfHealthyBudget'];

/** Nothing is asked of the metadata beyond what is asked of every kind. */
function validateBudget({ spec }: Budget, old: Budget | undefined): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) errors.push(invalid('spec', internalForm('policy/v1.PodDisruptionBudgetSpec', spec), 'minAvailable and maxUnavailable cannot be both set'));
  for (const key of ['minAvailable', 'maxUnavailable'] as const) {
    if (spec[key] === undefined) continue;
    validateIntOrPercent(errors, spec[key], `spec.${key}`);
    notMoreThan100Percent(errors, spec[key], `spec.${key}`);
  }
  const allowInvalidValues = validateLabelSelector(old?.spec.selector, '').length > 0;
  errors.push(...validateLabelSelector(spec.selector, 'spec.selector', { allowInvalidValues }));
  const policy = spec.unhealthyPodEvictionPolicy;
  if (policy !== undefined && !policies.includes(policy)) errors.push(notSupported('spec.unhealthyPodEvictionPolicy', policy, policies));
  return errors;
}

const strategy: Strategy<Budget> = {
  generation: true,
  allowUnconditionalUpdate: false,
  validate: (object) => validateBudget(object, undefined),
  validateUpdate: validateBudget,
  validateStatusUpdate({ status }) {
    const errors: FieldError[] = [];
    errors.push(...validateConditions(status.conditions, 'status.conditions'));
    nonnegative(errors, status, 'status', 'disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods');
    return errors;
  },
};

export const podDisruptionBudgets = defineResource<any>(type, { strategy });
