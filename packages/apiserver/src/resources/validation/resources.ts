/** Names and amounts of compute resources, and the requests and limits made of them. */
import { compareQuantities, dns1123Label, duplicate, type FieldError, forbidden, goQuote, invalid, milliValue, notFound, qualifiedName, quantityValue, required, signOfQuantity } from '@pilothouse/apimachinery';
import type { ResourceRequirements } from '@pilothouse/api-schemas/types/core/v1';
import { checkName } from './check-name.ts';

export type ResourceAmounts = Record<string, string>;

const standardContainer = new Set(['cpu', 'memory', 'ephemeral-storage']);
const integerResources = new Set(['pods', 'resourcequotas', 'services', 'replicationcontrollers', 'secrets', 'configmaps', 'persistentvolumeclaims', 'services.nodeports', 'services.loadbalancers']);
const standardQuota = new Set([
  ...['cpu', 'memory', 'ephemeral-storage', 'requests.cpu', 'requests.memory', 'requests.storage', 'requests.ephemeral-storage', 'limits.cpu', 'limits.memory', 'limits.ephemeral-storage'],
  ...integerResources,
]);
const standard = new Set([
  ...['cpu', 'memory', 'ephemeral-storage', 'requests.cpu', 'requests.memory', 'requests.ephemeral-storage', 'limits.cpu', 'limits.memory', 'limits.ephemeral-storage', 'storage', 'requests.storage'],
  ...integerResources,
]);

export const isHugePage = (name: string): boolean => name.startsWith('hugepages-');
const isQuotaHugePage = (name: string): boolean => isHugePage(name) || name.startsWith('requests.hugepages-');
/** In the kubernetes.io namespace, where names without a prefix live. */
export const isNativeResource = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');
export const isExtendedResource = (name: string): boolean => !isNativeResource(name) && !name.startsWith('requests.') && qualifiedName(`requests.${name}`).length === 0;
export const isOvercommitAllowed = (name: string): boolean => isNativeResource(name) && !isHugePage(name);
export const isIntegerResource = (name: string): boolean => integerResources.has(name) || isExtendedResource(name);
const isPodLevelResource = (name: string): boolean => name === 'cpu' || name === 'memory' || isHugePage(name);

export type ResourceNameRule = (errors: FieldError[], name: string, path: string) => void;

export const validateResourceName: ResourceNameRule = (errors, name, path) => {
  const before = errors.length;
  checkName(errors, path, name, qualifiedName);
  if (errors.length === before && !name.includes('/') && !standard.has(name) && !isQuotaHugePage(name)) errors.push(invalid(path, name, 'must be a standard resource type or fully qualified'));
};

export const validateContainerResourceName: ResourceNameRule = (errors, name, path) => {
  validateResourceName(errors, name, path);
  if (!name.includes('/')) {
    if (!standardContainer.has(name) && !isHugePage(name)) errors.push(invalid(path, name, 'must be a standard resource for containers'));
  } else if (!isNativeResource(name) && !isExtendedResource(name)) errors.push(invalid(path, name, "doesn't follow extended resource name standard"));
};

export const validatePodResourceName: ResourceNameRule = (errors, name, path) => {
  const before = errors.length;
  validateResourceName(errors, name, path);
  if (errors.length === before && !isPodLevelResource(name))
    errors.push({ reason: 'FieldValueNotSupported', field: path, message: `Unsupported value: ${goQuote(name)}: supported values: "cpu", "hugepages-", "memory"` });
};

export const validateQuotaResourceName: ResourceNameRule = (errors, name, path) => {
  validateResourceName(errors, name, path);
  if (!name.includes('/') && !standardQuota.has(name) && !isQuotaHugePage(name)) errors.push(invalid(path, name, 'must be a standard resource for quota'));
};

export function validateNonnegativeQuantity(errors: FieldError[], amount: string, path: string): void {
  if (signOfQuantity(amount) < 0) errors.push(invalid(path, amount, 'must be greater than or equal to 0'));
}

