import { KeyedHeap } from '@pilothouse/base/heap';
import type { QueuedPodInfo } from './queued-pod.ts';

/** Ends of back-offs are taken to whole windows, so that pods of one window leave by priority. */
const windowMs = 1000;

export interface BackoffOptions {
  now: () => number;
  initialMs: number;
  maxMs: number;
  /** Order of the active queue. */
  before: (a: QueuedPodInfo, b: QueuedPodInfo) => boolean;
}

/** Pods that were tried lately and wait a little. Those that failed by an error wait apart: they are never taken early. */
export class BackoffQueue {
  readonly #options: BackoffOptions;
  readonly #pods: KeyedHeap<QueuedPodInfo>;
  readonly #failed: KeyedHeap<QueuedPodInfo>;

  constructor(options: BackoffOptions) {
    this.#options = options;
    const key = (p: QueuedPodInfo) => p.uid;
    this.#pods = new KeyedHeap({ key, before: (a, b) => this.until(a) - this.until(b) < 0 || (this.until(a) === this.until(b) && options.before(a, b)) });
    this.#failed = new KeyedHeap({ key, before: (a, b) => this.until(a) < this.until(b) });
  }

  get size(): number {
    return this.#pods.size + this.#failed.size;
  }

  get(uid: string): QueuedPodInfo | undefined {
    return this.#pods.get(uid) ?? this.#failed.get(uid);
  }

  add(pod: QueuedPodInfo): void {
    (pod.failed ? this.#failed : this.#pods).push(pod);
  }

  delete(uid: string): QueuedPodInfo | undefined {
    return this.#pods.delete(uid) ?? this.#failed.delete(uid);
  }

  /** When the pod's back-off ends; 0 where it has none. 1 s doubling to 10 s with the usual configuration. */
  until(pod: QueuedPodInfo): number {
    const { initialMs, maxMs } = this.#options;
    const count = pod.consecutiveErrors || pod.unschedulableCount;
    if (maxMs === 0 || count === 0) return 0;
    pod.backoffUntilMs ??= toWindow(pod.timestampMs + Math.min(initialMs * 2 ** (count - 1), maxMs));
    return pod.backoffUntilMs;
  }

  isBackingOff(pod: QueuedPodInfo): boolean {
    return this.until(pod) >= toWindow(this.#options.now());
  }

  /** Pods whose back-off is over, which leave. */
  popDone(): QueuedPodInfo[] {
    const done: QueuedPodInfo[] = [];
    for (const heap of [this.#pods, this.#failed]) {
      for (let top = heap.peek(); top && !this.isBackingOff(top); top = heap.peek()) done.push(heap.pop()!);
    }
    return done;
  }

  /** The next pod though its back-off is not over, for when nothing else is to be done. */
  popEarly(): QueuedPodInfo | undefined {
    return this.#pods.pop();
  }

  values(): QueuedPodInfo[] {
    return [...this.#pods.values(), ...this.#failed.values()];
  }
}

const toWindow = (ms: number) => Math.floor(ms / windowMs) * windowMs;
