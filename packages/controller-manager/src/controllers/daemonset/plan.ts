/** Where a DaemonSet's pods should run, and how they are replaced. Pure. */
import type { DaemonSet, DaemonSetStatus } from '@pilothouse/api-schemas/types/apps/v1';
import type { Node, Pod, PodSpec, PodTemplateSpec, Taint, Toleration } from '@pilothouse/api-schemas/types/core/v1';
import { clone } from '@pilothouse/client';
import { fitsRequiredAffinity, isPodAvailable, isPodReady, isPodTerminal, scaledValue, tolerates } from '@pilothouse/controller-runtime';

export const hashLabel = 'controller-revision-hash';
const generationLabel = 'pod-template-generation';
const generationAnnotation = 'deprecated.daemonset.template.generation';

/** Taints of nodes in trouble that daemons must outlive. */
const ownTolerations: readonly [key: string, effect: string][] = [
  ['node.kubernetes.io/not-ready', 'NoExecute'],
  ['node.kubernetes.io/unreachable', 'NoExecute'],
  ['node.kubernetes.io/disk-pressure', 'NoSchedule'],
  ['node.kubernetes.io/memory-pressure', 'NoSchedule'],
  ['node.kubernetes.io/pid-pressure', 'NoSchedule'],
  ['node.kubernetes.io/unschedulable', 'NoSchedule'],
];

function withTolerations(spec: PodSpec): Toleration[] {
  const wanted = [...ownTolerations, ...(spec.hostNetwork ? [['node.kubernetes.io/network-unavailable', 'NoSchedule'] as const] : [])];
  const tolerations = [...(spec.tolerations ?? [])];
  for (const [key, effect] of wanted) {
    const at = tolerations.findIndex((t) => t.key === key && t.effect === effect && t.operator === 'Exists' && !t.value);
    const toleration: Toleration = { key, operator: 'Exists', effect };
    if (at >= 0) tolerations[at] = toleration;
    else tolerations.push(toleration);
  }
  return tolerations;
}

/** Undefined where the annotation is absent or no number. */
export function templateGeneration(set: DaemonSet): string | undefined {
  const text = set.metadata.annotations?.[generationAnnotation];
  return text !== undefined && /^-?[0-9]+$/.test(text) ? text : undefined;
}

/** The template for the pod of one node. */
export function templateFor(set: DaemonSet, node: string, hash: string): PodTemplateSpec {
  const template = clone(set.spec!.template);
  const generation = templateGeneration(set);
  template.metadata = { ...template.metadata, labels: { ...template.metadata?.labels, ...(generation !== undefined && { [generationLabel]: generation }), [hashLabel]: hash } };
  const spec = template.spec!;
  spec.tolerations = withTolerations(spec);
  const nodeAffinity = spec.affinity?.nodeAffinity;
  spec.affinity = { ...spec.affinity, nodeAffinity: { ...nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }] } } };
  return template;
}

/** The node a pod runs on, or is meant for. */
export function targetNode(pod: Pod): string | undefined {
  if (pod.spec?.nodeName) return pod.spec.nodeName;
  for (const term of pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []) {
    const field = term.matchFields?.find((f) => f.key === 'metadata.name' && f.operator === 'In');
    if (field) return field.values?.length === 1 ? field.values[0] : undefined;
  }
  return undefined;
}

/** `run`: a pod should be started there; `stay`: one that runs there may go on. */
export function fitsNode(set: DaemonSet, node: Node): { run: boolean; stay: boolean } {
  const spec = set.spec!.template.spec!;
  if ((spec.nodeName && spec.nodeName !== node.metadata.name) || !fitsRequiredAffinity(spec, node)) return { run: false, stay: false };
  const tolerations = withTolerations(spec);
  const untolerated = (effects: readonly string[]) => node.spec?.taints?.some((taint: Taint) => effects.includes(taint.effect) && !tolerations.some((toleration) => tolerates(toleration, taint))) ?? false;
  if (untolerated(['NoExecute', 'NoSchedule'])) return { run: false, stay: !untolerated(['NoExecute']) };
  return { run: true, stay: true };
}

export const isUpdated = (set: DaemonSet, pod: Pod, hash: string): boolean => pod.metadata.labels?.[hashLabel] === hash || (templateGeneration(set) !== undefined && pod.metadata.labels?.[generationLabel] === templateGeneration(set));