export function validatePositiveQuantity(errors: FieldError[], amount: string, path: string): void {
  if (signOfQuantity(amount) <= 0) errors.push(invalid(path, amount, 'must be greater than zero'));
}

/** Not negative, and whole where the resource is counted. */
export function validateAmount(errors: FieldError[], name: string, amount: string, path: string): void {
  validateNonnegativeQuantity(errors, amount, path);
  if (isIntegerResource(name) && milliValue(amount) % 1000 !== 0) errors.push(invalid(path, amount, 'must be an integer'));
}

function validateHugePageAmount(errors: FieldError[], name: string, amount: string, path: string): void {
  let pageBytes = 0;
  try {
    pageBytes = quantityValue(name.slice('hugepages-'.length));
  } catch {
    // Not a size: nothing is a multiple of it.
  }
  if (pageBytes <= 0 || quantityValue(amount) % pageBytes !== 0) errors.push(invalid(path, amount, `${amount} is not positive integer multiple of ${name}`));
}

/** Requests and limits of a container, or of a pod where the rule for names says so. */
export function validateRequirements(errors: FieldError[], requirements: ResourceRequirements, path: string, options: { name?: ResourceNameRule; claimNames?: ReadonlySet<string> } = {}): void {
  const nameRule = options.name ?? validateContainerResourceName;
  const limits = (requirements.limits ?? {}) as ResourceAmounts;
  const requests = (requirements.requests ?? {}) as ResourceAmounts;
  let hugePages = false;
  let compute = false;
  const checkOne = (name: string, amount: string, at: string) => {
    nameRule(errors, name, at);
    validateAmount(errors, name, amount, at);
  };
  const note = (name: string, amount: string, at: string) => {
    if (isHugePage(name)) {
      hugePages = true;
      validateHugePageAmount(errors, name, amount, at);
    }
    if (name === 'cpu' || name === 'memory') compute = true;
  };
  for (const name in limits) {
    checkOne(name, limits[name], `${path}.limits[${name}]`);
    note(name, limits[name], `${path}.limits[${name}]`);
  }
  for (const name in requests) {
    const at = `${path}.requests[${name}]`;
    const amount = requests[name];
    checkOne(name, amount, at);
    if (Object.hasOwn(limits, name)) {
      const order = compareQuantities(amount, limits[name]);
      if (order !== 0 && !isOvercommitAllowed(name)) errors.push(invalid(`${path}.requests`, amount, `must be equal to ${name} limit of ${limits[name]}`));
      else if (order > 0) errors.push(invalid(`${path}.requests`, amount, `must be less than or equal to ${name} limit of ${limits[name]}`));
    } else if (!isOvercommitAllowed(name)) errors.push(required(`${path}.limits`, 'Limit must be set for non overcommitable resources'));
    note(name, amount, at);
  }
  if (!compute && hugePages) errors.push(forbidden(path, 'HugePages require cpu or memory'));
  if (requirements.claims) validateClaims(errors, requirements.claims, options.claimNames ?? new Set(), `${path}.claims`);
}

function validateClaims(errors: FieldError[], claims: readonly { name: string; request?: string }[], claimNames: ReadonlySet<string>, path: string): void {
  const seen = new Set<string>();
  claims.forEach(({ name, request }, i) => {
    const at = `${path}[${i}]`;
    if (!name) {
      errors.push(required(at));
      return;
    }
    if (seen.has(name)) errors.push(duplicate(at, name));
    else {
      if (request) checkName(errors, `${at}.request`, request, dns1123Label);
      const key = request ? `${name}/${request}` : name;
      if (seen.has(key)) errors.push(duplicate(at, key));
      else if (!request) for (const other of seen) if (other.startsWith(`${name}/`)) errors.push(duplicate(at, name));
      seen.add(key);
    }
    if (!claimNames.has(name)) {
      const finding = notFound(at, name);
      const names = [...claimNames].sort();
      errors.push({ ...finding, message: `${finding.message}: must be one of the names in pod.spec.resourceClaims${names.length ? `: ${names.join(', ')}` : ' which is empty'}` });
    }
  });
}
