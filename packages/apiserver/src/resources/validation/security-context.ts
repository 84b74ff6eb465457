import { dns1123Subdomain, duplicate, type FieldError, forbidden, invalid, notSupported, required, tooLong, userId } from '@pilothouse/apimachinery';
import type { AppArmorProfile, PodSecurityContext, PodSpec, SeccompProfile, SecurityContext, WindowsSecurityContextOptions } from '@pilothouse/api-schemas/types/core/v1';
import { checkName } from './check-name.ts';
import { internalForm } from './internal-form.ts';
import { validateDescendingPath } from './paths.ts';

function validateId(errors: FieldError[], id: number | undefined, path: string): void {
  if (id !== undefined) checkName(errors, path, id, userId);
}

const profileTypes = ['Localhost', 'RuntimeDefault', 'Unconfined'];

export function validateSeccomp(errors: FieldError[], profile: SeccompProfile | undefined, path: string): void {
  if (!profile) return;
  if (!profile.type) errors.push(required(`${path}.type`, 'type is required when seccompProfile is set'));
  else if (!profileTypes.includes(profile.type)) errors.push(notSupported(`${path}.type`, profile.type, profileTypes));
  if (profile.type === 'Localhost') {
    if (profile.localhostProfile === undefined) errors.push(required(`${path}.localhostProfile`, 'must be set when seccomp type is Localhost'));
    else validateDescendingPath(errors, profile.localhostProfile, `${path}.localhostProfile`);
  } else if (profile.localhostProfile !== undefined) errors.push(invalid(`${path}.localhostProfile`, internalForm('core/v1.SeccompProfile', profile), 'can only be set when seccomp type is Localhost'));
}

export function validateAppArmor(errors: FieldError[], profile: AppArmorProfile | undefined, path: string): void {
  if (!profile) return;
  const at = `${path}.localhostProfile`;
  const local = profile.localhostProfile;
  switch (profile.type) {
    case 'Localhost':
      if (local === undefined) errors.push(required(at, 'must be set when AppArmor type is Localhost'));
      else {
        if (local.trim() !== local) errors.push(invalid(at, local, 'must not be padded with whitespace'));
        else if (local === '') errors.push(required(at, 'must be set when AppArmor type is Localhost'));
        if (local.length > 4095) errors.push(tooLong(at, 4095));
      }
      break;
    case 'RuntimeDefault':
    case 'Unconfined':
      if (local !== undefined) errors.push(invalid(at, local, 'can only be set when AppArmor type is Localhost'));
      break;
    case '' as never:
    case undefined as never:
      errors.push(required(`${path}.type`, 'type is required when appArmorProfile is set'));
      break;
    default:
      errors.push(notSupported(`${path}.type`, profile.type, profileTypes));
  }
}

