/** The rules for a write of a pod's status. */
import { dns1123Label, dns1123Subdomain, duplicate, type FieldError, forbidden, invalid, isDualStackPair, notSupported, qualifiedName, required, tooLong, userId, validateIpForLegacyField } from '@pilothouse/apimachinery';
import type { Container, ContainerStatus, Pod as PublishedPod, PodSpec } from '@pilothouse/api-schemas/types/core/v1';
import type { Filled } from '../filled.ts';
import { checkName } from './check-name.ts';
import { immutable, validateObjectMetaUpdate } from './object-meta.ts';
import { validateAnnotationUpdate, validatePodAnnotations } from './pod-annotations.ts';

type Pod = Filled<PublishedPod>;
const systemConditions = new Set(['PodScheduled', 'Ready', 'Initialized']);
const nonNegative = 'must be a non-negative integer';

export function validatePodStatusUpdate(pod: Pod, old: Pod): FieldError[] {
  const errors: FieldError[] = [];
  const { status, spec } = pod;
  validateObjectMetaUpdate(errors, pod.metadata, old.metadata);
  validateAnnotationUpdate(errors, pod.metadata, old.metadata, 'metadata.annotations');
  validatePodAnnotations(errors, pod.metadata.annotations, spec, 'metadata.annotations', old.metadata.annotations);
  status.conditions?.forEach((condition, i) => {
    if ((condition.observedGeneration ?? 0) < 0) errors.push(invalid(`status.conditions[${i}].observedGeneration`, condition.observedGeneration, nonNegative));
    if (!systemConditions.has(condition.type)) checkName(errors, `status.conditions[${i}].Type`, condition.type, qualifiedName);
  });
  if (spec.nodeName !== old.spec.nodeName) errors.push(forbidden('status.nodeName', 'may not be changed directly'));
  const nominated = status.nominatedNodeName;
  if (nominated && nominated !== old.status.nominatedNodeName) {
    checkName(errors, 'status.nominatedNodeName', nominated, dns1123Subdomain);
    if (old.spec.nodeName) errors.push(forbidden('status.nominatedNodeName', 'may not be set on pods that are already bound to a node'));
  }
  if ((status.observedGeneration ?? 0) < 0) errors.push(invalid('status.observedGeneration', status.observedGeneration, nonNegative));
  immutable(errors, status.qosClass ?? '', old.status.qosClass ?? '', 'status.qosClass');
  validateTransitions(errors, status.containerStatuses, old.status.containerStatuses, 'status.containerStatuses', (name, code) => mayRestart(old.spec.containers, old.spec, name, code), old.spec);
  validateTransitions(errors, status.initContainerStatuses, old.status.initContainerStatuses, 'status.initContainerStatuses', (name, code) => mayRestart(old.spec.initContainers, old.spec, name, code), old.spec);
  validateTransitions(errors, status.ephemeralContainerStatuses, old.status.ephemeralContainerStatuses, 'status.ephemeralContainerStatuses', () => false, undefined);
  validateClaimStatuses(errors, pod);
  validateIps(errors, 'status.podIPs', status.podIPs, old.status.podIPs);
  if (status.hostIPs?.length) {
    if (status.hostIP !== status.hostIPs[0].ip) errors.push(invalid('status.hostIPs[0].ip', status.hostIPs[0].ip, 'must be equal to `hostIP`'));
    validateIps(errors, 'status.hostIPs', status.hostIPs, old.status.hostIPs);
  }
  for (const list of ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const) validateUsers(errors, status[list], `status.${list}`, spec);
  validateAllocated(errors, status.containerStatuses, 'status.containerStatuses', spec.containers);
  validateAllocated(errors, status.initContainerStatuses, 'status.initContainerStatuses', spec.initContainers ?? []);
  status.ephemeralContainerStatuses?.forEach((s, i) => {
    if (s.allocatedResourcesStatus?.length) errors.push(forbidden(`status.ephemeralContainerStatuses[${i}].allocatedResourcesStatus`, 'must not be specified in container status'));
  });
  return errors;
}

/** Whether a container that ended with the code is started anew. */
function mayRestart(containers: readonly Container[] | undefined, spec: PodSpec, name: string, exitCode: number): boolean {
  const container = containers?.find((c) => c.name === name);
  if (!container) return false;
  const rules = container.restartPolicy === undefined ? [] : (container.restartPolicyRules ?? []);
  const matching = rules.some(({ exitCodes }) => exitCodes && (exitCodes.operator === 'In') === (exitCodes.values ?? []).includes(exitCode));
  if (matching) return true;
  const policy = container.restartPolicy ?? spec.restartPolicy;
  return policy === 'OnFailure' ? exitCode !== 0 : policy !== 'Never';
}

/** `spec` undefined: no rule of the spec can bring the container back. */
function validateTransitions(errors: FieldError[], now: readonly ContainerStatus[] | undefined, before: readonly ContainerStatus[] | undefined, path: string, restarts: (name: string, exitCode: number) => boolean, spec: PodSpec | undefined): void {
  const all = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  if (all.some((c) => c.restartPolicyRules?.some((rule) => rule.action === 'RestartAllContainers'))) return;
  before?.forEach((old, i) => {
    const ended = old.state?.terminated;
    if (!ended) return;
    const current = now?.find((s) => s.name === old.name && !s.state?.terminated);
    if (current && !restarts(old.name, ended.exitCode)) errors.push(forbidden(`${path}[${i}].state`, 'may not be transitioned to non-terminated state'));
  });
}

