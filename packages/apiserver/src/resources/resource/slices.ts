/** Slices of a driver's pool of devices. */
import { dns1123Subdomain, type FieldError, goQuote, invalid, nameIsDnsSubdomain, required, resourceSlices as type } from '@pilothouse/apimachinery';
import type { Device, ResourceSlice as Published, ResourceSliceSpec } from '@pilothouse/api-schemas/types/resource/v1';
import type { Strategy, WriteContext } from '../../contract.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { timestamp } from '../time.ts';
import { checkName } from '../validation/check-name.ts';
import { internalForms } from '../validation/internal-form.ts';
import { immutable, withMeta } from '../validation/object-meta.ts';
import { validateNodeSelector } from '../validation/selectors.ts';
import { validateCsiDriverName } from '../validation/volume-sources.ts';
import { validateCounterSet, validateDevice } from './devices.ts';
import { validateSet } from './lists.ts';
import { validatePoolName } from './names.ts';

type Slice = Filled<Published>;

const mostDevices = 128;
/** Where a device has taints or consumes counters. */
const mostElaborateDevices = 64;
const mostCounterSets = 8;
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

const isElaborate = ({ taints, consumesCounters }: Device): boolean => Boolean(taints?.length || consumesCounters?.length);

function validateSpec(errors: FieldError[], { spec }: Slice, old: Slice | undefined): void {
  validateCsiDriverName(errors, spec.driver, 'spec.driver');
  const { name, generation = 0, resourceSliceCount = 0 } = spec.pool;
  validatePoolName(errors, name, 'spec.pool.name');
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
  const before = new Map(old?.spec.devices?.map((device) => [device.name, device]));
  validateSet(
    errors,
    devices,
    'spec.devices',
    devices?.some(isElaborate) ? mostElaborateDevices : mostDevices,
    (device) => device.name,
    (device, at) => validateDevice(errors, device, before.get(device.name), at, spec.perDeviceNodeSelection === true),
  );
  validateSet(
    errors,
    sharedCounters,
    'spec.sharedCounters',
    mostCounterSets,
    (set) => set.name,
    (set, at) => validateCounterSet(errors, set, at),
  );
}

const listValues = ['bools', 'ints', 'strings', 'versions'] as const;
const mapsResources = ({ spec }: Slice): boolean => spec.devices?.some((device) => Object.keys(device.nodeAllocatableResourceMappings ?? {}).length > 0) ?? false;
const hasLists = ({ spec }: Slice): boolean => spec.devices?.some(({ attributes }) => Object.values(attributes ?? {}).some((attribute) => listValues.some((key) => attribute[key] !== undefined))) ?? false;

/** What is behind closed gates stays only where it was before. */
function dropGated(slice: Slice, old: Slice | undefined): void {
  const mappings = old !== undefined && mapsResources(old);
  const lists = old !== undefined && hasLists(old);
  for (const device of slice.spec.devices ?? []) {
    if (!mappings) delete device.nodeAllocatableResourceMappings;
    if (!lists) for (const attribute of Object.values(device.attributes ?? {})) for (const key of listValues) delete attribute[key];
  }
}

/** A taint is of now where it does not say otherwise. */
function stampTaints({ spec }: Slice, context: WriteContext): void {
  for (const device of spec.devices ?? []) for (const taint of device.taints ?? []) taint.timeAdded ??= timestamp(context);
}

const strategy: Strategy<Slice> = {
  generation: true,
  prepareForCreate(slice, context) {
    stampTaints(slice, context);
    dropGated(slice, undefined);
  },
  prepareForUpdate(slice, old, context) {
    stampTaints(slice, context);
    dropGated(slice, old);
  },
  ...withMeta<Slice>({ name: nameIsDnsSubdomain, namespaced: false }, validateSpec),
  warnings: ({ spec: { driver } }) => (driver === driver.toLowerCase() ? [] : [`spec.driver: driver names should be lowercase; ${goQuote(driver)} contains uppercase characters`]),
};

export const resourceSlices = defineResource<any>(type, {
  strategy,
  selectableFields: { 'spec.nodeName': (slice: Slice) => slice.spec.nodeName ?? '', 'spec.driver': (slice: Slice) => slice.spec.driver ?? '' },
  fieldLabelError: (field) => `field label not supported for ${type.group}/${type.version}, Kind=${type.kind}: ${field}`,
});
