/**
 * The nodes and the pods on them as columns, for filters and scores in tight loops. Nodes are known by a small index
 * that stays theirs while they are there. All updates are incremental; `generation[i]` changes whenever anything about node
 * `i` does, `structure` whenever the set of nodes or what a node itself is (labels, taints) does.
 *
 * The scheduling cycle runs between two updates, so no copy is taken for it. Indexes 0 and 1 are scratch: a node copied there
 * can be changed for a what-if without touching the real one or the cluster-wide indexes.
 */
import type { Node, Taint } from '@pilothouse/api-schemas/types/core/v1';
import { amountsOf, isScalarResource } from '../pod/amounts.ts';
import { PortTable } from '../pod/host-ports.ts';
import { PodInfo } from '../pod/pod-info.ts';
import type { Labels } from '../selector.ts';
import { grownCodes, grownFloats, LabelColumn, ScalarColumn } from './columns.ts';
import { ImageTable } from './images.ts';
import { NodeOrder, zoneKeyOf } from './node-order.ts';

export interface PlacedPod {
  readonly info: PodInfo;
  readonly node: number;
}

/** Who follows what happens to a snapshot, so that an older one can be made of it. */
export interface SnapshotObserver {
  /** A node came (`old` undefined), changed, or went (`now` undefined). */
  node(old: Node | undefined, now: Node | undefined): void;
  /** `sign` 1: the pod came to the node. */
  pod(info: PodInfo, node: string, sign: 1 | -1): void;
}

/** One step of history, for states that are kept up to date rather than computed anew. */
export interface PodChange {
  readonly sign: 1 | -1;
  readonly info: PodInfo;
  readonly node: number;
}

const scratchSlots = 2;
const noLabels: Labels = {};
const noTaints: readonly Taint[] = [];
const longestHistory = 8192;

export class ClusterSnapshot {
  capacity = 64;
  cpuAllocatable: Float64Array = new Float64Array(64);
  memoryAllocatable: Float64Array = new Float64Array(64);
  storageAllocatable: Float64Array = new Float64Array(64);
  podsAllowed: Float64Array = new Float64Array(64);
  cpuRequested: Float64Array = new Float64Array(64);
  memoryRequested: Float64Array = new Float64Array(64);
  storageRequested: Float64Array = new Float64Array(64);
  cpuNonZero: Float64Array = new Float64Array(64);
  memoryNonZero: Float64Array = new Float64Array(64);
  /** Changes with every change of the node or its pods; never the same number twice. */
  generation: Float64Array = new Float64Array(64);
  unschedulable: Uint8Array = new Uint8Array(64);
  /** Lowest priority of the pods on the node; Infinity where there are none. */
  lowestPriority: Float64Array = new Float64Array(64);
  readonly nodes: (Node | undefined)[] = [];
  readonly names: string[] = [];
  readonly labels: Labels[] = [];
  readonly taints: (readonly Taint[])[] = [];
  readonly pods: PodInfo[][] = [];
  readonly ports: (PortTable | undefined)[] = [];
  readonly images = new ImageTable();
  readonly order = new NodeOrder();
  /** Pods by uid in their namespaces, on nodes that are known or not. */
  readonly podsByNamespace = new Map<string, Map<string, PlacedPod>>();
  readonly podsWithAffinity = new Map<string, PlacedPod>();
  readonly podsWithRequiredAntiAffinity = new Map<string, PlacedPod>();
  readonly #claims = new Map<string, number>();
  readonly #scalars = new Map<string, ScalarColumn>();
  readonly #labelColumns = new Map<string, LabelColumn>();
  readonly #indexOf = new Map<string, number>();
  readonly #free: number[] = [];
  #next = scratchSlots;
  #generation = 0;
  /** Changes when nodes come, go, or change what they are. */
  structure = 0;
  /** Number of the first change still in `history`. */
  historyStart = 0;
  readonly history: PodChange[] = [];
  observer: SnapshotObserver | undefined;

  constructor() {
    for (let i = 0; i < scratchSlots; i++) this.#clear(i, '');
  }

  /** Number of nodes. */
  get size(): number {
    return this.order.size;
  }

  /** Indexes of all nodes in the order they are tried. */
  list(): Int32Array {
    return this.order.list();
  }

  /** -1 where there is no such node. */
  indexOf(name: string): number {
    const index = this.#indexOf.get(name);
    return index === undefined || !this.nodes[index] ? -1 : index;
  }

  /** Number of the next change. */
  get historyEnd(): number {
    return this.historyStart + this.history.length;
  }

  scalar(name: string): ScalarColumn | undefined {
    return this.#scalars.get(name);
  }

