/** A copy of the cluster that can be moved to another position of its history, changed for a what-if, and changed back. */
import { type ClusterSnapshot, type ClusterObjects, Nominator, type ObjectLister, objectKey, ObjectTable, type SchedulerWorld } from '@pilothouse/scheduler-framework';
import type { Change, ChangeLog, ObjectTableName } from './change-log.ts';

const tables = ['namespaces', 'services', 'replicationControllers', 'replicaSets', 'statefulSets', 'podDisruptionBudgets', 'persistentVolumeClaims', 'persistentVolumes', 'storageClasses', 'csiNodes', 'csiDrivers', 'csiStorageCapacities', 'volumeAttachments', 'deviceClasses', 'resourceSlices', 'resourceClaims'] as const satisfies readonly ObjectTableName[];

/** The listers of the cluster, until something is changed: then a copy of the table that is. */
class CopiedObjects {
  readonly #live: ClusterObjects;
  readonly #own = new Map<ObjectTableName, ObjectTable<any>>();
  #version = 0;
  readonly objects: ClusterObjects;

  constructor(live: ClusterObjects) {
    this.#live = live;
    const at = (name: ObjectTableName): ObjectLister<any> => this.#own.get(name) ?? this.#live[name];
    const objects: Record<string, unknown> = {};
    for (const name of tables) objects[name] = { get: (key: string) => at(name).get(key), list: () => at(name).list(), inNamespace: (namespace: string) => at(name).inNamespace(namespace) };
    Object.defineProperty(objects, 'namespacesVersion', { get: () => this.#version });
    this.objects = objects as unknown as ClusterObjects;
  }

  set(name: ObjectTableName, gone: any, came: any): void {
    let table = this.#own.get(name);
    if (!table) this.#own.set(name, (table = new ObjectTable<any>(this.#live[name].list())));
    if (gone && !came) table.delete(objectKey(gone));
    if (came) table.put(came);
    if (name === 'namespaces') this.#version++;
  }

  /** Takes copies of all tables: the cluster moves on from here without this copy. */
  freeze(): void {
    for (const name of tables) if (!this.#own.has(name)) this.#own.set(name, new ObjectTable<any>(this.#live[name].list()));
  }
}

export class ClusterCopy {
  readonly snapshot: ClusterSnapshot;
  readonly nominator = new Nominator();
  readonly #objects: CopiedObjects;
  readonly #log: ChangeLog;
  readonly #edits: Change[] = [];
  /** Where in the history it is; what-ifs not counted. */
  position: number;
  /** Nodes were taken back that are now last in the order they are tried in, or objects copied: made anew rather than used again. */
  spent = false;

  /** The cluster as it is now. Costs time by its nodes and pods. */
  constructor(world: Pick<SchedulerWorld, 'snapshot' | 'nominator' | 'objects'>, log: ChangeLog) {
    this.snapshot = world.snapshot.clone();
    for (const [info, node] of world.nominator.entries()) this.nominator.add(info, node);
    this.#objects = new CopiedObjects(world.objects);
    this.#log = log;
    this.position = log.position;
  }

  get objects(): ClusterObjects {
    return this.#objects.objects;
  }

  /** The live tables move on; this copy stays. */
  freeze(): void {
    this.#objects.freeze();
  }

  /** Goes forward or back. `to` must still be within the log, and so must be where it is. */
  moveTo(to: number): void {
    for (; this.position < to; this.position++) this.#apply(this.#log.at(this.position), true);
    for (; this.position > to; this.position--) this.#apply(this.#log.at(this.position - 1), false);
  }

  /** Makes a what-if change, which `rollBack` undoes. */
  edit(change: Change): void {
    this.#edits.push(change);
    this.#apply(change, true);
  }

  /** Undoes the what-if changes made since there were `left` of them. */
  rollBack(left = 0): void {
    while (this.#edits.length > left) this.#apply(this.#edits.pop()!, false);
  }

  get editCount(): number {
    return this.#edits.length;
  }

  #apply(change: Change, forward: boolean): void {
    switch (change.kind) {
      case 'node': {
        const [gone, came] = forward ? [change.old, change.now] : [change.now, change.old];
        if (came) this.snapshot.setNode(came);
        else if (gone) this.snapshot.removeNode(gone.metadata.name!);
        if (!forward && !gone) this.spent = true;
        return;
      }
      case 'pod':
        if ((change.sign === 1) === forward) this.snapshot.addPod(change.info, change.node);
        else this.snapshot.removePod(change.info.uid, change.info.namespace);
        return;
      case 'nomination': {
        const node = forward ? change.now : change.was;
        if (node) this.nominator.add(change.info, node);
        else this.nominator.delete(change.info.uid);
        return;
      }
      case 'object':
        // The live tables, which the copy looks through to, are as they are now: only going back needs tables of its own.
        if (forward) this.#objects.set(change.table, change.old, change.now);
        else this.#objects.set(change.table, change.now, change.old);
        this.spent = true;
    }
  }
}
