/** Claims to devices, templates of claims, and the classes they name. Selectors are judged by their form: compiling them is the allocator's. */
import { deviceClasses as classType, dns1123Label, dns1123Subdomain, duplicate, type FieldError, forbidden, invalid, labelValue, nameIsDnsSubdomain, notSupported, qualifiedName, required, resourceClaims as claimType, resourceClaimTemplates as templateType, tooLong, tooMany, validateAnnotations, validateLabels } from '@pilothouse/apimachinery';
import type {
  DeviceClass as PublishedClass,
  DeviceClaim,
  DeviceConstraint,
  DeviceRequest,
  DeviceSelector,
  DeviceToleration,
  ExactDeviceRequest,
  OpaqueDeviceConfiguration,
  ResourceClaim as PublishedClaim,
  ResourceClaimTemplate as PublishedTemplate,
} from '@pilothouse/api-schemas/types/resource/v1';
import type { Strategy } from '../../contract.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { checkName } from '../validation/check-name.ts';
import {  } from '../validation/internal-form.ts';
import { immutable, validateObjectMetaUpdate, withMeta } from '../validation/object-meta.ts';
import { validateNodeSelector } from '../validation/selectors.ts';
import { validateDriverName } from './driver-name.ts';

type Claim = Filled<PublishedClaim>;
type Template = Filled<PublishedTemplate>;
type DeviceClass = Filled<PublishedClass>;
/** What both ways of asking for devices have. */
type Asked = Omit<ExactDeviceRequest, 'adminAccess'>;

const most = { requests: 32, constraints: 32, config: 32, selectors: 32, alternatives: 8, reservations: 256, expression: 10 * 1024, parameters: 10 * 1024 };

/** A list whose items have names of their own, at most so many. */
function validateSet<T>(errors: FieldError[], items: readonly T[] | undefined, path: string, size: number, keyOf: (item: T) => string, validate: (item: T, path: string) => void): void {
  if (!items) return;
  if (items.length > size) return void errors.push(tooMany(path, items.length, size));
  items.forEach((item, i) => validate(item, `${path}[${i}]`));
  const keys = items.map(keyOf);
  keys.forEach((key, i) => {
    if (keys.indexOf(key) < i) errors.push(duplicate(`${path}[${i}]`, key));
  });
}

function validateRequired(errors: FieldError[], name: string, path: string, check: (name: string) => readonly string[]): void {
  if (!name) errors.push(required(path));
  else checkName(errors, path, name, check);
}

export function validateSelectors(errors: FieldError[], selectors: readonly DeviceSelector[] | undefined, path: string): void {
  if ((selectors?.length ?? 0) > most.selectors) return void errors.push(tooMany(path, selectors!.length, most.selectors));
  selectors?.forEach(({ cel }, i) => {
    if (!cel) errors.push(required(`${path}[${i}].cel`));
    else if (Buffer.byteLength(cel.expression) > most.expression) errors.push(tooLong(`${path}[${i}].cel.expression`, most.expression));
  });
}

function validateToleration(errors: FieldError[], { key, operator, value = '', effect }: DeviceToleration, path: string): void {
  if (key) checkName(errors, `${path}.key`, key, qualifiedName);
  if (operator === 'Exists') {
    if (value) errors.push(invalid(`${path}.value`, value, 'must be empty for operator `Exists`'));
  } else if (operator === 'Equal') checkName(errors, `${path}.value`, value, labelValue);
  else if (!operator) errors.push(required(`${path}.operator`));
  else errors.push(notSupported(`${path}.operator`, operator, ['Equal', 'Exists']));
  const effects = ['NoExecute', 'NoSchedule', 'None'];
  if (effect && !effects.includes(effect)) errors.push(notSupported(`${path}.effect`, effect, effects));
}

function validateAsked(errors: FieldError[], { deviceClassName, selectors, allocationMode = '', count = 0, tolerations }: Asked, path: string): void {
  validateRequired(errors, deviceClassName, `${path}.deviceClassName`, dns1123Subdomain);
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
  if (!exactly && !firstAvailable?.length) errors.push(required(path, 'exactly one of `exactly` or `firstAvailable` is required'));
  else if (exactly && firstAvailable?.length) errors.push(invalid(path, null, 'exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set'));
  else if (exactly) validateAsked(errors, exactly, `${path}.exactly`);
  else
    validateSet(
      errors,
      firstAvailable,
      `${path}.firstAvailable`,
      most.alternatives,
      (alternative) => alternative.name,
      (alternative, at) => {
        checkName(errors, `${at}.name`, alternative.name, dns1123Label);
        validateAsked(errors, alternative, at);
      },
    );
}

