/**
 * Who owns what. Nodes are objects, known from informers or only from references to them ("virtual", until the API
 * server says whether they exist). Pure: changes go in, uids to look at come out (k8s.io/kubernetes
 * pkg/controller/garbagecollector/graph_builder.go).
 */
import type { ObjectMeta, OwnerReference } from '@pilothouse/apimachinery';
import { Lru } from '@pilothouse/client';

export interface Identity {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  /** '' for what is cluster-scoped. */
  namespace: string;
}

export interface GraphNode {
  identity: Identity;
  owners: readonly OwnerReference[];
  dependents: Set<GraphNode>;
  /** Not seen by any informer yet. */
  virtual: boolean;
  beingDeleted: boolean;
  /** In foreground deletion: waits for its dependents. */
  deletingDependents: boolean;
}

export interface GraphListener {
  /** Should perhaps be deleted. */
  examine(node: GraphNode, options?: { later?: boolean }): void;
  /** Its dependents are to be set free. */
  orphan(node: GraphNode): void;
  /** The child names an owner that lives in another namespace. */
  misplaced(child: GraphNode, ref: OwnerReference): void;
}

export const foregroundFinalizer = 'foregroundDeletion';
export const orphanFinalizer = 'orphan';

const identityKey = (i: Identity): string => `${i.apiVersion}|${i.kind}|${i.namespace}|${i.name}|${i.uid}`;
const sameIdentity = (a: Identity, b: Identity): boolean => identityKey(a) === identityKey(b);
const matchesRef = (ref: OwnerReference, i: Identity): boolean => ref.uid === i.uid && ref.name === i.name && ref.kind === i.kind && ref.apiVersion === i.apiVersion;
const hasFinalizer = (meta: ObjectMeta, finalizer: string): boolean => meta.finalizers?.includes(finalizer) ?? false;

export class OwnerGraph {
  readonly #nodes = new Map<string, GraphNode>();
  readonly #listener: GraphListener;
  readonly #absent = new Lru<true>(500);

  constructor(listener: GraphListener) {
    this.#listener = listener;
  }

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** The API server said lately that this owner does not exist. */
  isAbsent(identity: Identity): boolean {
    return this.#absent.get(identityKey(identity)) ?? false;
  }

  noteAbsent(identity: Identity): void {
    this.#absent.set(identityKey(identity), true);
  }

  /** An informer saw the object, new or changed. */
  observe(identity: Identity, meta: ObjectMeta, old?: ObjectMeta): void {
    let node = this.#nodes.get(identity.uid);
    const owners = meta.ownerReferences ?? [];
    if (!node) {
      node = { identity, owners, dependents: new Set(), virtual: false, beingDeleted: !!meta.deletionTimestamp, deletingDependents: !!meta.deletionTimestamp && hasFinalizer(meta, foregroundFinalizer) };
      this.#nodes.set(identity.uid, node);
      this.#link(node, owners);
    } else {
      if (node.virtual) this.#realize(node, identity);
      this.#changeOwners(node, owners);
      if (meta.deletionTimestamp) node.beingDeleted = true;
    }
    this.#transitions(node, meta, old);
  }

  /** An informer saw the object go. */
  forget(uid: string): void {
    const node = this.#nodes.get(uid);
    if (node) this.#remove(node);
  }

  /** The API server knows no object of this identity. */
  disprove(identity: Identity): void {
    const node = this.#nodes.get(identity.uid);
    if (!node) return;
    const { matching, others } = partition([...node.dependents], identity);
    if (node.virtual ? !others.length : sameIdentity(node.identity, identity)) {
      this.#remove(node);
      return;
    }
    // Somebody knows the owner by other coordinates: those who do not are wrong.
    if (matching.length) {
      this.noteAbsent(identity);
      for (const child of matching) this.#listener.examine(child);
    }
    if (!node.virtual || !sameIdentity(node.identity, identity)) return;
    const next = alternative(others, identity);
    if (next) {
      node.identity = next;
      this.#listener.examine(node, { later: true });
    }
  }

