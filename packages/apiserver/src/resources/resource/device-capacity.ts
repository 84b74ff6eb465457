/** How a claim may ask for a part of a device's capacity. */
import { addQuantities, compareQuantities, type FieldError, forbidden, formatQuantity, invalid, quantityValue, required } from '@pilothouse/apimachinery';
import type { CapacityRequestPolicy, CapacityRequestPolicyRange, DeviceCapacity } from '@pilothouse/api-schemas/types/resource/v1';
import { validateSet } from './lists.ts';

const mostOptions = 10;

export function validateCapacity(errors: FieldError[], { value, requestPolicy: policy }: DeviceCapacity, path: string, shared: boolean): void {
  if (!policy) return;
  const at = `${path}.requestPolicy`;
  if (!shared) errors.push(forbidden(at, 'allowMultipleAllocations must be true'));
  else if (policy.validValues?.length && policy.validRange) errors.push(forbidden(at, 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time'));
  else if (policy.validValues?.length) validateWithDefault(errors, policy, at, 'validValues', (standard) => validateValues(errors, policy.validValues!, standard, value, `${at}.validValues`));
  else if (policy.validRange) validateWithDefault(errors, policy, at, 'validRange', (standard) => validateRange(errors, policy.validRange!, standard, value, `${at}.validRange`));
}

function validateWithDefault(errors: FieldError[], { default: standard }: CapacityRequestPolicy, path: string, policy: string, judge: (standard: string) => void): void {
  if (standard === undefined || standard === null) errors.push(required(`${path}.default`, `required when ${policy} is defined`));
  else judge(standard);
}

function validateValues(errors: FieldError[], values: readonly string[], standard: string, capacity: string, path: string): void {
  values.slice(1).forEach((value, i) => {
    if (compareQuantities(values[i], value) > 0) errors.push(invalid(`${path}[${i + 1}]`, value, 'values must be sorted in ascending order'));
  });
  let found = false;
  validateSet(
    errors,
    values,
    path,
    mostOptions,
    (value) => String(quantityValue(value)),
    (value, at) => {
      if (compareQuantities(value, capacity) > 0) errors.push(invalid(at, value, `option is larger than capacity value: ${capacity}`));
      if (compareQuantities(value, standard) === 0) found = true;
    },
  );
  if (!found) errors.push(invalid(path, standard, 'default value is not valid according to the requestPolicy'));
}

function validateRange(errors: FieldError[], { min, max, step }: CapacityRequestPolicyRange, standard: string, capacity: string, path: string): void {
  if (min === undefined || min === null) return void errors.push(required(`${path}.min`, 'required when validRange is defined'));
  const more = (a: string, b: string) => compareQuantities(a, b) > 0;
  if (more(min, capacity)) errors.push(invalid(`${path}.min`, min, `min is larger than capacity value: ${capacity}`));
  if (more(min, standard)) errors.push(invalid(`${path}.min`, standard, `default is less than min: ${min}`));
  if (max !== undefined) {
    if (more(min, max)) errors.push(invalid(`${path}.max`, min, `min is larger than max: ${max}`));
    if (more(max, capacity)) errors.push(invalid(`${path}.max`, max, `max is larger than capacity value: ${capacity}`));
    if (more(standard, max)) errors.push(invalid(`${path}.max`, standard, `default is more than max: ${max}`));
  }
  if (step === undefined) return;
  const next = formatQuantity(addQuantities(min, step));
  if (more(next, capacity)) errors.push(invalid(`${path}.step`, step, `one step ${next} is larger than capacity value: ${capacity}`));
  for (const value of max === undefined ? [standard] : [standard, max])
    if ((quantityValue(value) - quantityValue(min)) % quantityValue(step) !== 0) errors.push(invalid(`${path}.step`, value, `value is not a multiple of a given step (${step}) from (${min})`));
}