  /** The column of a label; made on first use and kept up to date from then on. */
  label(key: string): LabelColumn {
    let column = this.#labelColumns.get(key);
    if (!column) {
      column = new LabelColumn(key, this.capacity);
      for (let i = 0; i < this.#next; i++) column.set(i, this.labels[i]?.[key]);
      this.#labelColumns.set(key, column);
    }
    return column;
  }

  /** Whether any pod on a node uses the claim `namespace/name`. */
  claimInUse(claim: string): boolean {
    return this.#claims.has(claim);
  }

  hasPod(uid: string, namespace: string): PlacedPod | undefined {
    return this.podsByNamespace.get(namespace)?.get(uid);
  }

  /** Adds the node or takes its new version. Returns its index. */
  setNode(node: Node): number {
    const name = node.metadata.name!;
    const index = this.#slot(name);
    const old = this.nodes[index];
    this.nodes[index] = node;
    this.labels[index] = node.metadata.labels ?? noLabels;
    this.taints[index] = node.spec?.taints ?? noTaints;
    this.unschedulable[index] = node.spec?.unschedulable ? 1 : 0;
    for (const column of this.#labelColumns.values()) column.set(index, this.labels[index][column.key]);
    this.#setAllocatable(index, node);
    this.images.put(index, node);
    this.order.put(index, zoneKeyOf(node));
    if (!old || !sameStructure(old, node)) this.structure++;
    this.generation[index] = ++this.#generation;
    this.observer?.node(old, node);
    return index;
  }

  /** Pods that are still there keep their place until they go too. */
  removeNode(name: string): void {
    const index = this.#indexOf.get(name);
    const old = index === undefined ? undefined : this.nodes[index];
    if (index === undefined || !old) return;
    this.nodes[index] = undefined;
    this.labels[index] = noLabels;
    this.taints[index] = noTaints;
    for (const column of this.#labelColumns.values()) column.codes[index] = -1;
    this.images.remove(index);
    this.order.remove(index);
    this.structure++;
    this.generation[index] = ++this.#generation;
    this.observer?.node(old, undefined);
    this.#release(index);
  }

  addPod(info: PodInfo, nodeName: string): void {
    const index = this.#slot(nodeName);
    this.#applyPod(index, info, 1);
    const placed: PlacedPod = { info, node: index };
    let pods = this.podsByNamespace.get(info.namespace);
    if (!pods) this.podsByNamespace.set(info.namespace, (pods = new Map()));
    pods.set(info.uid, placed);
    if (info.withAffinity) this.podsWithAffinity.set(info.uid, placed);
    if (info.withRequiredAntiAffinity) this.podsWithRequiredAntiAffinity.set(info.uid, placed);
    for (const claim of info.claims) this.#claims.set(claim, (this.#claims.get(claim) ?? 0) + 1);
    this.#remember({ sign: 1, info, node: index });
    this.observer?.pod(info, nodeName, 1);
  }

  /** False where the pod was not there. */
  removePod(uid: string, namespace: string): boolean {
    const pods = this.podsByNamespace.get(namespace);
    const placed = pods?.get(uid);
    if (!placed) return false;
    const { info, node } = placed;
    this.#applyPod(node, info, -1);
    pods!.delete(uid);
    if (!pods!.size) this.podsByNamespace.delete(namespace);
    this.podsWithAffinity.delete(uid);
    this.podsWithRequiredAntiAffinity.delete(uid);
    for (const claim of info.claims) {
      const left = this.#claims.get(claim)! - 1;
      if (left > 0) this.#claims.set(claim, left);
      else this.#claims.delete(claim);
    }
    this.#remember({ sign: -1, info, node });
    this.observer?.pod(info, this.names[node], -1);
    this.#release(node);
    return true;
  }

  /** Copies node `from` into scratch slot 0 or 1 and returns the slot. */
  copyToScratch(from: number, slot: 0 | 1): number {
    for (const column of [this.cpuAllocatable, this.memoryAllocatable, this.storageAllocatable, this.podsAllowed, this.cpuRequested, this.memoryRequested, this.storageRequested, this.cpuNonZero, this.memoryNonZero, this.generation, this.lowestPriority]) column[slot] = column[from];
    this.unschedulable[slot] = this.unschedulable[from];
    this.nodes[slot] = this.nodes[from];
    this.names[slot] = this.names[from];
    this.labels[slot] = this.labels[from];
    this.taints[slot] = this.taints[from];
    this.pods[slot] = this.pods[from].slice();
    this.ports[slot] = this.ports[from]?.clone();
    for (const column of this.#scalars.values()) {
      column.allocatable[slot] = column.allocatable[from];
      column.requested[slot] = column.requested[from];
    }
    for (const column of this.#labelColumns.values()) column.codes[slot] = column.codes[from];
    return slot;
  }

  /** Adds to or takes from a scratch node only. */
  changeScratch(slot: number, info: PodInfo, sign: 1 | -1): void {
    if (slot >= scratchSlots) throw new Error('not a scratch slot');
    this.#applyPod(slot, info, sign);
  }

  #applyPod(i: number, info: PodInfo, sign: 1 | -1): void {
    const pods = this.pods[i];
    if (sign > 0) {
      pods.push(info);
      if (info.priority < this.lowestPriority[i]) this.lowestPriority[i] = info.priority;
    } else {
      const at = pods.findIndex((p) => p.uid === info.uid);
      if (at < 0) return;
      const last = pods.pop()!;
      if (at < pods.length) pods[at] = last;
      if (info.priority <= this.lowestPriority[i]) this.lowestPriority[i] = pods.reduce((low, p) => Math.min(low, p.priority), Infinity);
    }
    const demand = info.demand;
    this.cpuRequested[i] += sign * demand.cpuMilli;
    this.memoryRequested[i] += sign * demand.memory;
    this.storageRequested[i] += sign * demand.ephemeralStorage;
    this.cpuNonZero[i] += sign * info.nonZeroCpuMilli;
    this.memoryNonZero[i] += sign * info.nonZeroMemory;
    for (const [name, amount] of demand.scalars) this.#scalar(name).requested[i] += sign * amount;
    if (info.hostPorts.length) {
      const table = (this.ports[i] ??= new PortTable());
      for (const port of info.hostPorts) sign > 0 ? table.add(port) : table.remove(port);
    }
    this.generation[i] = ++this.#generation;
  }

  #setAllocatable(i: number, node: Node): void {
    const amounts = amountsOf(node.status?.allocatable);
    this.cpuAllocatable[i] = amounts.get('cpu') ?? 0;
    this.memoryAllocatable[i] = amounts.get('memory') ?? 0;
    this.storageAllocatable[i] = amounts.get('ephemeral-storage') ?? 0;
    this.podsAllowed[i] = amounts.get('pods') ?? 0;
    for (const column of this.#scalars.values()) column.allocatable[i] = 0;
    for (const [name, amount] of amounts) if (isScalarResource(name)) this.#scalar(name).allocatable[i] = amount;
  }

  #scalar(name: string): ScalarColumn {
    let column = this.#scalars.get(name);
    if (!column) this.#scalars.set(name, (column = new ScalarColumn(this.capacity)));
    return column;
  }

  #remember(change: PodChange): void {
    this.history.push(change);
    if (this.history.length > longestHistory) {
      this.historyStart += longestHistory / 2;
      this.history.splice(0, longestHistory / 2);
    }
  }

  #slot(name: string): number {
    const known = this.#indexOf.get(name);
    if (known !== undefined) return known;
    const index = this.#free.pop() ?? this.#next++;
    if (index >= this.capacity) this.#grow();
    this.#clear(index, name);
    this.#indexOf.set(name, index);
    return index;
  }

