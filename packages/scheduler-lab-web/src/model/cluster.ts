/** Nodes as the page shows them. Pure. */
import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { milliValue, quantityValue } from '@pilothouse/apimachinery/quantity';
import { type Amounts, noAmounts, podRequests } from './amounts.ts';

export interface PodOnNode {
  key: string;
  name: string;
  namespace: string;
  requests: Amounts;
  priority: number;
  /** Is being deleted: a victim of preemption, or simply ended. */
  leaving: boolean;
  phase: string;
}

export interface NodeView {
  name: string;
  ready: boolean;
  cordoned: boolean;
  /** `key=value:Effect`, those of cordons and conditions left out. */
  taints: string[];
  labels: Readonly<Record<string, string>>;
  zone: string;
  used: Amounts;
  allocatable: Amounts;
  /** Most pods it takes. */
  podLimit: number;
  pods: PodOnNode[];
}

export const zoneLabel = 'topology.kubernetes.io/zone';

export const taintText = (taint: { key?: string; value?: string; effect?: string }): string => `${taint.key}${taint.value ? `=${taint.value}` : ''}:${taint.effect}`;

const finished = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

/** Nodes by name, each with its pods: by priority, then by name. Ended pods take nothing and are left out. */
export function nodeViews(nodes: readonly Node[], pods: readonly Pod[]): NodeView[] {
  const views = new Map<string, NodeView>();
  for (const node of nodes) {
    const allocatable = node.status?.allocatable ?? node.status?.capacity ?? {};
    views.set(node.metadata.name!, {
      name: node.metadata.name!,
      ready: node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false,
      cordoned: node.spec?.unschedulable ?? false,
      taints: (node.spec?.taints ?? []).filter((t) => !t.key.startsWith('node.kubernetes.io/')).map(taintText),
      labels: node.metadata.labels ?? {},
      zone: node.metadata.labels?.[zoneLabel] ?? '',
      used: noAmounts,
      allocatable: { cpuMilli: milliValue(allocatable.cpu ?? '0'), memoryBytes: quantityValue(allocatable.memory ?? '0') },
      podLimit: quantityValue(allocatable.pods ?? '0'),
      pods: [],
    });
  }
  for (const pod of pods) {
    const view = views.get(pod.spec?.nodeName ?? '');
    if (!view || finished(pod)) continue;
    const requests = podRequests(pod);
    view.used = { cpuMilli: view.used.cpuMilli + requests.cpuMilli, memoryBytes: view.used.memoryBytes + requests.memoryBytes };
    view.pods.push({
      key: `${pod.metadata.namespace}/${pod.metadata.name}`,
      name: pod.metadata.name!,
      namespace: pod.metadata.namespace!,
      requests,
      priority: pod.spec?.priority ?? 0,
      leaving: pod.metadata.deletionTimestamp !== undefined,
      phase: pod.status?.phase ?? 'Pending',
    });
  }
  for (const view of views.values()) view.pods.sort((a, b) => b.priority - a.priority || (a.key < b.key ? -1 : 1));
  return [...views.values()].sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
}

/** 0 to 1, and beyond where a node is overcommitted; 0 of nothing is 0. */
export const share = (used: number, total: number): number => (total > 0 ? used / total : 0);

/** How much of a node there is room to show: everything about it, its name and bars, or one coloured tile. */
export const density = (count: number): 'cards' | 'rows' | 'tiles' => (count <= 16 ? 'cards' : count <= 80 ? 'rows' : 'tiles');

/** Nodes whose name, zone, label (`key=value` or a part) or taint contains every word of the search. */
export function searchNodes<T extends Pick<NodeView, 'name' | 'labels' | 'taints'>>(nodes: readonly T[], search: string): readonly T[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return nodes;
  return nodes.filter((node) => {
    const text = [node.name, ...Object.entries(node.labels).map(([k, v]) => `${k}=${v}`), ...node.taints].join(' ').toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** What all names begin with, up to a dash; '' where they share too little. Leaving it out makes room. */
export function sharedPrefix(names: readonly string[]): string {
  if (names.length < 2) return '';
  let prefix = names[0];
  for (const name of names) while (!name.startsWith(prefix)) prefix = prefix.slice(0, -1);
  const dash = prefix.lastIndexOf('-');
  return dash > 3 ? prefix.slice(0, dash + 1) : '';
}