/** Bound pods first, then the oldest. */
const byAge = (a: Pod, b: Pod): number => {
  const bound = Number(!a.spec?.nodeName) - Number(!b.spec?.nodeName);
  if (bound) return bound;
  const [x, y] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  return x !== y ? (x < y ? -1 : 1) : a.metadata.name! < b.metadata.name! ? -1 : 1;
};

/** Pods by node; what is finished and going is nobody's concern any more. */
export function groupByNode(pods: readonly Pod[]): Map<string, Pod[]> {
  const groups = new Map<string, Pod[]>();
  for (const pod of pods) {
    if (isPodTerminal(pod) && pod.metadata.deletionTimestamp) continue;
    const node = targetNode(pod);
    if (node !== undefined) groups.set(node, [...(groups.get(node) ?? []), pod]);
  }
  return groups;
}

export interface DaemonPlan {
  /** Nodes to start a pod for. */
  create: string[];
  delete: Pod[];
  /** Failed and finished pods among those deleted. */
  failed: Pod[];
  succeeded: Pod[];
  /** Milliseconds after which pods that are in back-off may be deleted. */
  retryMs?: number;
}

export interface DaemonContext {
  hash: string;
  nowMs: number;
  /** Milliseconds a failed pod of the node must stay yet; 0: it may go. */
  backoffMs(node: string): number;
}

const surgeOf = (set: DaemonSet, nodes: number): number => (set.spec?.updateStrategy?.type === 'RollingUpdate' ? scaledValue(set.spec.updateStrategy.rollingUpdate?.maxSurge, nodes, 'up') : 0);

/** One pod on each node that should have one, none elsewhere. */
export function planPlacement(set: DaemonSet, nodes: readonly Node[], pods: ReadonlyMap<string, readonly Pod[]>, context: DaemonContext): DaemonPlan {
  const plan: DaemonPlan = { create: [], delete: [], failed: [], succeeded: [] };
  const names = new Set(nodes.map((node) => node.metadata.name!));
  for (const node of nodes) placeOnNode(set, node, pods.get(node.metadata.name!), plan, context);
  // Pods meant for nodes that are gone would wait for ever.
  for (const [node, list] of pods) if (!names.has(node)) plan.delete.push(...list.filter((pod) => !pod.spec?.nodeName));
  return plan;
}

function placeOnNode(set: DaemonSet, node: Node, pods: readonly Pod[] | undefined, plan: DaemonPlan, { hash, nowMs, backoffMs }: DaemonContext): void {
  const name = node.metadata.name!;
  const { run, stay } = fitsNode(set, node);
  if (!pods) {
    if (run) plan.create.push(name);
    return;
  }
  const live = pods.filter((pod) => !pod.metadata.deletionTimestamp);
  if (!stay) {
    plan.delete.push(...live);
    return;
  }
  const running: Pod[] = [];
  for (const pod of live) {
    if (pod.status?.phase === 'Failed') {
      const waitMs = backoffMs(name);
      if (waitMs > 0) {
        plan.retryMs = Math.min(plan.retryMs ?? waitMs, waitMs);
        continue;
      }
      plan.failed.push(pod);
      plan.delete.push(pod);
    } else if (pod.status?.phase === 'Succeeded') {
      plan.succeeded.push(pod);
      plan.delete.push(pod);
    } else running.push(pod);
  }
  running.sort(byAge);
  if (surgeOf(set, 1) === 0) {
    plan.delete.push(...running.slice(1));
    return;
  }
  if (running.length <= 1) {
    if (!running.length && run) plan.create.push(name);
    return;
  }
  const fresh = running.filter((pod) => pod.metadata.labels?.[hashLabel] === hash);
  const old = running.filter((pod) => pod.metadata.labels?.[hashLabel] !== hash);
  plan.delete.push(...fresh.slice(1), ...old.slice(1));
  // Old and new stand side by side only while the old one serves and the new one does not yet.
  if (fresh.length && old.length && (!isPodReady(old[0]) || isPodAvailable(fresh[0], set.spec?.minReadySeconds ?? 0, nowMs))) plan.delete.push(old[0]);
}

