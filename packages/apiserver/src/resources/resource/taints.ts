/** Taints of devices, tolerations of claims, and the conditions that a device must show before a pod is bound to it. */
import { duplicate, type FieldError, invalid, labelValue, notSupported, qualifiedName, required } from '@pilothouse/apimachinery';
import type { DeviceTaint, DeviceToleration } from '@pilothouse/api-schemas/types/resource/v1';
import { checkName } from '../validation/check-name.ts';
import { validateList } from './lists.ts';

const effects = ['NoExecute', 'NoSchedule', 'None'];

export function validateTaint(errors: FieldError[], { key, value, effect }: DeviceTaint, path: string): void {
  checkName(errors, `${path}.key`, key ?? '', qualifiedName);
  if (value) checkName(errors, `${path}.value`, value, labelValue);
  if (!effect) errors.push(required(`${path}.effect`));
  else if (!effects.includes(effect)) errors.push(notSupported(`${path}.effect`, effect, effects));
}

export function validateToleration(errors: FieldError[], { key, operator, value = '', effect }: DeviceToleration, path: string): void {
  if (key) checkName(errors, `${path}.key`, key, qualifiedName);
  if (operator === 'Exists') {
    if (value) errors.push(invalid(`${path}.value`, value, 'must be empty for operator `Exists`'));
  } else if (operator === 'Equal') checkName(errors, `${path}.value`, value, labelValue);
  else if (!operator) errors.push(required(`${path}.operator`));
  else errors.push(notSupported(`${path}.operator`, operator, ['Equal', 'Exists']));
  if (effect && !effects.includes(effect)) errors.push(notSupported(`${path}.effect`, effect, effects));
}

const mostConditions = 4;

export interface BindingConditions {
  bindingConditions?: readonly string[];
  bindingFailureConditions?: readonly string[];
}

/** Conditions to wait for and conditions to give up on: both or neither, none of them twice. */
export function validateBindingConditions(errors: FieldError[], { bindingConditions, bindingFailureConditions }: BindingConditions, path: string): void {
  const awaited = bindingConditions ?? [];
  const fatal = bindingFailureConditions ?? [];
  const judge = (condition: string, at: string) => checkName(errors, at, condition, qualifiedName);
  validateList(errors, awaited, `${path}.bindingConditions`, mostConditions, judge);
  validateList(errors, fatal, `${path}.bindingFailureConditions`, mostConditions, judge);
  awaited.forEach((condition, i) => {
    if (awaited.indexOf(condition) < i) errors.push(duplicate(`${path}.bindingConditions[${i}]`, condition));
  });
  fatal.forEach((condition, i) => {
    const at = `${path}.bindingFailureConditions[${i}]`;
    if (fatal.indexOf(condition) < i) errors.push(duplicate(at, condition));
    if (awaited.includes(condition)) errors.push(invalid(at, condition, 'bindingFailureConditions must not overlap with bindingConditions'));
  });
  if (!awaited.length && fatal.length) errors.push(invalid(`${path}.bindingConditions`, bindingConditions ?? null, 'bindingConditions are required to use bindingFailureConditions'));
  if (!fatal.length && awaited.length) errors.push(invalid(`${path}.bindingFailureConditions`, bindingFailureConditions ?? null, 'bindingFailureConditions are required to use bindingConditions'));
}