  /** A slot is free once it has neither node nor pods. */
  #release(index: number): void {
    if (this.nodes[index] || this.pods[index].length) return;
    this.#indexOf.delete(this.names[index]);
    this.#clear(index, '');
    this.#free.push(index);
  }

  #clear(i: number, name: string): void {
    for (const column of [this.cpuAllocatable, this.memoryAllocatable, this.storageAllocatable, this.podsAllowed, this.cpuRequested, this.memoryRequested, this.storageRequested, this.cpuNonZero, this.memoryNonZero]) column[i] = 0;
    for (const column of this.#scalars.values()) column.allocatable[i] = column.requested[i] = 0;
    for (const column of this.#labelColumns.values()) column.codes[i] = -1;
    this.unschedulable[i] = 0;
    this.lowestPriority[i] = Infinity;
    this.nodes[i] = undefined;
    this.names[i] = name;
    this.labels[i] = noLabels;
    this.taints[i] = noTaints;
    this.pods[i] = [];
    this.ports[i] = undefined;
    this.generation[i] = ++this.#generation;
  }

  #grow(): void {
    this.capacity *= 2;
    const grow = (column: Float64Array) => grownFloats(column, this.capacity);
    this.cpuAllocatable = grow(this.cpuAllocatable);
    this.memoryAllocatable = grow(this.memoryAllocatable);
    this.storageAllocatable = grow(this.storageAllocatable);
    this.podsAllowed = grow(this.podsAllowed);
    this.cpuRequested = grow(this.cpuRequested);
    this.memoryRequested = grow(this.memoryRequested);
    this.storageRequested = grow(this.storageRequested);
    this.cpuNonZero = grow(this.cpuNonZero);
    this.memoryNonZero = grow(this.memoryNonZero);
    this.generation = grow(this.generation);
    this.lowestPriority = grow(this.lowestPriority);
    const flags = new Uint8Array(this.capacity);
    flags.set(this.unschedulable);
    this.unschedulable = flags;
    for (const column of this.#scalars.values()) {
      column.allocatable = grow(column.allocatable);
      column.requested = grow(column.requested);
    }
    for (const column of this.#labelColumns.values()) column.codes = grownCodes(column.codes, this.capacity);
  }

  /** A copy that shares nothing that changes: for what-ifs that go on while the cluster moves. */
  clone(): ClusterSnapshot {
    const copy = new ClusterSnapshot();
    for (const index of this.list()) copy.setNode(this.nodes[index]!);
    for (const pods of this.podsByNamespace.values()) for (const { info, node } of pods.values()) copy.addPod(info, this.names[node]);
    return copy;
  }
}

function sameStructure(a: Node, b: Node): boolean {
  return sameJson(a.metadata.labels, b.metadata.labels) && sameJson(a.spec?.taints, b.spec?.taints) && Boolean(a.spec?.unschedulable) === Boolean(b.spec?.unschedulable);
}
const sameJson = (a: unknown, b: unknown) => a === b || JSON.stringify(a) === JSON.stringify(b);
