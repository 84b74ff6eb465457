import { invalid, notSupported, podDisruptionBudgets as type, type FieldError } from '@pilothouse/apimachinery';
import type { PodDisruptionBudget as Published } from '@pilothouse/api-schemas/types/policy/v1';
import type { Strategy } from '../../contract.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { validateConditions } from '../validation/conditions.ts';
import { nonnegative, notMoreThan100Percent, validateIntOrPercent } from '../validation/numbers.ts';
import { dnsSubdomainName, validateObjectMetaUpdate, withMeta } from '../validation/object-meta.ts';
import { validateLabelSelector } from '../validation/selectors.ts';

type Budget = Filled<Published>;
const policies = ['AlwaysAllow', 'IfHealthyBudget'];

const strategy: Strategy<Budget> = {
  generation: true,
  allowUnconditionalUpdate: false,
  ...withMeta<Budget>({ name: dnsSubdomainName, namespaced: true }, (errors, { spec }) => {
    if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) errors.push(invalid('spec', spec, 'minAvailable and maxUnavailable cannot be both set'));
    for (const key of ['minAvailable', 'maxUnavailable'] as const) {
      if (spec[key] === undefined) continue;
      validateIntOrPercent(errors, spec[key], `spec.${key}`);
      notMoreThan100Percent(errors, spec[key], `spec.${key}`);
    }
    validateLabelSelector(errors, spec.selector, 'spec.selector');
    const policy = spec.unhealthyPodEvictionPolicy;
    if (policy !== undefined && !policies.includes(policy)) errors.push(notSupported('spec.unhealthyPodEvictionPolicy', policy, policies));
  }),
  validateStatusUpdate({ metadata, status }, old) {
    const errors: FieldError[] = [];
    validateObjectMetaUpdate(errors, metadata, old.metadata);
    validateConditions(errors, status.conditions, 'status.conditions');
    nonnegative(errors, status, 'status', 'disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods');
    return errors;
  },
};

export const podDisruptionBudgets = defineResource<any>(type, { strategy });