/** `hostUsers`: the pod runs in the host's user namespace. */
export function validateSecurityContext(errors: FieldError[], context: SecurityContext | undefined, path: string, hostUsers: boolean): void {
  if (!context) return;
  validateId(errors, context.runAsUser, `${path}.runAsUser`);
  validateId(errors, context.runAsGroup, `${path}.runAsGroup`);
  if (context.procMount !== undefined) {
    if (context.procMount !== 'Default' && context.procMount !== 'Unmasked') errors.push(notSupported(`${path}.procMount`, context.procMount, ['Default', 'Unmasked']));
    if (hostUsers && context.procMount === 'Unmasked') errors.push(invalid(`${path}.procMount`, context.procMount, '`hostUsers` must be false to use `Unmasked`'));
  }
  validateSeccomp(errors, context.seccompProfile, `${path}.seccompProfile`);
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged) errors.push(invalid(path, internalForm('core/v1.SecurityContext', context), 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'));
    for (const capability of context.capabilities?.add ?? [])
      if (capability === 'CAP_SYS_ADMIN') errors.push(invalid(path, internalForm('core/v1.SecurityContext', context), 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'));
  }
  validateWindowsOptions(errors, context.windowsOptions, `${path}.windowsOptions`);
  validateAppArmor(errors, context.appArmorProfile, `${path}.appArmorProfile`);
}

const sysctlRe = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/;
const sysctlPattern = '^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$';
const sysctlNamespace = (name: string): 'ipc' | 'net' | '' => {
  const dotted = name.replace(/\//g, '.');
  if (['kernel.sem'].includes(dotted) || /^(kernel\.shm|kernel\.msg|fs\.mqueue\.)/.test(dotted)) return 'ipc';
  return dotted.startsWith('net.') ? 'net' : '';
};

function validateSysctls(errors: FieldError[], context: PodSecurityContext, spec: PodSpec, path: string): void {
  const seen = new Set<string>();
  context.sysctls?.forEach(({ name }, i) => {
    const at = `${path}[${i}].name`;
    if (!name) errors.push(required(at));
    else if (name.length > 253 || !sysctlRe.test(name)) errors.push(invalid(at, name, `must have at most 253 characters and match regex ${sysctlPattern}`));
    else if (seen.has(name)) errors.push(duplicate(at, name));
    const namespace = sysctlNamespace(name);
    if (spec.hostNetwork && namespace === 'net') errors.push(invalid(at, name, "may not be specified when 'hostNetwork' is true"));
    else if (spec.hostIPC && namespace === 'ipc') errors.push(invalid(at, name, "may not be specified when 'hostIPC' is true"));
    seen.add(name);
  });
}

function validateChoice(errors: FieldError[], value: string | undefined, choices: readonly string[], path: string): void {
  if (value !== undefined && !choices.includes(value)) errors.push(notSupported(path, value, choices));
}

/** Another policy than this is behind a gate that is off: only an object that has one already may have any. */
const recursiveOnly = ['Recursive'];

export function validatePodSecurityContext(errors: FieldError[], spec: PodSpec, path: string, old?: PodSpec): void {
  const context = spec.securityContext;
  if (!context) return;
  validateId(errors, context.fsGroup, `${path}.fsGroup`);
  validateId(errors, context.runAsUser, `${path}.runAsUser`);
  validateId(errors, context.runAsGroup, `${path}.runAsGroup`);
  context.supplementalGroups?.forEach((id, i) => validateId(errors, id, `${path}.supplementalGroups[${i}]`));
  if (spec.shareProcessNamespace && spec.hostPID) errors.push(invalid(`${path}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled'));
  validateSysctls(errors, context, spec, `${path}.sysctls`);
  validateChoice(errors, context.fsGroupChangePolicy, ['Always', 'OnRootMismatch'], `${path}.fsGroupChangePolicy`);
  validateSeccomp(errors, context.seccompProfile, `${path}.seccompProfile`);
  validateWindowsOptions(errors, context.windowsOptions, `${path}.windowsOptions`);
  validateAppArmor(errors, context.appArmorProfile, `${path}.appArmorProfile`);
  validateChoice(errors, context.supplementalGroupsPolicy, ['Merge', 'Strict'], `${path}.supplementalGroupsPolicy`);
  validateChoice(errors, context.seLinuxChangePolicy, old?.securityContext?.seLinuxChangePolicy === undefined ? recursiveOnly : ['MountOption', 'Recursive'], `${path}.seLinuxChangePolicy`);
}

const netBiosRe = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const windowsDomainRe = /^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/;

function validateWindowsOptions(errors: FieldError[], options: WindowsSecurityContextOptions | undefined, path: string): void {
  if (!options) return;
  const { gmsaCredentialSpecName: specName, gmsaCredentialSpec: spec, runAsUserName } = options;
  if (specName !== undefined) checkName(errors, `${path}.gmsaCredentialSpecName`, specName, dns1123Subdomain);
  if (spec === '') errors.push(invalid(`${path}.gmsaCredentialSpec`, spec, 'gmsaCredentialSpec cannot be an empty string'));
  else if (spec && spec.length > 64 * 1024) errors.push(invalid(`${path}.gmsaCredentialSpec`, spec, 'gmsaCredentialSpec size must be under 64 KiB'));
  if (runAsUserName === undefined) return;
  const bad = (detail: string) => errors.push(invalid(`${path}.runAsUserName`, runAsUserName, `runAsUserName${detail}`));
  const parts = runAsUserName.split('\\');
  if (runAsUserName === '') bad(' cannot be an empty string');
  else if (/[\x00-\x1f\x7f]/.test(runAsUserName)) bad(' cannot contain control characters');
  else if (parts.length > 2) bad(' cannot contain more than one backslash');
  else {
    const user = parts[parts.length - 1];
    const domain = parts.length === 2 ? parts[0] : undefined;
    if ((domain?.length ?? 0) >= 256) bad("'s Domain length must be under 256 characters");
    if (domain !== undefined && !netBiosRe.test(domain) && !windowsDomainRe.test(domain)) bad("'s Domain doesn't match the NetBios nor the DNS format");
    if (user === '') bad("'s User cannot be empty");
    else if (user.length > 104) bad("'s User length must not be longer than 104 characters");
    if (/^[. ]+$/.test(user)) bad("'s User cannot contain only periods or spaces");
    if (/["/\\:;|=,+*?<>@[\]]/.test(user)) bad(`'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]`);
  }
}

/** Of the pod's security context, and of its spec where upstream keeps them there internally. */
const windowsPodFields = [
  ...['appArmorProfile', 'seLinuxOptions', '.hostUsers', '.hostPID', '.hostIPC', 'seccompProfile', 'fsGroup', 'fsGroupChangePolicy', 'sysctls', '.shareProcessNamespace'],
  ...['runAsUser', 'runAsGroup', 'supplementalGroups', 'supplementalGroupsPolicy', 'seLinuxChangePolicy'],
];
/** Not pointers upstream: false and empty are as good as absent. */
const windowsPlainFields = new Set(['.hostPID', '.hostIPC', 'sysctls']);
const windowsContainerFields = ['appArmorProfile', 'seLinuxOptions', 'seccompProfile', 'capabilities', 'readOnlyRootFilesystem', 'privileged', 'allowPrivilegeEscalation', 'procMount', 'runAsUser', 'runAsGroup'] as const;

/** What a pod of one operating system may not ask for. `containers` are those of all kinds, with their paths. */
export function validateOs(errors: FieldError[], spec: PodSpec, path: string, containers: readonly { securityContext?: SecurityContext; path: string }[]): void {
  const name = spec.os?.name;
  if (name === 'linux') {
    const why = 'windows options cannot be set for a linux pod';
    if (spec.securityContext?.windowsOptions) errors.push(forbidden(`${path}.securityContext.windowsOptions`, why));
    for (const container of containers) if (container.securityContext?.windowsOptions) errors.push(forbidden(`${container.path}.securityContext.windowsOptions`, why));
  }
  if (name === 'windows') {
    const why = 'cannot be set for a windows pod';
    for (const key of windowsPodFields) {
      const at = key.startsWith('.') ? key : `.securityContext.${key}`;
      const value: unknown = key.startsWith('.') ? spec[key.slice(1) as keyof PodSpec] : spec.securityContext?.[key as keyof PodSecurityContext];
      if (value === undefined || (windowsPlainFields.has(key) && (value === false || (value as unknown[]).length === 0))) continue;
      errors.push(forbidden(path + at, why));
    }
    for (const container of containers)
      for (const key of windowsContainerFields) if (container.securityContext?.[key] !== undefined) errors.push(forbidden(`${container.path}.securityContext.${key}`, why));
  }
}

/** HostProcess containers: all or none, and on the host's network. */
export function validateHostProcess(errors: FieldError[], spec: PodSpec, path: string, containers: readonly { securityContext?: SecurityContext; path: string }[]): void {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  let count = 0;
  for (const { securityContext, path: at } of containers) {
    const own = securityContext?.windowsOptions?.hostProcess;
    if (ofPod !== undefined && own !== undefined && ofPod !== own) errors.push(invalid(`${at}.securityContext.windowsOptions.hostProcess`, own, `pod hostProcess value must be identical if both are specified, was ${ofPod}`));
    if (own ?? ofPod) count++;
  }
  if (count === 0) return;
  if (count !== containers.length) errors.push(invalid(path, '', 'If pod contains any hostProcess containers then all containers must be HostProcess containers'));
  if (!spec.hostNetwork) errors.push(invalid(`${path}.hostNetwork`, false, 'hostNetwork must be true if pod contains any hostProcess containers'));
}
