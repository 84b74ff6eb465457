import { configMapKey, dns1123Label, dns1123Subdomain, type FieldError, invalid, isZeroQuantity, notSupported, qualifiedName, relaxedEnvVarName, required } from '@pilothouse/apimachinery';
import type { EnvFromSource, EnvVar, ObjectFieldSelector, ResourceFieldSelector } from '@pilothouse/api-schemas/types/core/v1';
import { checkName } from './check-name.ts';
import { validateNoBacksteps } from './paths.ts';

const envFieldPaths = ['metadata.name', 'metadata.namespace', 'metadata.uid', 'spec.nodeName', 'spec.serviceAccountName', 'status.hostIP', 'status.hostIPs', 'status.podIP', 'status.podIPs'];
const resourcePaths = ['limits.cpu', 'limits.ephemeral-storage', 'limits.memory', 'requests.cpu', 'requests.ephemeral-storage', 'requests.memory'];
/** Field labels that `fieldRef` knows; which of them a place allows is said there. */
const podFieldLabels = new Set(['metadata.annotations', 'metadata.labels', ...envFieldPaths, 'spec.restartPolicy', 'spec.schedulerName', 'status.phase']);

export function validateEnv(errors: FieldError[], env: readonly EnvVar[] | undefined, path: string): void {
  env?.forEach((variable, i) => {
    const at = `${path}[${i}]`;
    if (!variable.name) errors.push(required(`${at}.name`));
    else checkName(errors, `${at}.name`, variable.name, relaxedEnvVarName);
    if (variable.valueFrom) validateSource(errors, variable, `${at}.valueFrom`);
  });
}

function validateSource(errors: FieldError[], variable: EnvVar, path: string): void {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = variable.valueFrom!;
  let sources = 0;
  if (fieldRef) {
    sources++;
    validateFieldRef(errors, fieldRef, envFieldPaths, `${path}.fieldRef`);
  }
  if (resourceFieldRef) {
    sources++;
    validateResourceFieldRef(errors, resourceFieldRef, `${path}.resourceFieldRef`, false);
  }
  for (const [ref, key] of [[configMapKeyRef, 'configMapKeyRef'], [secretKeyRef, 'secretKeyRef']] as const) {
    if (!ref) continue;
    sources++;
    checkName(errors, `${path}.${key}.name`, ref.name ?? '', dns1123Subdomain);
    if (!ref.key) errors.push(required(`${path}.${key}.key`));
    else checkName(errors, `${path}.${key}.key`, ref.key, configMapKey);
  }
  if (fileKeyRef) {
    sources++;
    const at = `${path}.fileKeyRef`;
    if (!fileKeyRef.key) errors.push(required(`${at}.key`));
    else checkName(errors, `${at}.key`, fileKeyRef.key, relaxedEnvVarName);
    if (!fileKeyRef.volumeName) errors.push(required(`${at}.volumeName`));
    else checkName(errors, `${at}.volumeName`, fileKeyRef.volumeName, dns1123Label);
    if (!fileKeyRef.path) errors.push(required(`${at}.path`));
    else validateNoBacksteps(errors, fileKeyRef.path, `${at}.path`);
  }
  if (sources === 0) errors.push(invalid(path, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`'));
  else if (variable.value) errors.push(invalid(path, '', 'may not be specified when `value` is not empty'));
  else if (sources > 1) errors.push(invalid(path, '', 'may not have more than one field specified at a time'));
}

export function validateFieldRef(errors: FieldError[], ref: ObjectFieldSelector, allowed: readonly string[], path: string): void {
  if (!ref.apiVersion) {
    errors.push(required(`${path}.apiVersion`));
    return;
  }
  if (!ref.fieldPath) {
    errors.push(required(`${path}.fieldPath`));
    return;
  }
  const bad = (why: string) => errors.push(invalid(`${path}.fieldPath`, ref.fieldPath, `error converting fieldPath: ${why}`));
  if (ref.apiVersion !== 'v1') {
    bad(`unsupported pod version: ${ref.apiVersion}`);
    return;
  }
  const subscripted = /^(.+?)\['(.*)'\]$/.exec(ref.fieldPath);
  if (subscripted) {
    const [, field, key] = subscripted;
    if (field === 'metadata.annotations') checkName(errors, path, key.toLowerCase(), qualifiedName);
    else if (field === 'metadata.labels') checkName(errors, path, key, qualifiedName);
    else bad(`field label does not support subscript: ${ref.fieldPath}`);
    return;
  }
  const label = ref.fieldPath === 'spec.host' ? 'spec.nodeName' : ref.fieldPath;
  if (!podFieldLabels.has(label)) bad(`field label not supported: ${label}`);
  else if (!allowed.includes(label)) errors.push(notSupported(`${path}.fieldPath`, label, [...allowed].sort()));
}

const sizeDivisors = new Set(['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei']);
const sizeDivisorList = '1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei';

/** `volume`: the container must be named, since a volume belongs to none. */
export function validateResourceFieldRef(errors: FieldError[], ref: ResourceFieldSelector, path: string, volume: boolean): void {
  const isHugePages = /^(limits|requests)\.hugepages-/.test(ref.resource);
  if (volume && !ref.containerName) errors.push(required(`${path}.containerName`));
  else if (!ref.resource) errors.push(required(`${path}.resource`));
  else if (!resourcePaths.includes(ref.resource) && !isHugePages) errors.push(notSupported(`${path}.resource`, ref.resource, resourcePaths));
  const divisor = ref.divisor ?? '0';
  if (isZeroQuantity(divisor)) return;
  const bad = (detail: string) => errors.push(invalid(`${path}.divisor`, ref.resource, detail));
  if (/^(limits|requests)\.cpu$/.test(ref.resource)) {
    if (divisor !== '1m' && divisor !== '1') bad("only divisor's values 1m and 1 are supported with the cpu resource");
  } else if (!sizeDivisors.has(divisor)) {
    const what = /\.memory$/.test(ref.resource) ? 'memory' : /\.ephemeral-storage$/.test(ref.resource) ? 'local ephemeral storage' : isHugePages ? 'hugepages' : '';
    if (what) bad(`only divisor's values ${sizeDivisorList} are supported with the ${what} resource`);
  }
}

export function validateEnvFrom(errors: FieldError[], sources: readonly EnvFromSource[] | undefined, path: string): void {
  sources?.forEach((source, i) => {
    const at = `${path}[${i}]`;
    if (source.prefix) checkName(errors, `${at}.prefix`, source.prefix, relaxedEnvVarName);
    let count = 0;
    for (const key of ['configMapRef', 'secretRef'] as const) {
      const ref = source[key];
      if (!ref) continue;
      count++;
      if (!ref.name) errors.push(required(`${at}.${key}.name`));
      else checkName(errors, `${at}.${key}.name`, ref.name, dns1123Subdomain);
    }
    if (count === 0) errors.push(invalid(path, '', 'must specify one of: `configMapRef` or `secretRef`'));
    else if (count > 1) errors.push(invalid(path, '', 'may not have more than one field specified at a time'));
  });
}
