import type { Pod, TopologySpreadConstraint } from '@pilothouse/api-schemas/types/core/v1';
import { controllerOf } from '@pilothouse/apimachinery/meta';
import type { ClusterObjects } from '../../objects.ts';
import type { PodInfo } from '../../pod/pod-info.ts';
import { hasUntoleratedTaint } from '../../pod/tolerations.ts';
import { bothSelectors, isEmpty, type Labels, labelSelector, type Selector, selectorOf, selectorOfLabels } from '../../selector.ts';
import type { ClusterSnapshot } from '../../snapshot/cluster-snapshot.ts';

export interface PodTopologySpreadArgs {
  defaultConstraints?: TopologySpreadConstraint[];
  /** `System`: the built-in defaults; `List`: those given. */
  defaultingType: 'System' | 'List';
}

export interface Constraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly selector: Selector;
  readonly honorAffinity: boolean;
  readonly honorTaints: boolean;
}

export type Unsatisfiable = 'DoNotSchedule' | 'ScheduleAnyway';

export const hostname = 'kubernetes.io/hostname';
const systemDefaults: readonly TopologySpreadConstraint[] = [
  { topologyKey: hostname, whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 3 },
  { topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 5 },
];

function parse(c: TopologySpreadConstraint, podLabels: Labels): Constraint {
  const own = Object.fromEntries((c.matchLabelKeys ?? []).filter((key) => podLabels[key] !== undefined).map((key) => [key, podLabels[key]]));
  let selector = labelSelector(c.labelSelector);
  if (Object.keys(own).length && !selector.nothing) selector = bothSelectors(selectorOfLabels(own), selector);
  return { topologyKey: c.topologyKey, maxSkew: c.maxSkew, minDomains: c.minDomains ?? 1, selector, honorAffinity: (c.nodeAffinityPolicy ?? 'Honor') === 'Honor', honorTaints: c.nodeTaintsPolicy === 'Honor' };
}

/** Constraints of a pod: its own, else the profile's defaults over the pods that its services and controller select. */
export class ConstraintSource {
  readonly #defaults: readonly TopologySpreadConstraint[];
  readonly #objects: ClusterObjects;
  /** The built-in defaults apply: nodes without their labels count too. */
  readonly systemDefaulted: boolean;

  constructor(args: PodTopologySpreadArgs, objects: ClusterObjects) {
    this.systemDefaulted = args.defaultingType === 'System';
    this.#defaults = this.systemDefaulted ? systemDefaults : (args.defaultConstraints ?? []);
    this.#objects = objects;
  }

  /** @throws Error for a selector the API would refuse. */
  of(pod: Pod, action: Unsatisfiable): readonly Constraint[] {
    const own = pod.spec?.topologySpreadConstraints;
    const labels = pod.metadata.labels ?? {};
    if (own?.length) return own.filter((c) => c.whenUnsatisfiable === action).map((c) => parse(c, labels));
    const defaults = this.#defaults.filter((c) => c.whenUnsatisfiable === action);
    if (!defaults.length) return [];
    const selector = defaultSelector(pod, this.#objects);
    return isEmpty(selector) ? [] : defaults.map((c) => ({ ...parse(c, labels), selector }));
  }
}

/** What the services that select the pod and the controller that owns it select. Empty where there are none. */
export function defaultSelector(pod: Pod, objects: ClusterObjects): Selector {
  const namespace = pod.metadata.namespace ?? '';
  const podLabels = pod.metadata.labels ?? {};
  const merged: Record<string, string> = {};
  for (const service of objects.services.inNamespace(namespace)) {
    const wanted = service.spec?.selector;
    if (wanted && Object.entries(wanted).every(([key, value]) => podLabels[key] === value)) Object.assign(merged, wanted);
  }
  const owner = controllerOf(pod);
  let more: Selector | undefined;
  if (owner) {
    const key = `${namespace}/${owner.name}`;
    const kind = `${owner.apiVersion}/${owner.kind}`;
    if (kind === 'v1/ReplicationController') Object.assign(merged, objects.replicationControllers.get(key)?.spec?.selector);
    else if (kind === 'apps/v1/ReplicaSet') more = objects.replicaSets.get(key) && labelSelector(objects.replicaSets.get(key)!.spec?.selector);
    else if (kind === 'apps/v1/StatefulSet') more = objects.statefulSets.get(key) && labelSelector(objects.statefulSets.get(key)!.spec?.selector);
  }
  const own = selectorOfLabels(merged);
  return more && !more.nothing ? selectorOf([...own.requirements, ...more.requirements]) : own;
}

/** Whether pods on the node count for the constraint, by its node inclusion policies. */
export function counts(c: Constraint, info: PodInfo, snapshot: ClusterSnapshot, node: number): boolean {
  if (c.honorAffinity && info.requiredAffinity && !info.requiredAffinity(snapshot.labels[node], snapshot.names[node])) return false;
  return !(c.honorTaints && hasUntoleratedTaint(snapshot.taints[node], info.spec.tolerations));
}

/** Whether its policies leave no node out. */
export const countsEverywhere = (c: Constraint, info: PodInfo): boolean => !c.honorTaints && !(c.honorAffinity && info.requiredAffinity);

export function hasAllKeys(constraints: readonly Constraint[], labels: Labels | undefined): boolean {
  for (const c of constraints) if (labels?.[c.topologyKey] === undefined) return false;
  return true;
}