function validateIps(errors: FieldError[], path: string, now: readonly { ip: string }[] | undefined, before: readonly { ip: string }[] | undefined): void {
  const old = (before ?? []).map(({ ip }) => ip);
  const ips = (now ?? []).map(({ ip }) => ip);
  ips.forEach((ip, i) => errors.push(...validateIpForLegacyField(ip, `${path}[${i}]`, { old })));
  if (ips.length > 1 && !isDualStackPair(ips)) errors.push(invalid(path, now, 'may specify no more than one IP for each IP family'));
}

function validateClaimStatuses(errors: FieldError[], { spec, status }: Pod): void {
  const names = new Set<string>();
  status.resourceClaimStatuses?.forEach((claim, i) => {
    const at = `status.resourceClaimStatuses[${i}]`;
    if (!spec.resourceClaims?.some((c) => c.name === claim.name)) errors.push(invalid(`${at}.name`, claim.name, 'must match the name of an entry in `spec.resourceClaims`'));
    if (names.has(claim.name)) errors.push(duplicate(`${at}.name`, claim.name));
    names.add(claim.name);
    if (claim.resourceClaimName !== undefined) checkName(errors, `${at}.name`, claim.resourceClaimName, dns1123Subdomain);
  });
  const extended = status.extendedResourceClaimStatus;
  if (!extended) return;
  const path = 'status.extendedResourceClaimStatus';
  const containers = new Map([...(spec.initContainers ?? []), ...spec.containers].map((c) => [c.name, c]));
  if (!extended.requestMappings?.length) errors.push(required(`${path}.requestMappings`, 'at least one request mapping is required'));
  const seen = new Set<string>();
  extended.requestMappings?.forEach((mapping, i) => {
    const at = `${path}.requestMappings[${i}]`;
    const container = containers.get(mapping.containerName);
    if (!container) errors.push(invalid(`${at}.containerName`, mapping.containerName, 'must match the name of an entry in spec.initContainers.name or spec.containers.name'));
    else if (container.resources?.requests?.[mapping.resourceName] === undefined)
      errors.push(invalid(`${at}.resourceName`, mapping.resourceName, 'must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests'));
    checkName(errors, `${path}.requestName`, mapping.requestName, dns1123Label);
    const key = `${mapping.containerName}/${mapping.resourceName}/${mapping.requestName}`;
    if (seen.has(key)) for (const field of ['containerName', 'resourceName', 'requestName'] as const) errors.push(duplicate(`${at}.${field}`, mapping[field]));
    seen.add(key);
  });
  if (!extended.resourceClaimName) errors.push(required(`${path}.resourceClaimName`));
  else checkName(errors, `${path}.resourceClaimName`, extended.resourceClaimName, dns1123Subdomain);
}

function validateUsers(errors: FieldError[], statuses: readonly ContainerStatus[] | undefined, path: string, spec: PodSpec): void {
  statuses?.forEach(({ user }, i) => {
    const linux = user?.linux;
    if (!linux) return;
    const at = `${path}[${i}].user.linux`;
    if (spec.os?.name === 'windows') {
      errors.push(forbidden(at, 'cannot be set for a windows pod'));
      return;
    }
    const check = (id: number, key: string) => {
      checkName(errors, `${at}.${key}`, id, userId);
    };
    check(linux.uid, 'uid');
    check(linux.gid, 'gid');
    linux.supplementalGroups?.forEach((id, j) => check(id, `supplementalGroups[${j}]`));
  });
}

const healths = ['Healthy', 'Unhealthy', 'Unknown'];

function validateAllocated(errors: FieldError[], statuses: readonly ContainerStatus[] | undefined, path: string, containers: readonly Container[]): void {
  statuses?.forEach((status, i) => {
    const container = containers.find((c) => c.name === status.name);
    status.allocatedResourcesStatus?.forEach((allocated, j) => {
      const at = `${path}[${i}].allocatedResourcesStatus[${j}]`;
      const isClaim = allocated.name.startsWith('claim:');
      const found = isClaim ? container?.resources?.claims?.some((c) => allocated.name === `claim:${c.name}${c.request ? `/${c.request}` : ''}`) : container?.resources?.requests?.[allocated.name] !== undefined;
      const why = isClaim ? "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty" : "must match one of the container's resource requests";
      if (container && !found) errors.push(invalid(`${at}.name`, allocated.name, why));
      const ids = new Set<string>();
      allocated.resources?.forEach((resource, k) => {
        const here = `${at}.resources[${k}]`;
        if (!healths.includes(resource.health ?? '')) errors.push(notSupported(`${here}.health`, resource.health ?? '', healths));
        if (resource.message === '') errors.push(required(`${here}.message`, 'must be non-empty if specified'));
        else if ((resource.message?.length ?? 0) > 1024) errors.push(tooLong(`${here}.message`, 1024));
        if (ids.has(resource.resourceID)) errors.push(duplicate(`${here}.resourceID`, resource.resourceID));
        ids.add(resource.resourceID);
      });
    });
  });
}