  #remove(node: GraphNode): void {
    this.#nodes.delete(node.identity.uid);
    this.#unlink(node, node.owners);
    if (node.dependents.size) this.noteAbsent(node.identity);
    for (const child of node.dependents) this.#listener.examine(child);
    for (const ref of node.owners) {
      const owner = this.#nodes.get(ref.uid);
      if (owner?.deletingDependents) this.#listener.examine(owner);
    }
  }

  #realize(node: GraphNode, identity: Identity): void {
    if (!sameIdentity(node.identity, identity)) {
      for (const child of partition([...node.dependents], identity).others) {
        if (identity.namespace && child.identity.namespace !== identity.namespace) this.#report(child, identity.uid);
        this.#listener.examine(child);
      }
      node.identity = identity;
    }
    node.virtual = false;
  }

  #changeOwners(node: GraphNode, owners: readonly OwnerReference[]): void {
    const before = new Map(node.owners.map((ref) => [ref.uid, ref]));
    const added: OwnerReference[] = [];
    for (const ref of owners) {
      const old = before.get(ref.uid);
      if (!old) added.push(ref);
      else if (old.blockOwnerDeletion && !ref.blockOwnerDeletion) this.#examineUid(ref.uid);
      before.delete(ref.uid);
    }
    const removed = [...before.values()];
    for (const ref of removed) if (ref.blockOwnerDeletion) this.#examineUid(ref.uid);
    node.owners = owners;
    this.#link(node, added);
    this.#unlink(node, removed);
  }

  #examineUid(uid: string): void {
    const node = this.#nodes.get(uid);
    if (node) this.#listener.examine(node);
  }

  #link(node: GraphNode, owners: readonly OwnerReference[]): void {
    let doubtful = false;
    for (const ref of owners) {
      const known = this.#nodes.get(ref.uid);
      if (!known) {
        const owner: GraphNode = { identity: { apiVersion: ref.apiVersion, kind: ref.kind, name: ref.name, uid: ref.uid, namespace: node.identity.namespace }, owners: [], dependents: new Set([node]), virtual: true, beingDeleted: false, deletingDependents: false };
        this.#nodes.set(ref.uid, owner);
        this.#listener.examine(owner);
        continue;
      }
      known.dependents.add(node);
      const { namespace } = known.identity;
      if (namespace && namespace !== node.identity.namespace) {
        if (!known.virtual) this.#report(node, ref.uid);
        doubtful = true;
      } else if (!matchesRef(ref, known.identity) || (!namespace && node.identity.namespace && known.virtual)) doubtful = true;
    }
    if (doubtful) this.#listener.examine(node);
  }

  #unlink(node: GraphNode, owners: readonly OwnerReference[]): void {
    for (const ref of owners) this.#nodes.get(ref.uid)?.dependents.delete(node);
  }

  #report(child: GraphNode, ownerUid: string): void {
    const ref = child.owners.find((owner) => owner.uid === ownerUid);
    if (ref) this.#listener.misplaced(child, ref);
  }

  #transitions(node: GraphNode, meta: ObjectMeta, old: ObjectMeta | undefined): void {
    const starts = (finalizer: string) => !!meta.deletionTimestamp && hasFinalizer(meta, finalizer) && !(old?.deletionTimestamp && hasFinalizer(old, finalizer));
    if (starts(orphanFinalizer)) {
      this.#listener.orphan(node);
      return;
    }
    if (!starts(foregroundFinalizer)) return;
    node.deletingDependents = true;
    for (const child of node.dependents) this.#listener.examine(child);
    this.#listener.examine(node);
  }
}

/** Dependents whose references fit an identity, and those whose do not. */
function partition(dependents: readonly GraphNode[], identity: Identity): { matching: GraphNode[]; others: GraphNode[] } {
  const matching: GraphNode[] = [];
  const others: GraphNode[] = [];
  for (const child of dependents) {
    if (identity.namespace && identity.namespace !== child.identity.namespace) {
      others.push(child);
      continue;
    }
    const refs = child.owners.filter((ref) => ref.uid === identity.uid);
    if (refs.some((ref) => matchesRef(ref, identity))) matching.push(child);
    if (refs.some((ref) => !matchesRef(ref, identity))) others.push(child);
  }
  return { matching, others };
}

/** Another identity by which dependents know the owner: the next in order after the one disproved, else the first. */
function alternative(dependents: readonly GraphNode[], disproved: Identity): Identity | undefined {
  const found = new Map<string, Identity>();
  for (const child of dependents) {
    for (const { uid, name, kind, apiVersion } of child.owners) {
      if (uid !== disproved.uid) continue;
      const clusterScoped = !disproved.namespace && apiVersion === disproved.apiVersion && kind === disproved.kind;
      const identity = { apiVersion, kind, name, uid, namespace: clusterScoped ? '' : child.identity.namespace };
      if (!sameIdentity(identity, disproved)) found.set(identityKey(identity), identity);
    }
  }
  const order = (i: Identity) => [i.kind, i.apiVersion, i.namespace, i.name, i.uid].join('\0');
  const sorted = [...found.values()].sort((a, b) => (order(a) < order(b) ? -1 : 1));
  return sorted.find((i) => order(i) > order(disproved)) ?? sorted[0];
}

/** Dependents that keep an owner from going in foreground deletion. */
export const blockingDependents = (node: GraphNode): GraphNode[] => [...node.dependents].filter((child) => child.owners.some((ref) => ref.uid === node.identity.uid && ref.blockOwnerDeletion));
