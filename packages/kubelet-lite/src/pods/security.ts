/** Security contexts of pods and containers as the CRI takes them. */
import type { Pod, SeccompProfile } from '@pilothouse/api-schemas/types/core/v1';
import type { Draft, LinuxContainerSecurityContext, LinuxSandboxSecurityContext, NamespaceOption, SecurityProfile } from '../cri/contract.ts';
import { type AnyContainer, formatPod } from './pod-facts.ts';

const masked = ['/proc/asound', '/proc/acpi', '/proc/interrupts', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list', '/proc/timer_stats', '/proc/sched_debug', '/proc/scsi', '/sys/firmware', '/sys/devices/virtual/powercap'];
const readOnly = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

export function namespaceOptions(pod: Pod, targetId = ''): Draft<NamespaceOption> {
  const spec = pod.spec!;
  const pid = targetId ? 'TARGET' : spec.hostPID ? 'NODE' : spec.shareProcessNamespace ? 'POD' : 'CONTAINER';
  return { network: spec.hostNetwork ? 'NODE' : 'POD', pid, ipc: spec.hostIPC ? 'NODE' : 'POD', targetId };
}

/** Unset means unconfined, as `--seccomp-default` is off. */
const profile = (p: SeccompProfile | undefined, root: string): Draft<SecurityProfile> => {
  if (p?.type === 'RuntimeDefault') return { profileType: 'RuntimeDefault' };
  if (p?.type === 'Localhost') return { profileType: 'Localhost', localhostRef: `${root}/${p.localhostProfile}` };
  return { profileType: 'Unconfined' };
};

const privilegedPod = (pod: Pod) => [...pod.spec!.containers, ...(pod.spec!.initContainers ?? [])].some((c) => c.securityContext?.privileged);

export function sandboxSecurity(pod: Pod, seccompRoot: string): Draft<LinuxSandboxSecurityContext> {
  const sc = pod.spec?.securityContext;
  const groups = [...(sc?.fsGroup !== undefined ? [sc.fsGroup] : []), ...(sc?.supplementalGroups ?? [])];
  return {
    namespaceOptions: namespaceOptions(pod),
    privileged: privilegedPod(pod),
    ...(sc?.runAsUser !== undefined && { runAsUser: { value: sc.runAsUser } }),
    ...(sc?.runAsGroup !== undefined && sc.runAsUser !== undefined && { runAsGroup: { value: sc.runAsGroup } }),
    supplementalGroups: groups,
    supplementalGroupsPolicy: (sc?.supplementalGroupsPolicy as 'Merge' | undefined) ?? 'Merge',
    seccomp: sc?.seccompProfile?.type === 'Localhost' ? { profileType: 'RuntimeDefault' } : profile(sc?.seccompProfile ?? { type: 'RuntimeDefault' }, seccompRoot),
    ...(sc?.seLinuxOptions && { selinuxOptions: sc.seLinuxOptions }),
  };
}

/** Who the image runs as. */
export interface ImageUser {
  uid?: number;
  username: string;
}

/** Whom the container runs as. */
export function effectiveUser(pod: Pod, container: AnyContainer): { runAsUser?: number; runAsGroup?: number; runAsNonRoot?: boolean } {
  const of = pod.spec?.securityContext;
  const own = container.securityContext;
  return { runAsUser: own?.runAsUser ?? of?.runAsUser, runAsGroup: own?.runAsGroup ?? of?.runAsGroup, runAsNonRoot: own?.runAsNonRoot ?? of?.runAsNonRoot };
}

/** Why a container that must not run as root cannot start; undefined where it can. */
export function nonRootProblem(pod: Pod, container: AnyContainer, image: ImageUser): string | undefined {
  const { runAsNonRoot, runAsUser } = effectiveUser(pod, container);
  if (!runAsNonRoot) return undefined;
  const where = `(pod: ${JSON.stringify(formatPod(pod))}, container: ${container.name})`;
  if (runAsUser !== undefined) return runAsUser === 0 ? `container's runAsUser breaks non-root policy ${where}` : undefined;
  if (image.uid === 0) return `container has runAsNonRoot and image will run as root ${where}`;
  if (image.uid === undefined && image.username) return `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${where}`;
  return undefined;
}

export function containerSecurity(pod: Pod, container: AnyContainer, options: { image: ImageUser; seccompRoot: string; targetId?: string }): Draft<LinuxContainerSecurityContext> {
  const of = pod.spec?.securityContext;
  const own = container.securityContext;
  const privileged = own?.privileged ?? false;
  const { runAsUser, runAsGroup } = effectiveUser(pod, container);
  const { image } = options;
  const user = runAsUser !== undefined ? { runAsUser: { value: runAsUser } } : image.uid !== undefined ? { runAsUser: { value: image.uid } } : image.username ? { runAsUsername: image.username } : {};
  const unmasked = privileged || own?.procMount === 'Unmasked';
  const apparmor = own?.appArmorProfile ?? of?.appArmorProfile;
  const noNewPrivs = own?.allowPrivilegeEscalation === false;
  return {
    privileged,
    ...user,
    ...(runAsGroup !== undefined && { runAsGroup: { value: runAsGroup } }),
    supplementalGroups: [...(of?.fsGroup !== undefined ? [of.fsGroup] : []), ...(of?.supplementalGroups ?? [])],
    supplementalGroupsPolicy: (of?.supplementalGroupsPolicy as 'Merge' | undefined) ?? 'Merge',
    namespaceOptions: namespaceOptions(pod, options.targetId),
    readonlyRootfs: own?.readOnlyRootFilesystem ?? false,
    noNewPrivs,
    ...(own?.capabilities && { capabilities: { addCapabilities: own.capabilities.add ?? [], dropCapabilities: own.capabilities.drop ?? [], addAmbientCapabilities: [] } }),
    seccomp: privileged ? { profileType: 'Unconfined' } : profile(own?.seccompProfile ?? of?.seccompProfile, options.seccompRoot),
    ...(apparmor && { apparmor: apparmor.type === 'Localhost' ? { profileType: 'Localhost', localhostRef: apparmor.localhostProfile } : { profileType: apparmor.type as 'RuntimeDefault' } }),
    ...((own?.seLinuxOptions ?? of?.seLinuxOptions) && { selinuxOptions: own?.seLinuxOptions ?? of?.seLinuxOptions }),
    maskedPaths: unmasked ? [] : masked,
    readonlyPaths: unmasked ? [] : readOnly,
  };
}