/** Which old pods to replace now, within what may be missing or surplus. */
export function planUpdate(set: DaemonSet, nodes: readonly Node[], pods: ReadonlyMap<string, readonly Pod[]>, { hash, nowMs }: { hash: string; nowMs: number }): { create: string[]; delete: Pod[] } {
  const byName = new Map(nodes.map((node) => [node.metadata.name!, node]));
  const runs = (name: string) => byName.has(name) && fitsNode(set, byName.get(name)!).run;
  const all = new Map<string, readonly Pod[]>(pods);
  const desired = nodes.filter((node) => runs(node.metadata.name!));
  for (const node of desired) if (!all.has(node.metadata.name!)) all.set(node.metadata.name!, []);
  const available = (pod: Pod) => isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs);
  const maxSurge = surgeOf(set, desired.length);
  let maxUnavailable = scaledValue(set.spec?.updateStrategy?.rollingUpdate?.maxUnavailable, desired.length, 'up');
  if (desired.length && !maxUnavailable && !maxSurge) maxUnavailable = 1;
  const pairs = [...all].map(([name, list]) => ({ name, ...pairOf(set, list, hash) }));
  return maxSurge === 0 ? replaceInPlace(pairs, { maxUnavailable, available }) : replaceBySurge(pairs, { maxSurge, available, runs, desired: desired.length });
}

interface Pair {
  name: string;
  fresh?: Pod;
  old?: Pod;
  /** More than one of either kind: placement must clean up first. */
  crowded: boolean;
}

function pairOf(set: DaemonSet, pods: readonly Pod[], hash: string): Omit<Pair, 'name'> {
  const live = pods.filter((pod) => !pod.metadata.deletionTimestamp);
  const fresh = live.filter((pod) => isUpdated(set, pod, hash));
  const old = live.filter((pod) => !isUpdated(set, pod, hash));
  return { fresh: fresh[0], old: old[0], crowded: fresh.length > 1 || old.length > 1 };
}

function replaceInPlace(pairs: readonly Pair[], { maxUnavailable, available }: { maxUnavailable: number; available: (pod: Pod) => boolean }): { create: string[]; delete: Pod[] } {
  let unavailable = 0;
  const broken: Pod[] = [];
  const candidates: Pod[] = [];
  for (const { fresh, old, crowded } of pairs) {
    if (crowded || !fresh === !old) unavailable++;
    else if (fresh) unavailable += available(fresh) ? 0 : 1;
    else if (!available(old!)) {
      broken.push(old!);
      unavailable++;
    } else candidates.push(old!);
  }
  return { create: [], delete: [...broken, ...candidates.slice(0, Math.max(0, maxUnavailable - unavailable))] };
}

function replaceBySurge(pairs: readonly Pair[], { maxSurge, available, runs, desired }: { maxSurge: number; available: (pod: Pod) => boolean; runs: (node: string) => boolean; desired: number }): { create: string[]; delete: Pod[] } {
  const gone: Pod[] = [];
  const misplaced: Pod[] = [];
  const needed: string[] = [];
  const candidates: string[] = [];
  let surge = 0;
  let serving = 0;
  for (const { name, fresh, old, crowded } of pairs) {
    if (crowded) {
      surge++;
      continue;
    }
    const present = old ?? fresh;
    if (present && available(present)) serving++;
    if (!old) continue;
    if (fresh) {
      if (available(fresh)) gone.push(old);
      else surge++;
    } else if (!available(old)) {
      if (runs(name)) needed.push(name);
      else gone.push(old);
    } else if (!runs(name)) misplaced.push(old);
    else candidates.push(name);
  }
  gone.push(...misplaced.slice(0, Math.max(0, serving - desired)));
  return { create: [...needed, ...candidates.slice(0, Math.max(0, maxSurge - surge))], delete: gone };
}

/** `observe`: whether the set's generation was acted on. */
export function daemonStatus(set: DaemonSet, nodes: readonly Node[], pods: ReadonlyMap<string, readonly Pod[]>, { hash, nowMs, observe }: { hash: string; nowMs: number; observe: boolean }): DaemonSetStatus {
  const status = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0, updatedNumberScheduled: 0, numberAvailable: 0 };
  for (const node of nodes) {
    const list = pods.get(node.metadata.name!) ?? [];
    if (!fitsNode(set, node).run) {
      if (list.length) status.numberMisscheduled++;
      continue;
    }
    status.desiredNumberScheduled++;
    if (!list.length) continue;
    status.currentNumberScheduled++;
    const [pod] = [...list].sort(byAge);
    if (isPodReady(pod)) status.numberReady++;
    if (isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs)) status.numberAvailable++;
    if (isUpdated(set, pod, hash)) status.updatedNumberScheduled++;
  }
  return { ...set.status, ...status, numberUnavailable: status.desiredNumberScheduled - status.numberAvailable, ...(observe && { observedGeneration: set.metadata.generation }) };
}
