/** What was allocated for a claim, for whom it is kept, and how the devices are. */
import { dns1123Label, type FieldError, forbidden, formatIp, invalid, notSupported, parseCidr, required, tooLong, tooMany, validateConditions } from '@pilothouse/apimachinery';
import type { AllocatedDeviceStatus, AllocationResult, DeviceAllocationConfiguration, DeviceRequestAllocationResult, NetworkDeviceData, ResourceClaim as Published } from '@pilothouse/api-schemas/types/resource/v1';
import type { Filled } from '../filled.ts';
import { checkName } from '../validation/check-name.ts';
import { same } from '../validation/equality.ts';
import { immutable, validateObjectMetaUpdate } from '../validation/object-meta.ts';
import { validateNodeSelector } from '../validation/selectors.ts';
import { validateCsiDriverName } from '../validation/volume-sources.ts';
import { mostRequests, requestNames, validateRequestName, validateRequestNames } from './device-claim.ts';
import { mostConfigurations, validateOpaque, validateRawObject } from './device-config.ts';
import { validateList, validateSet } from './lists.ts';
import { validatePoolName, validateShareId } from './names.ts';
import { validateBindingConditions } from './taints.ts';

type Claim = Filled<Published>;

const mostReservations = 256;
const mostConditions = 8;
const mostAddresses = 16;

interface DeviceId {
  driver: string;
  pool: string;
  device: string;
  shareID?: string;
}

/** As Go prints the identity of a device, or of a share of one. */
const shownId = ({ driver, pool, device, shareID }: DeviceId) => ({ Driver: driver, Pool: pool, Device: device, ShareID: shareID ?? '' });
const idOf = (device: DeviceId): string => JSON.stringify(shownId(device));
const allocatedIn = (allocation: AllocationResult | undefined): ReadonlySet<string> => new Set(allocation?.devices?.results?.map(idOf));

/** The status of a device goes with its allocation. */
export function dropDeallocatedDevices({ status }: Claim, old: Claim): void {
  if (!status.devices) return;
  const kept = allocatedIn(status.allocation);
  const gone = allocatedIn(old.status.allocation);
  const devices = status.devices.filter((device) => kept.has(idOf(device)) || !gone.has(idOf(device)));
  if (devices.length) status.devices = devices;
  else delete status.devices;
}

/** An address with the length of its network's prefix, in the one way to write it. */
function validateInterfaceAddress(errors: FieldError[], text: string, path: string): void {
  const cidr = parseCidr(text);
  if (!cidr) return void errors.push(invalid(path, text, 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)'));
  const canonical = `${formatIp(cidr.address)}/${cidr.prefix}`;
  if (canonical !== text) errors.push(invalid(path, text, `must be in canonical form ("${canonical}")`));
}

function validateNetworkData(errors: FieldError[], data: NetworkDeviceData | undefined, path: string): void {
  if (!data) return;
  if (Buffer.byteLength(data.interfaceName ?? '') > 256) errors.push(tooLong(`${path}.interfaceName`, 256));
  if (Buffer.byteLength(data.hardwareAddress ?? '') > 128) errors.push(tooLong(`${path}.hardwareAddress`, 128));
  validateSet(
    errors,
    data.ips,
    `${path}.ips`,
    mostAddresses,
    (ip) => ip,
    (ip, at) => validateInterfaceAddress(errors, ip, at),
  );
}

function validateDevice(errors: FieldError[], device: AllocatedDeviceStatus, allocated: ReadonlySet<string>, path: string): void {
  validateCsiDriverName(errors, device.driver, `${path}.driver`);
  validatePoolName(errors, device.pool, `${path}.pool`);
  checkName(errors, `${path}.device`, device.device, dns1123Label);
  if (device.shareID !== undefined) validateShareId(errors, device.shareID, `${path}.shareID`);
  if (!allocated.has(idOf(device))) errors.push(invalid(path, shownId(device), 'must be an allocated device in the claim'));
  if ((device.conditions?.length ?? 0) > mostConditions) errors.push(tooMany(`${path}.conditions`, device.conditions!.length, mostConditions));
  errors.push(...validateConditions(device.conditions, `${path}.conditions`));
  if (device.data !== undefined && device.data !== null) validateRawObject(errors, device.data, `${path}.data`);
  validateNetworkData(errors, device.networkData, `${path}.networkData`);
}

function validateResult(errors: FieldError[], result: DeviceRequestAllocationResult, known: ReadonlySet<string>, path: string): void {
  validateRequestName(errors, result.request, known, `${path}.request`);
  validateCsiDriverName(errors, result.driver, `${path}.driver`);
  validatePoolName(errors, result.pool, `${path}.pool`);
  checkName(errors, `${path}.device`, result.device, dns1123Label);
  validateBindingConditions(errors, result, path);
  if (result.shareID !== undefined) validateShareId(errors, result.shareID, `${path}.shareID`);
}

const configSources = ['FromClaim', 'FromClass'];

function validateAllocatedConfig(errors: FieldError[], { source, requests, opaque }: DeviceAllocationConfiguration, known: ReadonlySet<string>, path: string): void {
  if (!source) errors.push(required(`${path}.source`));
  else if (!configSources.includes(source)) errors.push(notSupported(`${path}.source`, source, configSources));
  validateRequestNames(errors, requests, known, `${path}.requests`);
  validateOpaque(errors, opaque, `${path}.opaque`);
}

function validateAllocation(errors: FieldError[], { devices, nodeSelector }: AllocationResult, known: ReadonlySet<string>, path: string): void {
  validateList(errors, devices?.results, `${path}.devices.results`, mostRequests, (result, at) => validateResult(errors, result, known, at));
  validateList(errors, devices?.config, `${path}.devices.config`, 2 * mostConfigurations, (config, at) => validateAllocatedConfig(errors, config, known, at));
  if (nodeSelector) validateNodeSelector(errors, nodeSelector, `${path}.nodeSelector`);
}

export function validateClaimStatusUpdate({ metadata, spec, status }: Claim, old: Claim): FieldError[] {
  const errors: FieldError[] = [];
  validateObjectMetaUpdate(errors, metadata, old.metadata);
  validateSet(
    errors,
    status.reservedFor,
    'status.reservedFor',
    mostReservations,
    (consumer) => consumer.uid,
    (consumer, at) => {
      for (const key of ['resource', 'name', 'uid'] as const) if (!consumer[key]) errors.push(required(`${at}.${key}`));
    },
  );
  const allocated = allocatedIn(status.allocation);
  validateSet(errors, status.devices, 'status.devices', Number.POSITIVE_INFINITY, idOf, (device, at) => validateDevice(errors, device, allocated, at), shownId);
  if (status.reservedFor?.length) {
    if (!status.allocation) errors.push(forbidden('status.reservedFor', 'may not be specified when `allocated` is not set'));
    else if (metadata.deletionTimestamp && status.reservedFor.some((consumer) => !old.status.reservedFor?.some((before) => same(before, consumer))))
      errors.push(forbidden('status.reservedFor', 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set'));
  }
  if (old.status.allocation && status.allocation) immutable(errors, status.allocation, old.status.allocation, 'status.allocation', 'resource/v1.AllocationResult');
  else if (status.allocation) validateAllocation(errors, status.allocation, requestNames(spec.devices ?? {}), 'status.allocation');
  return errors;
}
