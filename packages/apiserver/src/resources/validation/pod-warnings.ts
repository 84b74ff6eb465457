/** Warnings about pods and templates: what is allowed and will not do what its author thinks. */
import { goQuote, ipWarnings, labelValue, milliValue } from '@pilothouse/apimachinery';
import type { Container, ContainerPort, NodeSelectorTerm, PodAffinity, PodSpec, Volume } from '@pilothouse/api-schemas/types/core/v1';
import type { ObjectMeta } from '@pilothouse/api-schemas/types/meta/v1';
import { same } from './equality.ts';
import { appArmorDeprecated, appArmorOfAnnotation, appArmorPrefix } from './pod-annotations.ts';
import { containersWithPaths } from './pod-spec.ts';

const quote = goQuote;

const deprecatedNodeLabels: Record<string, string> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
  'app.kubernetes.io/created-by': 'deprecated since v1.9',
  'scheduler.alpha.kubernetes.io/preferAvoidPods': 'deprecated since v1.22; use Taints and Tolerations instead',
  'node-role.kubernetes.io/master': 'use "node-role.kubernetes.io/control-plane" instead',
};
/** Why a label of nodes should not be used any more. */
export const nodeLabelDeprecation = (key: string): string | undefined => deprecatedNodeLabels[key];

/** `checkValues`: values that are no labels only warn (preferences). */
export function nodeTermWarnings(term: NodeSelectorTerm, path: string, checkValues = false): string[] {
  return (term.matchExpressions ?? []).flatMap(({ key, values }, i) => {
    const at = `${path}.matchExpressions[${i}]`;
    const out: string[] = [];
    if (deprecatedNodeLabels[key]) out.push(`${at}.key: ${key} is ${deprecatedNodeLabels[key]}`);
    if (checkValues) values?.forEach((value, j) => out.push(...labelValue(value).map((message) => `${at}.values[${j}]: ${value} is invalid, ${message}`)));
    return out;
  });
}

const deprecatedAnnotations: readonly { key: string; message: string }[] = [
  { key: 'scheduler.alpha.kubernetes.io/critical-pod', message: 'non-functional in v1.16+; use the "priorityClassName" field instead' },
  { key: 'security.alpha.kubernetes.io/sysctls', message: 'non-functional in v1.11+; use the "sysctls" field instead' },
  { key: 'security.alpha.kubernetes.io/unsafe-sysctls', message: 'non-functional in v1.11+; use the "sysctls" field instead' },
];

const deprecatedVolumes: Partial<Record<keyof Volume, string>> = {
  photonPersistentDisk: 'photonPersistentDisk: deprecated in v1.11, non-functional in v1.16+',
  gitRepo: 'gitRepo: deprecated in v1.11, and disabled by default in v1.33+',
  scaleIO: 'scaleIO: deprecated in v1.16, non-functional in v1.22+',
  flocker: 'flocker: deprecated in v1.22, non-functional in v1.25+',
  storageos: 'storageOS: deprecated in v1.22, non-functional in v1.25+',
  quobyte: 'quobyte: deprecated in v1.22, non-functional in v1.25+',
  glusterfs: 'glusterfs: deprecated in v1.25, non-functional in v1.26+',
  cephfs: 'cephfs: deprecated in v1.28, non-functional in v1.31+',
  rbd: 'rbd: deprecated in v1.28, non-functional in v1.31+',
};

