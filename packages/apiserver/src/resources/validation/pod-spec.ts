/** The rules for a pod's spec, in pods and in templates of pods. */
import { addQuantities, compareQuantities, dns1123Label, dns1123Subdomain, dns1123SubdomainWithUnderscore, duplicate, type FieldError, forbidden, formatQuantity, invalid, notFound, notSupported, parseQuantity, qualifiedName, type Quantity, rangeText, required, tooLong, validateIpForLegacyField, validateLabels, unnamedPath } from '@pilothouse/apimachinery';
import type { Container, PodDNSConfig, PodSpec } from '@pilothouse/api-schemas/types/core/v1';
import type { ObjectMeta } from '@pilothouse/api-schemas/types/meta/v1';
import { validateContainers, validateEphemeralContainers, validateInitContainers, type ContainerContext } from './containers.ts';
import { checkName } from './check-name.ts';
import { internalForm } from './internal-form.ts';
import { isHugePage, validatePodResourceName, validateRequirements } from './resources.ts';
import { validateAffinity, validateTolerations, validateTopologySpread } from './scheduling.ts';
import { validateHostProcess, validateOs, validatePodSecurityContext } from './security-context.ts';
import { validateVolumes } from './volumes.ts';

export interface PodSpecOptions {
  /** The pod's own metadata; absent for templates. */
  meta?: ObjectMeta;
  isPod: boolean;
  /** What is stored, on updates: what it has already may stay, though a new object could not have it. */
  old?: PodSpec | undefined;
}

/** Init containers, containers, ephemeral containers, each with its path. */
export function containersWithPaths(spec: PodSpec, path: string): (Container & { path: string })[] {
  return (['initContainers', 'containers', 'ephemeralContainers'] as const).flatMap((list) => (spec[list] ?? []).map((container, i) => ({ ...(container as Container), path: `${path}.${list}[${i}]` })));
}

