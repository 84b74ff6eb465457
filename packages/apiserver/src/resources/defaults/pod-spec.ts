/** Defaults of pods and of everything that has a pod template, as `pkg/apis/core/v1/defaults.go` gives them. */
import { formatQuantity, milliValue, milliQuantity, parseQuantity } from '@pilothouse/apimachinery';
import type { Container, LifecycleHandler, Pod, PodSpec, PodStatus, PodTemplateSpec, Probe, Volume } from '@pilothouse/api-schemas/types/core/v1';
import type { Filled } from '../filled.ts';
import { aggregateContainerResources } from '../validation/pod-spec.ts';
import { isHugePage, isOvercommitAllowed } from '../validation/resources.ts';
import { defaultPullPolicy } from './image-name.ts';

const containerLists = ['initContainers', 'containers', 'ephemeralContainers'] as const;

/** Upstream keeps no finer amounts than thousandths. */
export function roundAmounts(amounts: Record<string, string> | undefined): void {
  for (const name in amounts) {
    const q = parseQuantity(amounts[name]);
    if (q.scale < -3) amounts[name] = formatQuantity(milliQuantity(milliValue(q), q.format));
  }
}

function defaultProbe(probe: Probe | undefined): void {
  if (!probe) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  if (probe.grpc) probe.grpc.service ??= '';
  defaultHandler(probe);
}

function defaultHandler(handler: Pick<LifecycleHandler, 'httpGet'> | undefined): void {
  const get = handler?.httpGet;
  if (!get) return;
  get.path ||= '/';
  get.scheme ||= 'HTTP';
}

function defaultContainer(container: Container): void {
  container.imagePullPolicy ||= defaultPullPolicy(container.image ?? '');
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  for (const port of container.ports ?? []) port.protocol ||= 'TCP';
  for (const variable of container.env ?? []) {
    const ref = variable.valueFrom?.fieldRef;
    if (ref) ref.apiVersion ||= 'v1';
    const file = variable.valueFrom?.fileKeyRef;
    if (file) file.optional ??= false;
  }
  roundAmounts(container.resources?.limits);
  roundAmounts(container.resources?.requests);
  defaultProbe(container.livenessProbe);
  defaultProbe(container.readinessProbe);
  defaultProbe(container.startupProbe);
  defaultHandler(container.lifecycle?.postStart);
  defaultHandler(container.lifecycle?.preStop);
}

const filesMode = 0o644;

function defaultVolume(volume: Volume): void {
  if (Object.keys(volume).every((key) => key === 'name')) volume.emptyDir = {};
  if (volume.secret) volume.secret.defaultMode ??= filesMode;
  if (volume.configMap) volume.configMap.defaultMode ??= filesMode;
  if (volume.downwardAPI) volume.downwardAPI.defaultMode ??= filesMode;
  if (volume.hostPath) volume.hostPath.type ??= '';
  if (volume.image) volume.image.pullPolicy ||= defaultPullPolicy(volume.image.reference ?? '');
  const claim = volume.ephemeral?.volumeClaimTemplate?.spec;
  if (claim) {
    claim.volumeMode ??= 'Filesystem';
    roundAmounts(claim.resources?.requests);
    roundAmounts(claim.resources?.limits);
  }
  if (volume.azureDisk) {
    volume.azureDisk.cachingMode ??= 'ReadWrite';
    volume.azureDisk.kind ??= 'Shared';
    volume.azureDisk.fsType ??= 'ext4';
    volume.azureDisk.readOnly ??= false;
  }
  for (const file of volume.downwardAPI?.items ?? []) if (file.fieldRef) file.fieldRef.apiVersion ||= 'v1';
  if (!volume.projected) return;
  volume.projected.defaultMode ??= filesMode;
  for (const source of volume.projected.sources ?? []) {
    if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= 3600;
    for (const file of source.downwardAPI?.items ?? []) if (file.fieldRef) file.fieldRef.apiVersion ||= 'v1';
  }
}

export function defaultPodSpec(spec: PodSpec): void {
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
  for (const list of containerLists) for (const container of spec[list] ?? []) defaultContainer(container as Container);
  spec.restartPolicy ||= 'Always';
  spec.terminationGracePeriodSeconds ??= 30;
  spec.dnsPolicy ||= 'ClusterFirst';
  if (spec.serviceAccountName || spec.serviceAccount) {
    // The deprecated name mirrors the new one, which wins.
    spec.serviceAccountName ||= spec.serviceAccount;
    spec.serviceAccount = spec.serviceAccountName;
  }
  spec.securityContext ??= {};
  spec.schedulerName ||= 'default-scheduler';
  roundAmounts(spec.overhead);
  roundAmounts(spec.resources?.limits);
  roundAmounts(spec.resources?.requests);
}

export function defaultPodTemplate(template: PodTemplateSpec | undefined): void {
  if (template?.spec) defaultPodSpec(template.spec);
}

/** What only a pod itself gets: requests from limits, service links, ports of its node. */
export function defaultPod(pod: Filled<Pod>): void {
  const { spec } = pod;
  defaultPodSpec(spec);
  for (const list of ['containers', 'initContainers'] as const) for (const container of spec[list] ?? []) requestLimits(container);
  defaultPodLevelResources(spec);
  // Pods only: a template keeps what it says, and warns.
  if (spec.terminationGracePeriodSeconds! < 0) spec.terminationGracePeriodSeconds = 1;
  spec.enableServiceLinks ??= true;
  if (spec.hostNetwork) for (const list of ['containers', 'initContainers'] as const) for (const container of spec[list] ?? []) for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
  settleIps(pod.status);
}

/** `podIP` is the first of `podIPs`; where they differ, the single one is right. */
function settleIps(status: PodStatus): void {
  const { podIP, podIPs } = status;
  if (podIP && podIP !== podIPs?.[0]?.ip) status.podIPs = [{ ip: podIP }];
  else if (!podIP && podIPs?.[0]?.ip) status.podIP = podIPs[0].ip;
}

function requestLimits(container: Container): void {
  const limits = container.resources?.limits;
  if (!limits) return;
  container.resources!.requests = sorted({ ...limits, ...container.resources!.requests });
}

function sorted(amounts: Record<string, string>): Record<string, string> {
  const names = Object.keys(amounts);
  if (names.every((name, i) => i === 0 || names[i - 1] < name)) return amounts;
  const out: Record<string, string> = {};
  for (const name of names.sort()) out[name] = amounts[name];
  return out;
}
const isPodLevel = (name: string) => name === 'cpu' || name === 'memory' || isHugePage(name);

function defaultPodLevelResources(spec: PodSpec): void {
  const own = spec.resources;
  if (!own || (!hasAny(own.limits) && !hasAny(own.requests))) return;
  const limits: Record<string, string> = { ...own.limits };
  for (const [name, amount] of Object.entries(aggregateContainerResources(spec, 'limits'))) if (isHugePage(name) && own.requests?.[name] === undefined) limits[name] ??= formatQuantity(amount);
  if (hasAny(limits)) own.limits = sorted(limits);
  if (!hasAny(own.limits)) return;
  const requests: Record<string, string> = { ...own.requests };
  for (const [name, amount] of Object.entries(aggregateContainerResources(spec, 'requests'))) if (isPodLevel(name) && isOvercommitAllowed(name)) requests[name] ??= formatQuantity(amount);
  for (const name in own.limits) if (isPodLevel(name)) requests[name] ??= own.limits[name];
  if (hasAny(requests)) own.requests = sorted(requests);
}

function hasAny(map: object | undefined): boolean {
  for (const _ in map) return true;
  return false;
}