/** `prefix`: the path of the template, '' for a pod. */
export function podSpecWarnings(spec: PodSpec, meta: ObjectMeta | undefined, prefix = ''): string[] {
  const base = prefix ? `${prefix}.` : '';
  const path = `${base}spec`;
  const out: string[] = [];
  for (const key in spec.nodeSelector) if (deprecatedNodeLabels[key]) out.push(`${path}.nodeSelector[${key}]: ${deprecatedNodeLabels[key]}`);
  const nodeAffinity = spec.affinity?.nodeAffinity;
  nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms?.forEach((term, i) => out.push(...nodeTermWarnings(term, `${path}.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${i}]`)));
  nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution?.forEach((term, i) => out.push(...nodeTermWarnings(term.preference, `${path}.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[${i}].preference`, true)));
  spec.topologySpreadConstraints?.forEach((constraint, i) => {
    const at = `${path}.topologySpreadConstraints[${i}]`;
    const deprecated = deprecatedNodeLabels[constraint.topologyKey];
    if (deprecated) out.push(`${at}.topologyKey: ${constraint.topologyKey} is ${deprecated}`);
    if (!constraint.labelSelector) out.push(`${at}.labelSelector: a null labelSelector results in matching no pod`);
  });
  for (const { key, message } of deprecatedAnnotations) if (meta?.annotations?.[key] !== undefined) out.push(`${base}metadata.annotations[${key}]: ${message}`);
  spec.volumes?.forEach((volume, i) => {
    for (const key in deprecatedVolumes) if (volume[key as keyof Volume]) out.push(`${path}.volumes[${i}].${deprecatedVolumes[key as keyof Volume]}`);
    const claim = volume.ephemeral?.volumeClaimTemplate?.spec;
    if (claim) out.push(...claimWarnings(claim.resources, `${path}.volumes[${i}].ephemeral.volumeClaimTemplate.spec`));
  });
  out.push(...overlaps(spec.volumes ?? []));
  out.push(...repeats(spec.hostAliases?.map((a) => a.ip), (i, ip) => `${path}.hostAliases[${i}].ip: duplicate ip ${quote(ip)}`));
  out.push(...repeats(spec.imagePullSecrets?.map((s) => s.name ?? ''), (i, name) => `${path}.imagePullSecrets[${i}].name: duplicate name ${quote(name)}`));
  spec.imagePullSecrets?.forEach((secret, i) => {
    if (!secret.name) out.push(`${path}.imagePullSecrets[${i}].name: invalid empty name ""`);
  });
  out.push(...fractions(spec.overhead, `${path}.overhead`));
  const containers = containersWithPaths(spec, path);
  if (!spec.securityContext?.seccompProfile && meta?.annotations?.[seccompPod] !== undefined) out.push(`${base}metadata.annotations[${seccompPod}]: ${seccompMessage}`);
  for (const container of containers) {
    if (meta?.annotations) out.push(...annotationWarnings(spec, meta.annotations, container, base, prefix !== ''));
    out.push(...containerWarnings(container, container.path));
  }
  out.push(...portWarnings(containers));
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) out.push(`${path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`);
  if (spec.affinity?.podAffinity) out.push(...affinityWarnings(spec.affinity.podAffinity, `${path}.affinity.podAffinity`));
  if (spec.affinity?.podAntiAffinity) out.push(...affinityWarnings(spec.affinity.podAntiAffinity, `${path}.affinity.podAntiAffinity`));
  spec.dnsConfig?.nameservers?.forEach((server, i) => out.push(...ipWarnings(server, `${path}.dnsConfig.nameservers[${i}]`)));
  spec.hostAliases?.forEach((alias, i) => out.push(...ipWarnings(alias.ip, `${path}.hostAliases[${i}].ip`)));
  return out;
}

function repeats(values: readonly string[] | undefined, text: (i: number, value: string) => string): string[] {
  return (values ?? []).flatMap((value, i) => (values!.indexOf(value) < i ? [text(i, value)] : []));
}

const fractional = (amount: string | undefined): boolean => amount !== undefined && milliValue(amount) % 1000 !== 0;

function fractions(amounts: Record<string, string> | undefined, path: string): string[] {
  return ['memory', 'ephemeral-storage'].flatMap((name) => (fractional(amounts?.[name]) ? [`${path}[${name}]: fractional byte value ${quote(amounts![name])} is invalid, must be an integer`] : []));
}

/** About the amounts of a PersistentVolumeClaim's spec. */
export function claimWarnings(resources: { requests?: Record<string, string>; limits?: Record<string, string> } | undefined, path: string): string[] {
  return (['requests', 'limits'] as const).flatMap((kind) => {
    const amount = resources?.[kind]?.storage;
    return fractional(amount) ? [`${path}.resources.${kind}[storage]: fractional byte value ${quote(amount!)} is invalid, must be an integer`] : [];
  });
}

const seccompPod = 'seccomp.security.alpha.kubernetes.io/pod';
const seccompMessage = 'non-functional in v1.27+; use the "seccompProfile" field instead';

function annotationWarnings(spec: PodSpec, annotations: Record<string, string>, container: Container, base: string, isTemplate: boolean): string[] {
  const out: string[] = [];
  const key = `container.seccomp.security.alpha.kubernetes.io/${container.name}`;
  if (!container.securityContext?.seccompProfile && annotations[key] !== undefined) out.push(`${base}metadata.annotations[${key}]: ${seccompMessage}`);
  const armor = appArmorPrefix + container.name;
  if (!isTemplate || container.securityContext?.appArmorProfile || annotations[armor] === undefined) return out;
  const own = spec.securityContext?.appArmorProfile;
  if (!own || !same(own, appArmorOfAnnotation(annotations[armor]))) out.push(appArmorDeprecated(`${base}metadata.annotations[${armor}]`));
  return out;
}

function containerWarnings(container: Container, path: string): string[] {
  const out = [...fractions(pick(container.resources?.limits, 'memory'), `${path}.resources.limits`), ...fractions(pick(container.resources?.requests, 'memory'), `${path}.resources.requests`)];
  out.push(...fractions(pick(container.resources?.limits, 'ephemeral-storage'), `${path}.resources.limits`), ...fractions(pick(container.resources?.requests, 'ephemeral-storage'), `${path}.resources.requests`));
  const seen = new Set<string>();
  container.env?.forEach((variable, i) => {
    const reference = `$(${variable.name})`;
    const builds = !variable.valueFrom && variable.value !== reference && variable.value?.includes(reference);
    if (seen.has(variable.name) && !builds) out.push(`${path}.env[${i}]: hides previous definition of ${quote(variable.name)}, which may be dropped when using apply`);
    seen.add(variable.name);
  });
  return out;
}

const pick = (amounts: Record<string, string> | undefined, name: string): Record<string, string> | undefined => (amounts?.[name] === undefined ? undefined : { [name]: amounts[name] });

