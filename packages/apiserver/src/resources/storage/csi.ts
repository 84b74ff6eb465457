/** CSI drivers, what nodes have of them, and what room they report. */
import { csiDrivers as driverType, csiNodes as nodeType, csiStorageCapacities as capacityType, dns1123Subdomain, duplicate, type FieldError, invalid, type KubeObject, nameIsDnsSubdomain, notSupported, qualifiedName, required, signOfQuantity, validateLabelSelector } from '@pilothouse/apimachinery';
import type { CSIDriver as PublishedDriver, CSINode as PublishedNode, CSINodeDriver, CSIStorageCapacity } from '@pilothouse/api-schemas/types/storage/v1';
import type { Strategy } from '../../contract.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { same } from '../validation/equality.ts';
import { checkName } from '../validation/check-name.ts';
import { internalForm } from '../validation/internal-form.ts';
import { nonnegative } from '../validation/numbers.ts';
import { immutable, validateObjectMetaUpdate, wholeAndChange, withMeta } from '../validation/object-meta.ts';
import { nodeLabelDeprecation } from '../validation/pod-warnings.ts';
import { validateCsiDriverName } from '../validation/volume-sources.ts';

type CSIDriver = Filled<PublishedDriver>;
type CSINode = Filled<PublishedNode>;

const fsGroupPolicies = ['File', 'None', 'ReadWriteOnceWithFSType'];

function validateDriver(errors: FieldError[], { spec }: CSIDriver, old: CSIDriver | undefined): void {
  if (spec.attachRequired === undefined) errors.push(required('spec.attachedRequired'));
  if (spec.podInfoOnMount === undefined) errors.push(required('spec.podInfoOnMount'));
  if (spec.storageCapacity === undefined) errors.push(required('spec.storageCapacity'));
  if (spec.fsGroupPolicy !== undefined && !fsGroupPolicies.includes(spec.fsGroupPolicy)) errors.push(notSupported('spec.fsGroupPolicy', spec.fsGroupPolicy, fsGroupPolicies));
  spec.tokenRequests?.forEach(({ audience, expirationSeconds: seconds }, i) => {
    const path = `spec.tokenRequests[${i}]`;
    if (spec.tokenRequests!.findIndex((other) => other.audience === audience) < i) errors.push(duplicate(`${path}.audience`, audience));
    else if (seconds !== undefined && seconds < 600) errors.push(invalid(`${path}.expirationSeconds`, seconds, 'may not specify a duration less than 10 minutes'));
    else if (seconds !== undefined && seconds > 2 ** 32) errors.push(invalid(`${path}.expirationSeconds`, seconds, 'may not specify a duration larger than 2^32 seconds'));
  });
  for (const mode of spec.volumeLifecycleModes ?? []) if (mode !== 'Persistent' && mode !== 'Ephemeral') errors.push(notSupported('spec.volumeLifecycleModes', mode, ['Persistent', 'Ephemeral']));
  if (spec.seLinuxMount === undefined) errors.push(required('spec.seLinuxMount'));
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  if (period !== undefined && period < 10) errors.push(invalid('spec.nodeAllocatableUpdatePeriodSeconds', period, 'must be greater than or equal to 10 seconds'));
  if (spec.serviceAccountTokenInSecrets !== undefined && !spec.tokenRequests?.length) errors.push(invalid('spec.serviceAccountTokenInSecrets', spec.serviceAccountTokenInSecrets, 'serviceAccountTokenInSecrets is set but no tokenRequests are specified'));
  if (!old) return;
  immutable(errors, spec.attachRequired, old.spec.attachRequired, 'spec.attachedRequired');
  immutable(errors, spec.volumeLifecycleModes, old.spec.volumeLifecycleModes, 'spec.volumeLifecycleModes');
}

const driverStrategy: Strategy<CSIDriver> = {
  allowUnconditionalUpdate: false,
  generation: true,
  defaults({ spec }) {
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
    if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
  },
  prepareForCreate({ metadata, spec }) {
    // Counted from the first change on.
    delete metadata.generation;
    delete spec.preventPodSchedulingIfMissing;
  },
  prepareForUpdate({ spec }, old) {
    if (old.spec.preventPodSchedulingIfMissing === undefined) delete spec.preventPodSchedulingIfMissing;
  },
  ...withMeta<CSIDriver>({ name: nameIsDnsSubdomain, namespaced: false }, validateDriver),
  warnings({ spec }, old) {
    if (old && same(spec.tokenRequests, old.spec.tokenRequests)) return [];
    if (!spec.tokenRequests?.length || spec.serviceAccountTokenInSecrets !== undefined) return [];
    return ['spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes'];
  },
};

