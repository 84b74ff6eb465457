import type { ClusterEvent } from '@pilothouse/scheduler-framework';
import type { Hints } from './hints.ts';
import type { QueuedPodInfo } from './queued-pod.ts';

interface Group {
  readonly profile: string;
  readonly plugins: ReadonlySet<string>;
  readonly pods: Set<QueuedPodInfo>;
}

/** Pods that wait for an event, kept together by the plugins that rejected them: an event is put only to pods it can concern. */
export class UnschedulablePods {
  readonly #pods = new Map<string, { readonly pod: QueuedPodInfo; readonly key: string }>();
  readonly #groups = new Map<string, Group>();

  get size(): number {
    return this.#pods.size;
  }

  has(uid: string): boolean {
    return this.#pods.has(uid);
  }

  get(uid: string): QueuedPodInfo | undefined {
    return this.#pods.get(uid)?.pod;
  }

  *values(): Iterable<QueuedPodInfo> {
    for (const { pod } of this.#pods.values()) yield pod;
  }

  /** Adds the pod, or takes note that other plugins reject it now. */
  set(pod: QueuedPodInfo): void {
    this.delete(pod.uid);
    const profile = pod.info.spec.schedulerName ?? '';
    const plugins = new Set([...pod.unschedulablePlugins, ...pod.pendingPlugins]);
    const key = `${profile}\n${[...plugins].sort().join()}`;
    let group = this.#groups.get(key);
    if (!group) this.#groups.set(key, (group = { profile, plugins, pods: new Set() }));
    group.pods.add(pod);
    this.#pods.set(pod.uid, { pod, key });
  }

  delete(uid: string): void {
    const entry = this.#pods.get(uid);
    if (!entry) return;
    this.#pods.delete(uid);
    const group = this.#groups.get(entry.key)!;
    group.pods.delete(entry.pod);
    if (!group.pods.size) this.#groups.delete(entry.key);
  }

  /** Pods rejected by some plugin that registered for the event. */
  concernedBy(event: ClusterEvent, hints: Hints): QueuedPodInfo[] {
    const found: QueuedPodInfo[] = [];
    for (const { profile, plugins, pods } of this.#groups.values()) if (hints.concerns(profile, plugins, event)) found.push(...pods);
    return found;
  }
}
