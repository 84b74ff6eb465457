import { type FieldError, forbidden, nameIsDnsSubdomain, notSupported, priorityClasses as type, required } from '@pilothouse/apimachinery';
import type { PriorityClass } from '@pilothouse/api-schemas/types/scheduling/v1';
import type { Strategy } from '../../contract.ts';
import { defineResource } from '../define.ts';
import { immutable, withMeta } from '../validation/object-meta.ts';

const highestForUsers = 1_000_000_000;
/** The classes the system makes for itself; their values are above what users may ask for. */
const systemClasses: Record<string, { value: number; globalDefault: boolean }> = {
  'system-node-critical': { value: 2_000_001_000, globalDefault: false },
  'system-cluster-critical': { value: 2_000_000_000, globalDefault: false },
};
const policies = ['PreemptLowerPriority', 'Never'];

function validateClass(errors: FieldError[], object: PriorityClass, old: PriorityClass | undefined): void {
  const { value, metadata, preemptionPolicy: policy } = object;
  if (old) {
    if (value !== old.value) errors.push(forbidden('value', 'may not be changed in an update.'));
    immutable(errors, policy, old.preemptionPolicy, 'preemptionPolicy');
    return;
  }
  const name = metadata.name ?? '';
  const system = systemClasses[name];
  if (name.startsWith('system-')) {
    if (!system) errors.push(forbidden('metadata.name', 'priority class names with \'system-\' prefix are reserved for system use only. error: '.concat(`${name} is not a known system priority class`)));
    else if (system.value !== value) errors.push(forbidden('metadata.name', `priority class names with 'system-' prefix are reserved for system use only. error: value of ${name} PriorityClass must be ${system.value}`));
    else if (system.globalDefault !== (object.globalDefault ?? false)) errors.push(forbidden('metadata.name', `priority class names with 'system-' prefix are reserved for system use only. error: globalDefault of ${name} PriorityClass must be ${system.globalDefault}`));
  } else if ((value ?? 0) > highestForUsers) errors.push(forbidden('value', `maximum allowed value of a user defined priority is ${highestForUsers}`));
  if (policy === '') errors.push(required('preemptionPolicy'));
  else if (policy !== undefined && !policies.includes(policy)) errors.push(notSupported('preemptionPolicy', policy, policies));
}

const strategy: Strategy<PriorityClass> = {
  generation: (object, old) => object.value !== old.value,
  defaults(object) {
    object.preemptionPolicy ??= 'PreemptLowerPriority';
  },
  ...withMeta<PriorityClass>({ name: nameIsDnsSubdomain, namespaced: false }, validateClass),
};

export const priorityClasses = defineResource<any>(type, { strategy });
