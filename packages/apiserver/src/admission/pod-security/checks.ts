/** The checks of the baseline and restricted levels as data: since which version of the standard, and what they find. */
import { goQuote } from '@pilothouse/apimachinery';
import type { Container, Pod, SELinuxOptions } from '@pilothouse/api-schemas/types/core/v1';
import type { ObjectMeta } from '@pilothouse/apimachinery';
import type { LevelVersion } from './policy.ts';

type Spec = NonNullable<Pod['spec']>;

export interface Violation {
  reason: string;
  detail: string;
}

type Find = (spec: Spec, metadata: ObjectMeta) => Violation | undefined;

interface Check {
  id: string;
  level: 'baseline' | 'restricted';
  /** Oldest first: from minor version `since` on, `find` is what counts. */
  versions: readonly { since: number; find: Find }[];
  /** Baseline checks that this restricted one takes the place of. */
  overrides?: readonly string[];
}

const containersOf = (spec: Spec) => [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])] as Container[];
const quote = (items: readonly string[]) => items.map((i) => `"${i}"`).join(', ');
const plural = (count: number, one: string, many: string) => (count === 1 ? one : many);
const sorted = (items: Iterable<string>) => [...new Set(items)].sort();
const named = (names: readonly string[]) => `${plural(names.length, 'container', 'containers')} ${quote(names)}`;
const namesWhere = (spec: Spec, bad: (c: Container) => boolean) => containersOf(spec).filter(bad).map((c) => c.name);

/** Who set something: the pod itself, containers, or both. */
const setters = (pod: boolean, containers: readonly string[]) => [...(pod ? ['pod'] : []), ...(containers.length ? [named(containers)] : [])].join(' and ');

const inUserNamespace = (spec: Spec) => spec.hostUsers === false;
const exceptInUserNamespace = (find: Find): Find => (spec, metadata) => (inUserNamespace(spec) ? undefined : find(spec, metadata));
const exceptOnWindows = (find: Find): Find => (spec, metadata) => (spec.os?.name === 'windows' ? undefined : find(spec, metadata));

const allowPrivilegeEscalation: Find = (spec) => {
  const bad = namesWhere(spec, (c) => c.securityContext?.allowPrivilegeEscalation !== false);
  return bad.length ? { reason: 'allowPrivilegeEscalation != false', detail: `${named(bad)} must set securityContext.allowPrivilegeEscalation=false` } : undefined;
};

const appArmorAnnotation = 'container.apparmor.security.beta.kubernetes.io/';
const appArmor: Find = (spec, metadata) => {
  const bad = (type: string | undefined) => type !== undefined && type !== 'RuntimeDefault' && type !== 'Localhost';
  const podType = spec.securityContext?.appArmorProfile?.type;
  const containers = containersOf(spec).filter((c) => bad(c.securityContext?.appArmorProfile?.type));
  const values = sorted([...(bad(podType) ? [podType!] : []), ...containers.map((c) => c.securityContext!.appArmorProfile!.type)]);
  const annotations = Object.entries(metadata.annotations ?? {})
    .filter(([key, value]) => key.startsWith(appArmorAnnotation) && value !== '' && value !== 'runtime/default' && !value.startsWith('localhost/'))
    .map(([key, value]) => `${key}=${goQuote(value)}`)
    .sort();
  const who = [setters(bad(podType), containers.map((c) => c.name)), annotations.length ? plural(annotations.length, 'annotation', 'annotations') : ''].filter(Boolean);
  if (!who.length) return undefined;
  const all = [...values, ...annotations];
  return { reason: plural(all.length, 'forbidden AppArmor profile', 'forbidden AppArmor profiles'), detail: `${who.join(' and ')} must not set AppArmor profile type to ${quote(all)}` };
};

const defaultCapabilities = new Set(['AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE', 'SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT']);
const baselineCapabilities: Find = (spec) => {
  const added = (c: Container) => (c.securityContext?.capabilities?.add ?? []).filter((name) => !defaultCapabilities.has(name));
  const bad = namesWhere(spec, (c) => added(c).length > 0);
  return bad.length ? { reason: 'non-default capabilities', detail: `${named(bad)} must not include ${quote(sorted(containersOf(spec).flatMap(added)))} in securityContext.capabilities.add` } : undefined;
};