function validateNodeDriver(errors: FieldError[], driver: CSINodeDriver, path: string, repeated: boolean): void {
  validateCsiDriverName(errors, driver.name, `${path}.name`);
  if (!driver.nodeID) errors.push(required(`${path}.nodeID`));
  if (Buffer.byteLength(driver.nodeID) > 256) errors.push(invalid(`${path}.nodeID`, driver.nodeID, 'must be 256 characters or less'));
  nonnegative(errors, driver.allocatable, `${path}.allocatable`, 'count');
  if (repeated) errors.push(duplicate(`${path}.name`, driver.name));
  driver.topologyKeys?.forEach((key, i) => {
    if (!key) errors.push(required(path));
    if (driver.topologyKeys!.indexOf(key) < i) errors.push(duplicate(path, key));
    checkName(errors, path, key, qualifiedName);
  });
}

function validateNode(errors: FieldError[], { spec }: CSINode): void {
  const drivers = spec.drivers ?? [];
  drivers.forEach((driver, i) => validateNodeDriver(errors, driver, `spec.drivers[${i}]`, drivers.findIndex((other) => other.name === driver.name) < i));
}

/** A driver's entry may come and go; while it is there only its room for volumes changes. */
function validateNodeChange(errors: FieldError[], { spec }: CSINode, old: CSINode): void {
  for (const before of old.spec.drivers ?? [])
    for (const now of spec.drivers ?? []) {
      if (now.name !== before.name || same({ ...now, allocatable: undefined }, { ...before, allocatable: undefined })) continue;
      errors.push(invalid('spec.drivers', internalForm('storage/v1.CSINodeDriver', { ...now, allocatable: undefined }), 'field is immutable'));
    }
}

const nodeStrategy: Strategy<CSINode> = { allowUnconditionalUpdate: false, ...wholeAndChange<CSINode>({ name: nameIsDnsSubdomain, namespaced: false }, { whole: validateNode, change: validateNodeChange }) };

type Capacity = CSIStorageCapacity & KubeObject;

const capacityStrategy: Strategy<Capacity> = {
  allowUnconditionalUpdate: false,
  ...wholeAndChange<Capacity>(
    { name: nameIsDnsSubdomain, namespaced: true },
    {
      whole(errors, object, old) {
        const allowInvalidValues = validateLabelSelector(old?.nodeTopology, '').length > 0;
        errors.push(...validateLabelSelector(object.nodeTopology, 'nodeTopology', { allowInvalidValues }));
        checkName(errors, 'storageClassName', object.storageClassName, dns1123Subdomain);
        if (object.capacity !== undefined && signOfQuantity(object.capacity) < 0) errors.push(invalid('capacity', object.capacity, 'must be greater than or equal to 0'));
      },
      change(errors, object, old) {
        validateObjectMetaUpdate(errors, object.metadata, old.metadata);
        immutable(errors, object.nodeTopology ?? null, old.nodeTopology ?? null, 'nodeTopology', 'meta/v1.LabelSelector');
        immutable(errors, object.storageClassName, old.storageClassName, 'storageClassName');
      },
    },
  ),
  warnings: ({ nodeTopology }) => [
    ...(nodeTopology?.matchExpressions ?? []).flatMap(({ key }, i) => (nodeLabelDeprecation(key) ? [`nodeTopology.matchExpressions[${i}].key: ${key} is ${nodeLabelDeprecation(key)}`] : [])),
    ...Object.keys(nodeTopology?.matchLabels ?? {}).flatMap((key) => (nodeLabelDeprecation(key) ? [`nodeTopology.matchLabels.${key}: ${nodeLabelDeprecation(key)}`] : [])),
  ],
};

export const csiDrivers = defineResource<any>(driverType, { strategy: driverStrategy });
export const csiNodes = defineResource<any>(nodeType, { strategy: nodeStrategy });
export const csiStorageCapacities = defineResource<any>(capacityType, { strategy: capacityStrategy });