export function validatePodSpec(errors: FieldError[], spec: PodSpec, path: string, options: PodSpecOptions): void {
  if (spec.terminationGracePeriodSeconds === undefined) errors.push(required(`${path}.terminationGracePeriodSeconds`));
  const volumes = validateVolumes(errors, spec.volumes, `${path}.volumes`, { podName: options.meta?.name, isPod: options.isPod });
  const claimNames = new Set((spec.resourceClaims ?? []).map((c) => c.name).filter(Boolean));
  validateResourceClaims(errors, spec, options.meta, `${path}.resourceClaims`);
  const context: ContainerContext = { spec, volumes, claimNames, hostUsers: spec.hostUsers !== false };
  validateContainers(errors, `${path}.containers`, context);
  validateInitContainers(errors, `${path}.initContainers`, context);
  validateEphemeralContainers(errors, `${path}.ephemeralContainers`, context);
  validatePodResources(errors, spec, claimNames, `${path}.resources`);
  validateHostNetworkPorts(errors, spec, path, options.isPod);
  validateChoice(errors, spec.restartPolicy, ['Always', 'OnFailure', 'Never'], `${path}.restartPolicy`);
  validateChoice(errors, spec.dnsPolicy, ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'], `${path}.dnsPolicy`);
  errors.push(...validateLabels(spec.nodeSelector, `${path}.nodeSelector`));
  validatePodSecurityContext(errors, spec, `${path}.securityContext`, options.old);
  validateAffinity(errors, spec.affinity, `${path}.affinity`);
  validateDnsConfig(errors, spec.dnsConfig, spec.dnsPolicy, `${path}.dnsConfig`);
  spec.readinessGates?.forEach((gate, i) => checkName(errors, `${path}.readinessGates[${i}].conditionType`, gate.conditionType, qualifiedName));
  validateSchedulingGates(errors, spec, `${path}.schedulingGates`);
  validateTopologySpread(errors, spec.topologySpreadConstraints, `${path}.topologySpreadConstraints`);
  if (needsContainerWalk(spec)) {
    const containers = containersWithPaths(spec, path);
    validateHostProcess(errors, spec, path, containers);
    validateHostUsers(errors, spec, path, containers);
    validateFileKeyVolumes(errors, spec, containers);
  }
  validateHostnames(errors, spec, path);
  validateNames(errors, spec, path);
  if (!spec.os) return;
  if (!spec.os.name) errors.push(required(`${path}.os.name`, 'cannot be empty'));
  else if (spec.os.name !== 'linux' && spec.os.name !== 'windows') errors.push(notSupported(`${path}.os`, spec.os.name, ['linux', 'windows']));
  else validateOs(errors, spec, path, containersWithPaths(spec, path));
}

/** Most pods have none of what needs all containers looked at again. */
const needsContainerWalk = (spec: PodSpec): boolean =>
  spec.hostUsers === false ||
  spec.securityContext?.windowsOptions !== undefined ||
  (['containers', 'initContainers', 'ephemeralContainers'] as const).some((list) => (spec[list] as Container[] | undefined)?.some((c) => c.securityContext?.windowsOptions || c.env?.some((e) => e.valueFrom?.fileKeyRef)));

function validateChoice(errors: FieldError[], value: string | undefined, choices: readonly string[], path: string): void {
  if (!value) errors.push(required(path));
  else if (!choices.includes(value)) errors.push(notSupported(path, value, choices));
}

function validateNames(errors: FieldError[], spec: PodSpec, path: string): void {
  if (spec.serviceAccountName) checkName(errors, `${path}.serviceAccountName`, spec.serviceAccountName, dns1123Subdomain);
  if (spec.nodeName) checkName(errors, `${path}.nodeName`, spec.nodeName, dns1123Subdomain);
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > 2147483647)) errors.push(invalid(`${path}.activeDeadlineSeconds`, deadline, rangeText(1, 2147483647)));
  if (spec.hostname) checkName(errors, `${path}.hostname`, spec.hostname, dns1123Label);
  if (spec.subdomain) checkName(errors, `${path}.subdomain`, spec.subdomain, dns1123Label);
  validateTolerations(errors, spec.tolerations, `${path}.tolerations`);
  spec.hostAliases?.forEach((alias, i) => {
    errors.push(...validateIpForLegacyField(alias.ip, `${path}.hostAliases[${i}].ip`));
    alias.hostnames?.forEach((name, j) => checkName(errors, `${path}.hostAliases[${i}].hostnames[${j}]`, name, dns1123Subdomain));
  });
  if (spec.priorityClassName) checkName(errors, `${path}.priorityClassName`, spec.priorityClassName, dns1123Subdomain);
  if (spec.runtimeClassName !== undefined) checkName(errors, `${path}.runtimeClassName`, spec.runtimeClassName, dns1123Subdomain);
  if (spec.preemptionPolicy !== undefined) validateChoice(errors, spec.preemptionPolicy, ['PreemptLowerPriority', 'Never'], `${path}.preemptionPolicy`);
  if (spec.overhead) validateRequirements(errors, { limits: spec.overhead }, `${path}.overhead`);
}