const restrictedCapabilities: Find = (spec) => {
  const added = (c: Container) => (c.securityContext?.capabilities?.add ?? []).filter((name) => name !== 'NET_BIND_SERVICE');
  const keeping = namesWhere(spec, (c) => !c.securityContext?.capabilities?.drop?.includes('ALL'));
  const adding = namesWhere(spec, (c) => added(c).length > 0);
  const details = [
    ...(keeping.length ? [`${named(keeping)} must set securityContext.capabilities.drop=["ALL"]`] : []),
    ...(adding.length ? [`${named(adding)} must not include ${quote(sorted(containersOf(spec).flatMap(added)))} in securityContext.capabilities.add`] : []),
  ];
  return details.length ? { reason: 'unrestricted capabilities', detail: details.join('; ') } : undefined;
};

const hostNamespaces: Find = (spec) => {
  const used = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field]).map((field) => `${field}=true`);
  return used.length ? { reason: 'host namespaces', detail: used.join(', ') } : undefined;
};

const hostPathVolumes: Find = (spec) => {
  const bad = (spec.volumes ?? []).filter((v) => v.hostPath).map((v) => v.name);
  return bad.length ? { reason: 'hostPath volumes', detail: `${plural(bad.length, 'volume', 'volumes')} ${quote(bad)}` } : undefined;
};

const hostPorts: Find = (spec) => {
  const ports = (c: Container) => (c.ports ?? []).map((p) => p.hostPort ?? 0).filter((p) => p !== 0).map(String);
  const bad = namesWhere(spec, (c) => ports(c).length > 0);
  if (!bad.length) return undefined;
  const used = sorted(containersOf(spec).flatMap(ports));
  return { reason: 'hostPort', detail: `${named(bad)} ${plural(bad.length, 'uses', 'use')} ${plural(used.length, 'hostPort', 'hostPorts')} ${used.join(', ')}` };
};

const probeHosts: Find = (spec) => {
  const hosts = (c: Container) => [c.livenessProbe, c.readinessProbe, c.startupProbe, c.lifecycle?.postStart, c.lifecycle?.preStop].flatMap((h) => [h?.httpGet?.host, h?.tcpSocket?.host]).filter((h): h is string => !!h);
  const bad = sorted(namesWhere(spec, (c) => hosts(c).length > 0));
  if (!bad.length) return undefined;
  const used = sorted(containersOf(spec).flatMap(hosts));
  return { reason: 'probe or lifecycle host', detail: `${named(bad)} ${plural(bad.length, 'uses', 'use')} ${plural(used.length, 'probe or lifecycle host', 'probe or lifecycle hosts')} ${quote(used)}` };
};

const privileged: Find = (spec) => {
  const bad = namesWhere(spec, (c) => c.securityContext?.privileged === true);
  return bad.length ? { reason: 'privileged', detail: `${named(bad)} must not set securityContext.privileged=true` } : undefined;
};

const procMount: Find = (spec) => {
  const bad = containersOf(spec).filter((c) => c.securityContext?.procMount && c.securityContext.procMount !== 'Default');
  return bad.length ? { reason: 'procMount', detail: `${named(bad.map((c) => c.name))} must not set securityContext.procMount to ${quote(sorted(bad.map((c) => c.securityContext!.procMount!)))}` } : undefined;
};

