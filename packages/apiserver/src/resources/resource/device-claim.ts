/** What a claim asks for: requests, constraints between them, configuration. */
import { dns1123Label, dns1123Subdomain, type FieldError, invalid, notSupported, required } from '@pilothouse/apimachinery';
import type { DeviceClaim, DeviceClaimConfiguration, DeviceConstraint, DeviceRequest, ExactDeviceRequest } from '@pilothouse/api-schemas/types/resource/v1';
import { checkName } from '../validation/check-name.ts';
import { mostConfigurations, validateOpaque } from './device-config.ts';
import { validateList, validateSet } from './lists.ts';
import { validateFullyQualifiedName } from './names.ts';
import { validateSelectors } from './selectors.ts';
import { validateToleration } from './taints.ts';

/** What both ways of asking for devices have. */
type Asked = Omit<ExactDeviceRequest, 'adminAccess'>;

export const mostRequests = 32;
const mostConstraints = 32;
const mostAlternatives = 8;

function validateAsked(errors: FieldError[], { deviceClassName, selectors, allocationMode = '', count = 0, tolerations }: Asked, path: string): void {
  if (!deviceClassName) errors.push(required(`${path}.deviceClassName`));
  else checkName(errors, `${path}.deviceClassName`, deviceClassName, dns1123Subdomain);
  validateSelectors(errors, selectors, `${path}.selectors`);
  if (allocationMode === 'All') {
    if (count) errors.push(invalid(`${path}.count`, count, "must not be specified when allocationMode is 'All'"));
  } else if (allocationMode === 'ExactCount') {
    if (count <= 0) errors.push(invalid(`${path}.count`, count, 'must be greater than zero'));
  } else errors.push(notSupported(`${path}.allocationMode`, allocationMode, ['All', 'ExactCount']));
  tolerations?.forEach((toleration, i) => validateToleration(errors, toleration, `${path}.tolerations[${i}]`));
}

function validateRequest(errors: FieldError[], { name, exactly, firstAvailable }: DeviceRequest, path: string): void {
  checkName(errors, `${path}.name`, name, dns1123Label);
  const alternatives = firstAvailable?.length ? firstAvailable : undefined;
  if (!exactly && !alternatives) errors.push(required(path, 'exactly one of `exactly` or `firstAvailable` is required'));
  else if (exactly && alternatives) errors.push(invalid(path, null, 'exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set'));
  else if (exactly) validateAsked(errors, exactly, `${path}.exactly`);
  else
    validateSet(
      errors,
      alternatives,
      `${path}.firstAvailable`,
      mostAlternatives,
      (alternative) => alternative.name,
      (alternative, at) => {
        checkName(errors, `${at}.name`, alternative.name, dns1123Label);
        validateAsked(errors, alternative, at);
      },
    );
}

/** Names of requests, and of alternatives as `request/alternative`. */
export const requestNames = ({ requests }: DeviceClaim): ReadonlySet<string> => new Set(requests?.flatMap(({ name, firstAvailable }) => [name, ...(firstAvailable ?? []).map((alternative) => `${name}/${alternative.name}`)]));

const noSuchRequest = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

export function validateRequestName(errors: FieldError[], name: string, known: ReadonlySet<string>, path: string): void {
  const segments = name.split('/');
  if (segments.length > 2) return void errors.push(invalid(path, name, noSuchRequest));
  for (const segment of segments) checkName(errors, path, segment, dns1123Label);
  if (!known.has(name)) errors.push(invalid(path, name, noSuchRequest));
}

export function validateRequestNames(errors: FieldError[], names: readonly string[] | undefined, known: ReadonlySet<string>, path: string): void {
  validateSet(
    errors,
    names,
    path,
    mostRequests,
    (name) => name,
    (name, at) => validateRequestName(errors, name, known, at),
  );
}

function validateConstraint(errors: FieldError[], { requests, matchAttribute, distinctAttribute }: DeviceConstraint, known: ReadonlySet<string>, path: string): void {
  validateRequestNames(errors, requests, known, `${path}.requests`);
  if (matchAttribute !== undefined) validateFullyQualifiedName(errors, matchAttribute, `${path}.matchAttribute`);
  else if (distinctAttribute !== undefined) validateFullyQualifiedName(errors, distinctAttribute, `${path}.distinctAttribute`);
  else errors.push(required(path, 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'));
}

function validateConfiguration(errors: FieldError[], { requests, opaque }: DeviceClaimConfiguration, known: ReadonlySet<string>, path: string): void {
  validateRequestNames(errors, requests, known, `${path}.requests`);
  validateOpaque(errors, opaque, `${path}.opaque`);
}

export function validateDeviceClaim(errors: FieldError[], devices: DeviceClaim | undefined, path: string): void {
  if (!devices) return;
  const known = requestNames(devices);
  validateSet(
    errors,
    devices.requests,
    `${path}.requests`,
    mostRequests,
    (request) => request.name,
    (request, at) => validateRequest(errors, request, at),
  );
  validateList(errors, devices.constraints, `${path}.constraints`, mostConstraints, (constraint, at) => validateConstraint(errors, constraint, known, at));
  validateList(errors, devices.config, `${path}.config`, mostConfigurations, (config, at) => validateConfiguration(errors, config, known, at));
}

function defaultAsked(asked: Asked): void {
  asked.allocationMode ||= 'ExactCount';
  if (asked.allocationMode === 'ExactCount') asked.count ||= 1;
}

export function defaultDeviceClaim(devices: DeviceClaim | undefined): void {
  for (const { exactly, firstAvailable } of devices?.requests ?? []) for (const asked of [...(exactly ? [exactly] : []), ...(firstAvailable ?? [])]) defaultAsked(asked);
}