function validateResourceClaims(errors: FieldError[], spec: PodSpec, meta: ObjectMeta | undefined, path: string): void {
  const names = new Set<string>();
  spec.resourceClaims?.forEach((claim, i) => {
    if (meta?.annotations?.['kubernetes.io/config.mirror'] !== undefined) {
      errors.push(forbidden(unnamedPath, 'static pods do not support resource claims'));
      return;
    }
    const at = `${path}[${i}]`;
    if (!claim.name) errors.push(required(`${at}.name`));
    else if (names.has(claim.name)) errors.push(duplicate(`${at}.name`, claim.name));
    else {
      checkName(errors, `${at}.name`, claim.name, dns1123Label);
      names.add(claim.name);
    }
    const { resourceClaimName, resourceClaimTemplateName } = claim;
    if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined) errors.push(invalid(at, internalForm('core/v1.PodResourceClaim', claim), 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified'));
    if (resourceClaimName === undefined && resourceClaimTemplateName === undefined) errors.push(invalid(at, internalForm('core/v1.PodResourceClaim', claim), 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`'));
    if (resourceClaimName !== undefined) checkName(errors, `${at}.resourceClaimName`, resourceClaimName, dns1123Subdomain);
    if (resourceClaimTemplateName !== undefined) checkName(errors, `${at}.resourceClaimTemplateName`, resourceClaimTemplateName, dns1123Subdomain);
  });
}

/** Sums over all containers, sidecars included: what a pod's own requests must cover. */
function sumOf(spec: PodSpec, kind: 'requests' | 'limits'): Record<string, Quantity> {
  const total: Record<string, Quantity> = {};
  const add = (amounts: Record<string, string> | undefined, into: Record<string, Quantity>) => {
    for (const name in amounts) into[name] = name in into ? addQuantities(into[name], amounts[name]) : parseQuantity(amounts[name]);
  };
  for (const container of spec.containers ?? []) add(container.resources?.[kind], total);
  const sidecars: Record<string, Quantity> = {};
  const needed: Record<string, Quantity> = {};
  for (const container of spec.initContainers ?? []) {
    const own: Record<string, Quantity> = {};
    if (container.restartPolicy === 'Always') {
      add(container.resources?.[kind], total);
      add(container.resources?.[kind], sidecars);
      Object.assign(own, sidecars);
    } else {
      Object.assign(own, sidecars);
      add(container.resources?.[kind], own);
    }
    for (const name in own) if (!(name in needed) || compareQuantities(own[name], needed[name]) > 0) needed[name] = own[name];
  }
  for (const name in needed) if (!(name in total) || compareQuantities(needed[name], total[name]) > 0) total[name] = needed[name];
  return total;
}

export { sumOf as aggregateContainerResources };

function validatePodResources(errors: FieldError[], spec: PodSpec, claimNames: ReadonlySet<string>, path: string): void {
  const own = spec.resources;
  if (!own) return;
  if (spec.os?.name === 'windows') {
    errors.push(forbidden(path, 'may not be set for a windows pod'));
    return;
  }
  if (own.claims) errors.push(forbidden(`${path}.claims`, 'claims may not be set for Resources at pod-level'));
  validateRequirements(errors, own, path, { name: validatePodResourceName, claimNames });
  const requests = sumOf(spec, 'requests');
  for (const name in requests) {
    const amount = own.requests?.[name];
    if (amount !== undefined && compareQuantities(requests[name], amount) > 0) errors.push(invalid(`${path}.requests[${name}]`, amount, `must be greater than or equal to aggregate container requests of ${formatQuantity(requests[name])}`));
  }
  const limits = sumOf(spec, 'limits');
  for (const name in limits) {
    const amount = own.limits?.[name];
    if (isHugePage(name) && amount !== undefined && compareQuantities(limits[name], amount) > 0) errors.push(invalid(`${path}.limits[${name}]`, amount, `must be greater than or equal to aggregate container limits of ${formatQuantity(limits[name])}`));
  }
  spec.containers.forEach((container, i) => {
    for (const [name, limit] of Object.entries(container.resources?.limits ?? {})) {
      const amount = own.limits?.[name];
      if (amount !== undefined && compareQuantities(limit, amount) > 0) errors.push(invalid(`${path}.containers[${i}][${name}].limits`, limit, `must be less than or equal to pod limits of ${amount}`));
    }
  });
}

function validateHostNetworkPorts(errors: FieldError[], spec: PodSpec, path: string, isPod: boolean): void {
  if (!spec.hostNetwork) return;
  spec.containers?.forEach((container, i) => {
    container.ports?.forEach(({ hostPort = 0, containerPort }, j) => {
      if ((isPod || hostPort !== 0) && hostPort !== containerPort) errors.push(invalid(`${path}.containers[${i}].ports[${j}].hostPort`, hostPort, 'must match `containerPort` when `hostNetwork` is true'));
    });
  });
}

function validateDnsConfig(errors: FieldError[], config: PodDNSConfig | undefined, policy: string | undefined, path: string): void {
  if (policy === 'None') {
    if (!config) {
      errors.push(required(path, 'must provide `dnsConfig` when `dnsPolicy` is None'));
      return;
    }
    if (!config.nameservers?.length) {
      errors.push(required(`${path}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None'));
      return;
    }
  }
  if (!config) return;
  const { nameservers = [], searches = [], options = [] } = config;
  if (nameservers.length > 3) errors.push(invalid(`${path}.nameservers`, nameservers, 'must not have more than 3 nameservers'));
  nameservers.forEach((server, i) => errors.push(...validateIpForLegacyField(server, `${path}.nameservers[${i}]`)));
  if (searches.length > 32) errors.push(invalid(`${path}.searches`, searches, 'must not have more than 32 search paths'));
  if (searches.join(' ').length > 2048) errors.push(invalid(`${path}.searches`, searches, 'must not have more than 2048 characters (including spaces) in the search list'));
  searches.forEach((search, i) => {
    if (search !== '.') checkName(errors, `${path}.searches[${i}]`, search.replace(/\.$/, ''), dns1123SubdomainWithUnderscore);
  });
  options.forEach((option, i) => {
    if (!option.name) errors.push(required(`${path}.options[${i}]`, 'must not be empty'));
  });
}

function validateSchedulingGates(errors: FieldError[], spec: PodSpec, path: string): void {
  const seen = new Set<string>();
  spec.schedulingGates?.forEach(({ name }, i) => {
    checkName(errors, `${path}[${i}]`, name, qualifiedName);
    if (seen.has(name)) errors.push(duplicate(`${path}[${i}]`, name));
    seen.add(name);
  });
}

function validateHostUsers(errors: FieldError[], spec: PodSpec, path: string, containers: readonly (Container & { path: string })[]): void {
  if (spec.hostUsers !== false) return;
  const why = 'when `hostUsers` is false';
  if (spec.hostNetwork) errors.push(forbidden(`${path}.hostNetwork`, why));
  if (spec.hostPID) errors.push(forbidden(`${path}.HostPID`, why));
  if (spec.hostIPC) errors.push(forbidden(`${path}.HostIPC`, why));
  for (const container of containers) if (container.volumeDevices?.length) errors.push(forbidden(`${container.path}.volumeDevices`, why));
}

function validateHostnames(errors: FieldError[], spec: PodSpec, path: string): void {
  const name = spec.hostnameOverride;
  if (name === undefined) return;
  const at = `${path}.hostnameOverride`;
  if (spec.setHostnameAsFQDN) errors.push(forbidden(at, 'may not be specified when setHostnameAsFQDN is true'));
  if (spec.hostNetwork) errors.push(forbidden(at, 'may not be specified when hostNetwork is true'));
  if (name.length > 64) errors.push(tooLong(at, 64));
  checkName(errors, at, name, dns1123Subdomain);
}

function validateFileKeyVolumes(errors: FieldError[], spec: PodSpec, containers: readonly (Container & { path: string })[]): void {
  const volumes = new Map((spec.volumes ?? []).map((v) => [v.name, v]));
  for (const container of containers) {
    container.env?.forEach((variable, i) => {
      const name = variable.valueFrom?.fileKeyRef?.volumeName;
      if (name === undefined) return;
      const at = `${container.path}.env[${i}].valueFrom.fileKeyRef.volumeName`;
      if (!volumes.has(name)) errors.push(notFound(at, name));
      else if (!volumes.get(name)!.emptyDir) errors.push(invalid(at, name, 'referenced volume must be of type emptyDir'));
    });
  }
}