function portWarnings(containers: readonly (Container & { path: string })[]): string[] {
  const out: string[] = [];
  const seen = new Map<string, { path: string; port: ContainerPort }[]>();
  for (const container of containers) {
    container.ports?.forEach((port, i) => {
      const at = `${container.path}.ports[${i}]`;
      if (port.hostIP && !port.hostPort) out.push(`${at}: hostIP set without hostPort: {Name:${port.name ?? ''} HostPort:0 ContainerPort:${port.containerPort} Protocol:${port.protocol ?? ''} HostIP:${port.hostIP}}`);
      const key = `${port.containerPort}/${port.protocol}`;
      const others = seen.get(key) ?? [];
      for (const other of others) {
        const [ip, otherIp] = [port.hostIP ?? '', other.port.hostIP ?? ''];
        const [host, otherHost] = [port.hostPort ?? 0, other.port.hostPort ?? 0];
        if (ip === otherIp && host === otherHost) out.push(`${at}: duplicate port definition with ${other.path}`);
        else if (host === 0 || otherHost === 0) out.push(`${at}: overlapping port definition with ${other.path}`);
        else if (host === otherHost && (ip === '') !== (otherIp === '')) out.push(`${at}: dangerously ambiguous port definition with ${other.path}`);
      }
      seen.set(key, [...others, { path: at, port }]);
    });
  }
  const names = new Map<string, string>();
  for (const container of containers) {
    container.ports?.forEach((port, i) => {
      if (!port.name) return;
      const at = `${container.path}.ports[${i}]`;
      const other = names.get(port.name);
      if (other) out.push(`${at}: duplicate port name ${quote(port.name)} with ${other}, services and probes that select ports by name will use ${other}`);
      else names.set(port.name, at);
    });
  }
  return out;
}

function affinityWarnings(affinity: PodAffinity, path: string): string[] {
  const why = 'a null labelSelector results in matching no pod';
  return [
    ...(affinity.requiredDuringSchedulingIgnoredDuringExecution ?? []).flatMap((term, i) => (term.labelSelector ? [] : [`${path}.requiredDuringSchedulingIgnoredDuringExecution[${i}].labelSelector: ${why}`])),
    ...(affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []).flatMap((term, i) => (term.podAffinityTerm.labelSelector ? [] : [`${path}.preferredDuringSchedulingIgnoredDuringExecution[${i}].podAffinityTerm.labelSelector: ${why}`])),
  ];
}

interface Place {
  path: string;
  source: string;
}
const shown = ({ path, source }: Place): string => (source ? `${quote(path)} (${source})` : quote(path));

/** Files of one volume that would lie on or in each other. */
function overlaps(volumes: readonly Volume[]): string[] {
  return volumes.flatMap((volume) => {
    const text = (what: string, a: Place, b: Place) => `volume ${quote(volume.name)} (${what}): overlapping paths: ${shown(a)} with ${shown(b)}`;
    const within = (what: string, items: readonly { path: string }[] | undefined) => collisions((items ?? []).map(({ path }) => ({ path, source: '' }))).map(([a, b]) => text(what, a, b));
    const out: string[] = [];
    if (volume.configMap) out.push(...within(`ConfigMap ${quote(volume.configMap.name ?? '')}`, volume.configMap.items));
    if (volume.secret) out.push(...within(`Secret ${quote(volume.secret.secretName ?? '')}`, volume.secret.items));
    if (volume.downwardAPI) out.push(...within('DownwardAPI', volume.downwardAPI.items));
    if (!volume.projected) return out;
    const places = (volume.projected.sources ?? []).flatMap((source): Place[] => {
      if (Object.keys(source).length === 0) out.push(`volume ${quote(volume.name)} (Projected) has no sources provided`);
      const { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle } = source;
      const from = (items: readonly { path: string }[] | undefined, name: string) => (items ?? []).map(({ path }) => ({ path, source: name }));
      if (configMap) return from(configMap.items, `ConfigMap ${quote(configMap.name ?? '')}`);
      if (secret) return from(secret.items, `Secret ${quote(secret.name ?? '')}`);
      if (downwardAPI) return from(downwardAPI.items, 'DownwardAPI');
      if (serviceAccountToken) return [{ path: serviceAccountToken.path, source: 'ServiceAccountToken' }];
      if (clusterTrustBundle) return [{ path: clusterTrustBundle.path, source: `ClusterTrustBundle ${quote(clusterTrustBundle.name ?? clusterTrustBundle.signerName ?? '')}` }];
      return [];
    });
    return [...out, ...collisions(places).map(([a, b]) => text('Projected', a, b))];
  });
}

function collisions(places: readonly Place[]): [Place, Place][] {
  const out: [Place, Place][] = [];
  const seen: Place[] = [];
  for (const given of places) {
    const place = { ...given, path: given.path.replace(/\/+$/, '') };
    for (const other of seen) if (place.path && other.path && (`${other.path}/`.startsWith(`${place.path}/`) || `${place.path}/`.startsWith(`${other.path}/`))) out.push([place, other]);
    seen.push(place);
  }
  return out;
}