const noSuchRequest = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

function validateRequestReferences(errors: FieldError[], names: readonly string[] | undefined, known: ReadonlySet<string>, path: string): void {
  validateSet(
    errors,
    names,
    path,
    most.requests,
    (name) => name,
    (name, at) => {
      const segments = name.split('/');
      if (segments.length > 2) return void errors.push(invalid(at, name, noSuchRequest));
      for (const segment of segments) checkName(errors, at, segment, dns1123Label);
      if (!known.has(name)) errors.push(invalid(at, name, noSuchRequest));
    },
  );
}

function validateAttributeName(errors: FieldError[], name: string, path: string): void {
  const [domain, id] = name.includes('/') ? [name.slice(0, name.indexOf('/')), name.slice(name.indexOf('/') + 1)] : [undefined, name];
  if (domain === '') errors.push(required(path, 'the domain must not be empty'));
  else if (domain !== undefined) checkName(errors, path, domain, dns1123Subdomain);
  if (!id) errors.push(required(path, 'the name must not be empty'));
  else if (!/^[a-zA-Z_]\w*$/.test(id)) errors.push(invalid(path, id, "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')"));
  if (domain === undefined) errors.push(invalid(path, name, 'a fully qualified name must be a domain and a name separated by a slash'));
}

function validateConstraint(errors: FieldError[], { requests, matchAttribute, distinctAttribute }: DeviceConstraint, known: ReadonlySet<string>, path: string): void {
  validateRequestReferences(errors, requests, known, `${path}.requests`);
  if (matchAttribute !== undefined) validateAttributeName(errors, matchAttribute, `${path}.matchAttribute`);
  else if (distinctAttribute !== undefined) validateAttributeName(errors, distinctAttribute, `${path}.distinctAttribute`);
  else errors.push(required(path, 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'));
}

function validateOpaque(errors: FieldError[], opaque: OpaqueDeviceConfiguration | undefined, path: string): void {
  if (!opaque) return void errors.push(required(path));
  validateDriverName(errors, opaque.driver, `${path}.driver`);
  const parameters: unknown = opaque.parameters;
  if (parameters === undefined || parameters === null) errors.push(required(`${path}.parameters`));
  else if (Buffer.byteLength(JSON.stringify(parameters)) > most.parameters) errors.push(tooLong(`${path}.parameters`, most.parameters));
  else if (typeof parameters !== 'object' || Array.isArray(parameters)) errors.push(invalid(`${path}.parameters`, '<value omitted>', 'must be a valid JSON object'));
}

const requestNames = ({ requests }: DeviceClaim): ReadonlySet<string> => new Set(requests?.flatMap(({ name, firstAvailable }) => [name, ...(firstAvailable ?? []).map((alternative) => `${name}/${alternative.name}`)]));

function validateDevices(errors: FieldError[], devices: DeviceClaim | undefined, path: string): void {
  if (!devices) return;
  const known = requestNames(devices);
  validateSet(
    errors,
    devices.requests,
    `${path}.requests`,
    most.requests,
    (request) => request.name,
    (request, at) => validateRequest(errors, request, at),
  );
  for (const [key, validate] of [
    ['constraints', (item: DeviceConstraint, at: string) => validateConstraint(errors, item, known, at)],
    [
      'config',
      (item: NonNullable<DeviceClaim['config']>[number], at: string) => {
        validateRequestReferences(errors, item.requests, known, `${at}.requests`);
        validateOpaque(errors, item.opaque, `${at}.opaque`);
      },
    ],
  ] as const) {
    const items = devices[key];
    if ((items?.length ?? 0) > most[key]) errors.push(tooMany(`${path}.${key}`, items!.length, most[key]));
    else items?.forEach((item, i) => validate(item as never, `${path}.${key}[${i}]`));
  }
}

function defaultAsked(asked: Asked): void {
  asked.allocationMode ||= 'ExactCount';
  if (asked.allocationMode === 'ExactCount') asked.count ||= 1;
}

function defaultDevices(devices: DeviceClaim | undefined): void {
  for (const { exactly, firstAvailable } of devices?.requests ?? []) for (const asked of [...(exactly ? [exactly] : []), ...(firstAvailable ?? [])]) defaultAsked(asked);
}

function validateStatusUpdate({ metadata, spec, status }: Claim, old: Claim): FieldError[] {
  const errors: FieldError[] = [];
  validateObjectMetaUpdate(errors, metadata, old.metadata);
  validateSet(
    errors,
    status.reservedFor,
    'status.reservedFor',
    most.reservations,
    (consumer) => consumer.uid,
    (consumer, at) => {
      for (const key of ['resource', 'name', 'uid'] as const) if (!consumer[key]) errors.push(required(`${at}.${key}`));
    },
  );
  if (status.reservedFor?.length) {
    const before = new Set(old.status.reservedFor?.map((consumer) => consumer.uid));
    if (!status.allocation) errors.push(forbidden('status.reservedFor', 'may not be specified when `allocated` is not set'));
    else if (metadata.deletionTimestamp && status.reservedFor.some((consumer) => !before.has(consumer.uid)))
      errors.push(forbidden('status.reservedFor', 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set'));
  }
  if (old.status.allocation && status.allocation) immutable(errors, status.allocation, old.status.allocation, 'status.allocation', 'resource/v1.AllocationResult');
  else if (status.allocation) {
    const known = requestNames(spec.devices ?? {});
    status.allocation.devices?.results?.forEach(({ request, driver, pool, device }, i) => {
      const path = `status.allocation.devices.results[${i}]`;
      for (const segment of request.split('/')) checkName(errors, `${path}.request`, segment, dns1123Label);
      if (!known.has(request)) errors.push(invalid(`${path}.request`, request, noSuchRequest));
      validateDriverName(errors, driver, `${path}.driver`);
      if (!pool) errors.push(required(`${path}.pool`));
      else for (const part of pool.split('/')) checkName(errors, `${path}.pool`, part, dns1123Subdomain);
      checkName(errors, `${path}.device`, device, dns1123Label);
    });
    if (status.allocation.nodeSelector) validateNodeSelector(errors, status.allocation.nodeSelector, 'status.allocation.nodeSelector');
  }
  return errors;
}

const namespaced = { name: nameIsDnsSubdomain, namespaced: true };

const claimStrategy: Strategy<Claim> = {
  defaults: ({ spec }) => defaultDevices(spec.devices),
  ...withMeta<Claim>(namespaced, (errors, { spec }, old) => {
    if (old) immutable(errors, spec, old.spec, 'spec', 'resource/v1.ResourceClaimSpec');
    else validateDevices(errors, spec.devices, 'spec.devices');
  }),
  validateStatusUpdate,
};

const templateStrategy: Strategy<Template> = {
  defaults: ({ spec }) => defaultDevices(spec.spec?.devices),
  ...withMeta<Template>(namespaced, (errors, { spec }, old) => {
    errors.push(...validateLabels(spec.metadata?.labels, 'spec.metadata.labels'));
    errors.push(...validateAnnotations(spec.metadata?.annotations, 'spec.metadata.annotations'));
    validateDevices(errors, spec.spec?.devices, 'spec.spec.devices');
    if (old) immutable(errors, spec, old.spec, 'spec', 'resource/v1.ResourceClaimTemplateSpec');
  }),
};

const classStrategy: Strategy<DeviceClass> = {
  generation: true,
  ...withMeta<DeviceClass>({ name: nameIsDnsSubdomain, namespaced: false }, (errors, { spec }) => {
    validateSelectors(errors, spec.selectors, 'spec.selectors');
    if ((spec.config?.length ?? 0) > most.config) errors.push(tooMany('spec.config', spec.config!.length, most.config));
    else spec.config?.forEach(({ opaque }, i) => validateOpaque(errors, opaque, `spec.config[${i}].opaque`));
  }),
};

export const resourceClaims = defineResource<any>(claimType, { strategy: claimStrategy });
export const resourceClaimTemplates = defineResource<any>(templateType, { strategy: templateStrategy });
export const deviceClasses = defineResource<any>(classType, { strategy: classStrategy });
