/** What the scheduler knows of one version of a pod, worked out once and only where it is asked for. */
import type { Pod, PodSpec } from '@pilothouse/api-schemas/types/core/v1';
import { parseTime } from '@pilothouse/base/clock';
import { type AffinityTerms, affinityTermsOf } from './affinity-terms.ts';
import type { Amounts } from './amounts.ts';
import { type HostPort, hostPortsOf } from './host-ports.ts';
import { type NodePredicate, requiredNodeAffinity } from './node-affinity.ts';
import { type Demand, demandOf, nonZeroRequests, podRequests, statusTells } from './requests.ts';

export class PodInfo {
  pod: Pod;
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly priority: number;
  /** Has pod affinity or anti-affinity of any kind. */
  readonly withAffinity: boolean;
  readonly withRequiredAntiAffinity: boolean;
  /** What the pod takes on its node, resizes counted. */
  readonly demand: Demand;
  readonly nonZeroCpuMilli: number;
  readonly nonZeroMemory: number;
  readonly hostPorts: readonly HostPort[];
  /** `namespace/claim` of its persistent volume claims. */
  readonly claims: readonly string[];
  #requests: Amounts | undefined;
  #scheduling: Demand | undefined;
  #terms: AffinityTerms | undefined;
  #required: NodePredicate | undefined | null = null;
  #spec: string | undefined;
  /** The text that `#startMs` was read from. */
  #startText: string | undefined;
  #startMs: number | undefined;

  constructor(pod: Pod) {
    this.pod = pod;
    this.uid = pod.metadata.uid ?? '';
    this.namespace = pod.metadata.namespace ?? '';
    this.name = pod.metadata.name ?? '';
    this.priority = pod.spec?.priority ?? 0;
    const affinity = pod.spec?.affinity;
    this.withAffinity = Boolean(affinity?.podAffinity || affinity?.podAntiAffinity);
    this.withRequiredAntiAffinity = Boolean(affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.length);
    const running = podRequests(pod, { useStatus: true });
    const nonZero = nonZeroRequests(pod, running);
    this.demand = demandOf(running);
    if (!statusTells(pod)) {
      this.#requests = running;
      this.#scheduling = this.demand;
    }
    this.nonZeroCpuMilli = nonZero.cpuMilli;
    this.nonZeroMemory = nonZero.memory;
    this.hostPorts = hostPortsOf(pod);
    this.claims = claimsOf(pod);
  }

  /** Takes a newer version of the same pod where nothing changed that was worked out; false (and nothing taken) where something did. */
  adopt(pod: Pod): boolean {
    const old = this.pod;
    if (old === pod) return true;
    if (pod.metadata.uid !== this.uid || Boolean(pod.metadata.deletionTimestamp) !== Boolean(old.metadata.deletionTimestamp) || !sameMap(pod.metadata.labels, old.metadata.labels)) return false;
    if ((pod.spec?.priority ?? 0) !== this.priority || !sameContainers(pod.spec?.containers, old.spec?.containers) || !sameContainers(pod.spec?.initContainers, old.spec?.initContainers)) return false;
    if (!sameResources(pod.spec?.resources, old.spec?.resources) || !statusCounts(pod, old)) return false;
    this.pod = pod;
    return true;
  }

  get spec(): PodSpec {
    return this.pod.spec!;
  }

  /** `namespace/name`. */
  get key(): string {
    return `${this.namespace}/${this.name}`;
  }

  /** Requests as the filter takes them: from the spec alone. */
  get requests(): Amounts {
    this.#requests ??= podRequests(this.pod);
    return this.#requests;
  }

  get scheduling(): Demand {
    this.#scheduling ??= demandOf(this.requests);
    return this.#scheduling;
  }

  get terms(): AffinityTerms {
    this.#terms ??= affinityTermsOf(this.pod);
    return this.#terms;
  }

  /** nodeSelector and required node affinity; undefined where the pod has none. */
  get requiredAffinity(): NodePredicate | undefined {
    if (this.#required === null) this.#required = requiredNodeAffinity(this.pod);
    return this.#required;
  }

  /** Milliseconds since the epoch; undefined where the kubelet has not started it yet. */
  get startTimeMs(): number | undefined {
    const time = this.pod.status?.startTime;
    if (time !== this.#startText) {
      this.#startText = time;
      this.#startMs = time ? parseTime(time) : undefined;
    }
    return this.#startMs;
  }

  /** Equal for pods that ask the same of a node itself (not of other pods). */
  get nodeFragment(): string {
    this.#spec ??= nodeFragmentOf(this);
    return this.#spec;
  }
}

function sameMap(a: Readonly<Record<string, string>> | undefined, b: Readonly<Record<string, string>> | undefined): boolean {
  if (a === b) return true;
  let size = 0;
  for (const key in a) {
    if (a[key] !== b?.[key]) return false;
    size++;
  }
  for (const _ in b) size--;
  return size === 0;
}

type Resources = { requests?: Record<string, string> } | undefined;
const sameResources = (a: Resources, b: Resources) => sameMap(a?.requests, b?.requests);

function sameContainers(a: readonly { resources?: Resources }[] | undefined, b: readonly { resources?: Resources }[] | undefined): boolean {
  if (a === b) return true;
  if ((a?.length ?? 0) !== (b?.length ?? 0)) return false;
  return a?.every((c, i) => sameResources(c.resources, b![i].resources)) ?? true;
}

/** Whether what the status says of resources leaves the pod counted as before: it does where it repeats the spec. */
function statusCounts(pod: Pod, old: Pod): boolean {
  const told = (p: Pod) => {
    const all = [...(p.status?.containerStatuses ?? []), ...(p.status?.initContainerStatuses ?? [])].filter((s) => s.resources || s.allocatedResources).map((s) => [s.name, s.allocatedResources, s.resources?.requests]);
    return all.length || p.status?.allocatedResources || p.status?.resources ? JSON.stringify([all, p.status?.allocatedResources, p.status?.resources?.requests, p.status?.conditions?.find((c) => c.type === 'PodResizePending')?.reason]) : '';
  };
  return told(pod) === told(old);
}

const none: readonly string[] = [];
function claimsOf(pod: Pod): readonly string[] {
  let claims: string[] | undefined;
  for (const volume of pod.spec?.volumes ?? []) if (volume.persistentVolumeClaim) (claims ??= []).push(`${pod.metadata.namespace}/${volume.persistentVolumeClaim.claimName}`);
  return claims ?? none;
}

function nodeFragmentOf(info: PodInfo): string {
  const spec = info.spec;
  const images: unknown[] = [];
  for (const c of spec.initContainers ?? none) images.push((c as { image?: string }).image);
  images.push(spec.containers.length);
  for (const c of spec.containers) images.push(c.image);
  return JSON.stringify([
    spec.nodeName, spec.tolerations, spec.nodeSelector, spec.affinity?.nodeAffinity, info.hostPorts, [...info.requests], info.nonZeroCpuMilli, info.nonZeroMemory, images,
    spec.hostUsers, spec.os, spec.resources, spec.volumes?.length ? info.namespace : undefined, spec.volumes?.filter(volumeMatters), spec.resourceClaims?.length ? [info.uid] : undefined,
  ]);
}

/** Volumes that no plugin looks at are left out, so that pods which differ only in their token's or configuration's name are alike. */
const volumeMatters = (volume: object): boolean => {
  for (const key in volume) if (key !== 'name' && key !== 'projected' && key !== 'configMap' && key !== 'secret' && key !== 'emptyDir' && key !== 'downwardAPI') return true;
  return false;
};
