import { dns1123Label, dns1123Subdomain, duplicate, type FieldError, invalid, nameIsDnsSubdomain, required, resourceSlices as type, tooMany } from '@pilothouse/apimachinery';
import type { ResourceSlice as Published, ResourceSliceSpec } from '@pilothouse/api-schemas/types/resource/v1';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { checkName } from '../validation/check-name.ts';
import { internalForms } from '../validation/internal-form.ts';
import { immutable, withMeta } from '../validation/object-meta.ts';
import { validateNodeSelector } from '../validation/selectors.ts';
import { validateDriverName } from './driver-name.ts';

type Slice = Filled<Published>;

const mostDevices = 128;
/** Where a device has taints or consumes counters. */
const mostElaborateDevices = 64;
const places = '`nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection`';

function validatePlace(errors: FieldError[], spec: ResourceSliceSpec): void {
  const set: string[] = [];
  if (spec.nodeName) {
    set.push('`nodeName`');
    checkName(errors, 'spec.nodeName', spec.nodeName, dns1123Subdomain);
  } else if (spec.nodeName === '') errors.push(invalid('spec.nodeName', '', 'must be either unset or set to a non-empty string'));
  if (spec.nodeSelector) {
    set.push('`nodeSelector`');
    validateNodeSelector(errors, spec.nodeSelector, 'spec.nodeSelector');
    if (spec.nodeSelector.nodeSelectorTerms?.length !== 1) errors.push(invalid('spec.nodeSelector.nodeSelectorTerms', internalForms('core/v1.NodeSelectorTerm', spec.nodeSelector.nodeSelectorTerms), 'must have exactly one node selector term'));
  }
  for (const key of ['allNodes', 'perDeviceNodeSelection'] as const) {
    if (spec[key]) set.push(`\`${key}\``);
    else if (spec[key] === false) errors.push(invalid(`spec.${key}`, false, 'must be either unset or set to true'));
  }
  if (!set.length) errors.push(required('spec', `exactly one of ${places} is required`));
  else if (set.length > 1) errors.push(invalid('spec', `{${set.join(', ')}}`, `exactly one of ${places} is required, but multiple fields are set`));
}

function validateSpec(errors: FieldError[], { spec }: Slice, old: Slice | undefined): void {
  validateDriverName(errors, spec.driver, 'spec.driver');
  const { name, generation = 0, resourceSliceCount = 0 } = spec.pool;
  if (!name) errors.push(required('spec.pool.name'));
  else for (const part of name.split('/')) checkName(errors, 'spec.pool.name', part, dns1123Subdomain);
  if (resourceSliceCount <= 0) errors.push(invalid('spec.pool.resourceSliceCount', resourceSliceCount, 'must be greater than zero'));
  if (generation < 0) errors.push(invalid('spec.pool.generation', generation, 'must be greater than or equal to zero'));
  if (old) {
    immutable(errors, name, old.spec.pool.name, 'spec.pool.name');
    immutable(errors, spec.driver, old.spec.driver, 'spec.driver');
    immutable(errors, spec.nodeName, old.spec.nodeName, 'spec.nodeName');
  }
  validatePlace(errors, spec);
  const { devices, sharedCounters } = spec;
  if (sharedCounters && devices) errors.push(invalid('spec', '', 'only one of `sharedCounters` or `devices` is allowed'));
  const limit = devices?.some(({ taints, consumesCounters }) => taints?.length || consumesCounters?.length) ? mostElaborateDevices : mostDevices;
  if ((devices?.length ?? 0) > limit) return void errors.push(tooMany('spec.devices', devices!.length, limit));
  for (const [key, items] of [
    ['devices', devices],
    ['sharedCounters', sharedCounters],
  ] as const)
    items?.forEach((item, i) => {
      checkName(errors, `spec.${key}[${i}].name`, item.name, dns1123Label);
      if (items.findIndex((other) => other.name === item.name) < i) errors.push(duplicate(`spec.${key}[${i}]`, item.name));
    });
}

export const resourceSlices = defineResource<any>(type, {
  strategy: { generation: true, ...withMeta<Slice>({ name: nameIsDnsSubdomain, namespaced: false }, validateSpec) },
  selectableFields: { 'spec.nodeName': (slice: Slice) => slice.spec.nodeName ?? '', 'spec.driver': (slice: Slice) => slice.spec.driver ?? '' },
});
