import { compareQuantities, duplicate, type FieldError, forbidden, invalid, limitRanges as type, nameIsDnsSubdomain, qualifiedName, quantityToNumber, required } from '@pilothouse/apimachinery';
import type { LimitRange as Published, LimitRangeItem } from '@pilothouse/api-schemas/types/core/v1';
import type { Strategy } from '../../contract.ts';
import { roundAmounts } from '../defaults/pod-spec.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { checkName } from '../validation/check-name.ts';
import { validateObjectMeta } from '../validation/object-meta.ts';
import { isOvercommitAllowed, validateContainerResourceName, validateResourceName } from '../validation/resources.ts';

type LimitRange = Filled<Published>;

const lists = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const;

/** `types`: those of the items before it. */
function validateItem(errors: FieldError[], item: LimitRangeItem, path: string, types: Set<string>): void {
  const before = errors.length;
  checkName(errors, `${path}.type`, item.type, qualifiedName);
  if (errors.length === before && !item.type.includes('/') && !['Pod', 'Container', 'PersistentVolumeClaim'].includes(item.type)) errors.push(invalid(`${path}.type`, item.type, 'must be a standard limit type or fully qualified'));
  if (types.has(item.type)) errors.push(duplicate(`${path}.type`, item.type));
  types.add(item.type);
  const nameRule = item.type === 'Pod' || item.type === 'Container' ? validateContainerResourceName : validateResourceName;
  const names = new Set<string>();
  for (const list of lists) {
    if (list === 'maxLimitRequestRatio' && item.type === 'PersistentVolumeClaim' && item.min?.storage === undefined && item.max?.storage === undefined)
      errors.push(required(`${path}.limits`, 'either minimum or maximum storage value is required, but neither was provided'));
    if (item.type === 'Pod' && (list === 'default' || list === 'defaultRequest')) {
      if (Object.keys(item[list] ?? {}).length) errors.push(forbidden(`${path}.${list}`, "may not be specified when `type` is 'Pod'"));
      continue;
    }
    for (const name in item[list]) {
      nameRule(errors, name, `${path}.${list}[${name}]`);
      names.add(name);
    }
  }
  for (const name of names) validateAmounts(errors, item, name, path);
}

function validateAmounts(errors: FieldError[], item: LimitRangeItem, name: string, path: string): void {
  const isPod = item.type === 'Pod';
  const [min, max, ratio] = [item.min?.[name], item.max?.[name], item.maxLimitRequestRatio?.[name]];
  const [limit, request] = isPod ? [] : [item.default?.[name], item.defaultRequest?.[name]];
  const over = (a: string | undefined, b: string | undefined) => a !== undefined && b !== undefined && compareQuantities(a, b) > 0;
  const bad = (list: string, value: string | undefined, detail: string) => errors.push(invalid(`${path}.${list}[${name}]`, value, detail));
  if (over(min, max)) bad('min', min, `min value ${min} is greater than max value ${max}`);
  if (over(min, request)) bad('defaultRequest', request, `min value ${min} is greater than default request value ${request}`);
  if (over(request, max)) bad('defaultRequest', request, `default request value ${request} is greater than max value ${max}`);
  if (over(request, limit)) bad('defaultRequest', request, `default request value ${request} is greater than default limit value ${limit}`);
  if (over(min, limit)) bad('default', min, `min value ${min} is greater than default value ${limit}`);
  if (over(limit, max)) bad('default', max, `default value ${limit} is greater than max value ${max}`);
  if (ratio !== undefined && compareQuantities(ratio, '1') < 0) bad('maxLimitRequestRatio', ratio, `ratio ${ratio} is less than 1`);
  if (ratio !== undefined && min !== undefined && max !== undefined) {
    const largest = quantityToNumber(max) / quantityToNumber(min);
    if (quantityToNumber(ratio) > largest) bad('maxLimitRequestRatio', ratio, `ratio ${ratio} is greater than max/min = ${largest.toFixed(6)}`);
  }
  if (!isOvercommitAllowed(name) && limit !== undefined && request !== undefined && compareQuantities(limit, request) !== 0) bad('defaultRequest', request, `default value ${limit} must equal to defaultRequest value ${request} in ${name}`);
}

/** The same for new and for changed objects. */
function validateLimitRange({ metadata, spec }: LimitRange): FieldError[] {
  const errors: FieldError[] = [];
  const types = new Set<string>();
  validateObjectMeta(errors, metadata, { name: nameIsDnsSubdomain, namespaced: true });
  spec.limits?.forEach((item, i) => validateItem(errors, item, `spec.limits[${i}]`, types));
  return errors;
}

const strategy: Strategy<LimitRange> = {
  allowCreateOnUpdate: true,
  defaults({ spec }) {
    for (const item of spec.limits ?? []) {
      for (const list of lists) roundAmounts(item[list]);
      if (item.type !== 'Container') continue;
      const limit = { ...item.max, ...item.default };
      const request = { ...item.min, ...limit, ...item.defaultRequest };
      if (Object.keys(limit).length) item.default = limit;
      if (Object.keys(request).length) item.defaultRequest = request;
    }
  },
  prepareForCreate({ metadata }, { random }) {
    metadata.name ||= random.uuid();
  },
  validate: validateLimitRange,
  validateUpdate: validateLimitRange,
};

export const limitRanges = defineResource<any>(type, { strategy });
