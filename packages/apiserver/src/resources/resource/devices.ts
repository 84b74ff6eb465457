/** A device as its driver publishes it. */
import { byteLength, dns1123Label, dns1123Subdomain, type FieldError, invalid, required, tooLong } from '@pilothouse/apimachinery';
import type { CounterSet, Device, DeviceAttribute, DeviceCounterConsumption } from '@pilothouse/api-schemas/types/resource/v1';
import { checkName } from '../validation/check-name.ts';
import { same } from '../validation/equality.ts';
import { internalForm } from '../validation/internal-form.ts';
import { validateNodeSelector } from '../validation/selectors.ts';
import { validateCapacity } from './device-capacity.ts';
import { validateList, validateMap, validateSet } from './lists.ts';
import { longestQualifiedName, validateQualifiedName } from './names.ts';
import { validateBindingConditions, validateTaint } from './taints.ts';

const mostAttributesAndCapacities = 32;
const mostAttributeValues = 48;
const mostTaints = 16;
const mostConsumptions = 2;
const mostCounters = 32;
const longestValue = 64;

const semver = (() => {
  const number = '(0|[1-9]\\d*)';
  const preRelease = '(0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)';
  const build = '[0-9a-zA-Z-]+';
  return new RegExp(`^${number}\\.${number}\\.${number}(-${preRelease}(\\.${preRelease})*)?(\\+${build}(\\.${build})*)?$`);
})();

function validateAttribute(errors: FieldError[], attribute: DeviceAttribute, path: string): void {
  const { string: text, version } = attribute;
  if (text !== undefined && byteLength(text) > longestValue) errors.push(tooLong(`${path}.string`, longestValue));
  if (version !== undefined && !semver.test(version)) errors.push(invalid(`${path}.version`, version, 'must be a string compatible with semver.org spec 2.0.0'));
  if (version !== undefined && byteLength(version) > longestValue) errors.push(tooLong(`${path}.version`, longestValue));
  const count = [attribute.bool, attribute.int, text, version].filter((value) => value !== undefined).length;
  if (count === 0) errors.push(invalid(path, '', 'exactly one value must be specified'));
  else if (count > 1) errors.push(invalid(path, internalForm('resource/v1.DeviceAttribute', attribute), 'exactly one value must be specified'));
}

function validateCounters(errors: FieldError[], counters: Readonly<Record<string, unknown>> | undefined, path: string): void {
  if (!Object.keys(counters ?? {}).length) return void errors.push(required(path));
  validateMap(errors, counters, path, { size: mostCounters, keyLength: 63 }, (name, at) => checkName(errors, at, name, dns1123Label));
}

function validateCounterName(errors: FieldError[], name: string, path: string): void {
  if (!name) errors.push(required(path));
  else checkName(errors, path, name, dns1123Label);
}

export function validateCounterSet(errors: FieldError[], { name, counters }: CounterSet, path: string): void {
  validateCounterName(errors, name, `${path}.name`);
  validateCounters(errors, counters, `${path}.counters`);
}

function validateConsumption(errors: FieldError[], { counterSet, counters }: DeviceCounterConsumption, path: string): void {
  validateCounterName(errors, counterSet, `${path}.counterSet`);
  validateCounters(errors, counters, `${path}.counters`);
}

const ownPlace = 'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec';

/** Where the device is: said of each where the slice says so, and else of none. */
function validatePlace(errors: FieldError[], { nodeName, nodeSelector, allNodes }: Device, path: string, perDevice: boolean): void {
  if (!perDevice) {
    if (nodeName !== undefined || nodeSelector || allNodes !== undefined) errors.push(invalid(path, null, '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec'));
    return;
  }
  const set: string[] = [];
  if (nodeName) {
    set.push('`nodeName`');
    checkName(errors, `${path}.nodeName`, nodeName, dns1123Subdomain);
  } else if (nodeName === '') errors.push(invalid(`${path}.nodeName`, '', 'must not be empty'));
  if (nodeSelector) {
    set.push('`nodeSelector`');
    validateNodeSelector(errors, nodeSelector, `${path}.nodeSelector`);
  }
  if (allNodes) set.push('`allNodes`');
  else if (allNodes === false) errors.push(invalid(`${path}.allNodes`, false, 'must be either unset or set to true'));
  if (!set.length) errors.push(required(path, ownPlace));
  else if (set.length > 1) errors.push(invalid(path, `{${set.join(', ')}}`, ownPlace));
}

/** `old`: the device of that name before. */
export function validateDevice(errors: FieldError[], device: Device, old: Device | undefined, path: string, perDevice: boolean): void {
  checkName(errors, `${path}.name`, device.name, dns1123Label);
  const attributes = Object.keys(device.attributes ?? {}).length;
  const both = attributes + Object.keys(device.capacity ?? {}).length;
  if (both > mostAttributesAndCapacities) errors.push(invalid(path, both, `the total number of attributes and capacities must not exceed ${mostAttributesAndCapacities}`));
  if (attributes > mostAttributeValues) errors.push(invalid(path, attributes, `the total number of attribute values must not exceed ${mostAttributeValues}`));
  const named = { size: Number.POSITIVE_INFINITY, keyLength: longestQualifiedName };
  const judgeName = (name: string, at: string) => validateQualifiedName(errors, name, at);
  validateMap(errors, device.attributes, `${path}.attributes`, named, judgeName, (attribute, at) => validateAttribute(errors, attribute, at));
  validateMap(errors, device.capacity, `${path}.capacity`, named, judgeName, (capacity, at) => validateCapacity(errors, capacity, at, device.allowMultipleAllocations === true));
  if (!old || !same(old.taints, device.taints)) validateList(errors, device.taints, `${path}.taints`, mostTaints, (taint, at) => validateTaint(errors, taint, at));
  validateSet(
    errors,
    device.consumesCounters,
    `${path}.consumesCounters`,
    mostConsumptions,
    ({ counterSet }) => counterSet,
    (consumption, at) => validateConsumption(errors, consumption, at),
  );
  validatePlace(errors, device, path, perDevice);
  validateBindingConditions(errors, device, path);
}