const openVolumes = ['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'image', 'persistentVolumeClaim', 'projected', 'secret'] as const;
const otherVolumes = ['hostPath', 'gcePersistentDisk', 'awsElasticBlockStore', 'gitRepo', 'nfs', 'iscsi', 'glusterfs', 'rbd', 'flexVolume', 'cinder', 'cephfs', 'flocker', 'fc', 'azureFile', 'vsphereVolume', 'quobyte', 'azureDisk', 'photonPersistentDisk', 'portworxVolume', 'scaleIO', 'storageos'] as const;
const restrictedVolumes: Find = (spec) => {
  const bad = (spec.volumes ?? []).filter((v) => !openVolumes.some((kind) => v[kind]));
  if (!bad.length) return undefined;
  const kinds = sorted(bad.map((v) => otherVolumes.find((kind) => v[kind]) ?? 'unknown'));
  return { reason: 'restricted volume types', detail: `${plural(bad.length, 'volume', 'volumes')} ${quote(bad.map((v) => v.name))} ${plural(bad.length, 'uses', 'use')} ${plural(kinds.length, 'restricted volume type', 'restricted volume types')} ${quote(kinds)}` };
};

const runAsNonRoot: Find = (spec) => {
  const pod = spec.securityContext?.runAsNonRoot;
  const reason = 'runAsNonRoot != true';
  const explicit = namesWhere(spec, (c) => c.securityContext?.runAsNonRoot === false);
  const who = setters(pod === false, explicit);
  if (who) return { reason, detail: `${who} must not set securityContext.runAsNonRoot=false` };
  const implicit = pod ? [] : namesWhere(spec, (c) => c.securityContext?.runAsNonRoot === undefined || c.securityContext.runAsNonRoot === null);
  return implicit.length ? { reason, detail: `pod or ${named(implicit)} must set securityContext.runAsNonRoot=true` } : undefined;
};

const runAsUser: Find = (spec) => {
  const who = setters(spec.securityContext?.runAsUser === 0, namesWhere(spec, (c) => c.securityContext?.runAsUser === 0));
  return who ? { reason: 'runAsUser=0', detail: `${who} must not set runAsUser=0` } : undefined;
};

const seLinux = (allowed: readonly string[]): Find => (spec) => {
  const pod = spec.securityContext?.seLinuxOptions;
  const bad = (o: SELinuxOptions | undefined) => !!o && (!allowed.includes(o.type ?? '') || !!o.user || !!o.role);
  const containers = containersOf(spec).filter((c) => bad(c.securityContext?.seLinuxOptions));
  const who = setters(bad(pod), containers.map((c) => c.name));
  if (!who) return undefined;
  const options = [pod, ...containersOf(spec).map((c) => c.securityContext?.seLinuxOptions)].filter((o): o is SELinuxOptions => !!o);
  const types = sorted(options.map((o) => o.type ?? '').filter((t) => !allowed.includes(t)));
  const what = [...(types.length ? [`${plural(types.length, 'type', 'types')} ${quote(types)}`] : []), ...(options.some((o) => o.user) ? ['user may not be set'] : []), ...(options.some((o) => o.role) ? ['role may not be set'] : [])];
  return { reason: 'seLinuxOptions', detail: `${who} set forbidden securityContext.seLinuxOptions: ${what.join('; ')}` };
};
const seLinuxTypes = ['', 'container_t', 'container_init_t', 'container_kvm_t'];

const seccompAnnotations: Find = (spec, metadata) => {
  const bad = (key: string) => {
    const value = metadata.annotations?.[key];
    return value !== undefined && value !== 'runtime/default' && value !== 'docker/default' && !value.startsWith('localhost/') ? [`${key}=${goQuote(value)}`] : [];
  };
  const forbidden = sorted(['seccomp.security.alpha.kubernetes.io/pod', ...containersOf(spec).map((c) => `container.seccomp.security.alpha.kubernetes.io/${c.name}`)].flatMap(bad));
  return forbidden.length ? { reason: 'seccompProfile', detail: `forbidden ${plural(forbidden.length, 'annotation', 'annotations')} ${forbidden.join(', ')}` } : undefined;
};

const goodSeccomp = (type: string | undefined) => type === 'Localhost' || type === 'RuntimeDefault';
const seccomp = (required: boolean): Find => (spec) => {
  const pod = spec.securityContext?.seccompProfile;
  const podBad = !!pod && !goodSeccomp(pod.type);
  const explicit = containersOf(spec).filter((c) => c.securityContext?.seccompProfile && !goodSeccomp(c.securityContext.seccompProfile.type));
  const who = setters(podBad, explicit.map((c) => c.name));
  if (who) return { reason: 'seccompProfile', detail: `${who} must not set securityContext.seccompProfile.type to ${quote(sorted([...(podBad ? [pod!.type] : []), ...explicit.map((c) => c.securityContext!.seccompProfile!.type)]))}` };
  const implicit = required && !pod ? namesWhere(spec, (c) => !c.securityContext?.seccompProfile) : [];
  return implicit.length ? { reason: 'seccompProfile', detail: `pod or ${named(implicit)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"` } : undefined;
};

const sysctls0 = ['kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.tcp_syncookies', 'net.ipv4.ping_group_range', 'net.ipv4.ip_unprivileged_port_start'];
const sysctls27 = [...sysctls0, 'net.ipv4.ip_local_reserved_ports'];
const sysctls29 = [...sysctls27, 'net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes'];
const sysctls32 = [...sysctls29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'];
const sysctls = (allowed: readonly string[]): Find => (spec) => {
  const bad = (spec.securityContext?.sysctls ?? []).map((s) => s.name).filter((name) => !allowed.includes(name));
  return bad.length ? { reason: 'forbidden sysctls', detail: bad.join(', ') } : undefined;
};

const windowsHostProcess: Find = (spec) => {
  const who = setters(spec.securityContext?.windowsOptions?.hostProcess === true, namesWhere(spec, (c) => c.securityContext?.windowsOptions?.hostProcess === true));
  return who ? { reason: 'hostProcess', detail: `${who} must not set securityContext.windowsOptions.hostProcess=true` } : undefined;
};

const always = (find: Find) => [{ since: 0, find }];

/** In the order in which findings are told. */
export const checks: readonly Check[] = [
  { id: 'appArmorProfile', level: 'baseline', versions: always(appArmor) },
  { id: 'capabilities_baseline', level: 'baseline', versions: always(baselineCapabilities) },
  { id: 'hostNamespaces', level: 'baseline', versions: always(hostNamespaces) },
  { id: 'hostPathVolumes', level: 'baseline', versions: always(hostPathVolumes) },
  { id: 'hostPorts', level: 'baseline', versions: always(hostPorts) },
  { id: 'hostProbesAndHostLifecycle', level: 'baseline', versions: [{ since: 34, find: probeHosts }] },
  { id: 'privileged', level: 'baseline', versions: always(privileged) },
  { id: 'procMount', level: 'baseline', versions: [{ since: 0, find: procMount }, { since: 35, find: exceptInUserNamespace(procMount) }] },
  { id: 'seLinuxOptions', level: 'baseline', versions: [{ since: 0, find: seLinux(seLinuxTypes) }, { since: 31, find: seLinux([...seLinuxTypes, 'container_engine_t']) }] },
  { id: 'seccompProfile_baseline', level: 'baseline', versions: [{ since: 0, find: seccompAnnotations }, { since: 19, find: seccomp(false) }] },
  { id: 'sysctls', level: 'baseline', versions: [{ since: 0, find: sysctls(sysctls0) }, { since: 27, find: sysctls(sysctls27) }, { since: 29, find: sysctls(sysctls29) }, { since: 32, find: sysctls(sysctls32) }] },
  { id: 'windowsHostProcess', level: 'baseline', versions: always(windowsHostProcess) },
  { id: 'allowPrivilegeEscalation', level: 'restricted', versions: [{ since: 8, find: allowPrivilegeEscalation }, { since: 25, find: exceptOnWindows(allowPrivilegeEscalation) }] },
  { id: 'capabilities_restricted', level: 'restricted', versions: [{ since: 22, find: restrictedCapabilities }, { since: 25, find: exceptOnWindows(restrictedCapabilities) }], overrides: ['capabilities_baseline'] },
  { id: 'procMount_restricted', level: 'restricted', versions: [{ since: 35, find: procMount }], overrides: ['procMount'] },
  { id: 'restrictedVolumes', level: 'restricted', versions: always(restrictedVolumes), overrides: ['hostPathVolumes'] },
  { id: 'runAsNonRoot', level: 'restricted', versions: [{ since: 0, find: runAsNonRoot }, { since: 35, find: exceptInUserNamespace(runAsNonRoot) }] },
  { id: 'runAsUser', level: 'restricted', versions: [{ since: 23, find: runAsUser }, { since: 35, find: exceptInUserNamespace(runAsUser) }] },
  { id: 'seccompProfile_restricted', level: 'restricted', versions: [{ since: 19, find: seccomp(true) }, { since: 25, find: exceptOnWindows(seccomp(true)) }], overrides: ['seccompProfile_baseline'] },
];

function selected({ level, version }: LevelVersion): Find[] {
  if (level === 'privileged') return [];
  const inForce = checks.filter((c) => (level === 'restricted' || c.level === 'baseline') && c.versions[0].since <= version);
  const overridden = new Set(inForce.flatMap((c) => c.overrides ?? []));
  return inForce.filter((c) => !overridden.has(c.id)).map((c) => c.versions.findLast((v) => v.since <= version)!.find);
}

const compiled = new Map<string, Find[]>();

/** What a pod does that the level does not permit. */
export function violations(level: LevelVersion, spec: Spec, metadata: ObjectMeta): Violation[] {
  const key = `${level.level} ${level.version}`;
  let finds = compiled.get(key);
  if (!finds) compiled.set(key, (finds = selected(level)));
  return finds.map((find) => find(spec, metadata)).filter((v): v is Violation => v !== undefined);
}

/** `host namespaces (hostPID=true), privileged (…)` */
export const describe = (found: readonly Violation[]): string => found.map((v) => (v.detail ? `${v.reason} (${v.detail})` : v.reason)).join(', ');
export const reasons = (found: readonly Violation[]): string => found.map((v) => v.reason).join(', ');
