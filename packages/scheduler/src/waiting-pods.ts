import type { Clock } from '@pilothouse/base/clock';
import { unschedulable, type Verdict } from '@pilothouse/scheduler-framework';

/** Pods that a Permit plugin holds back before they are bound. */
export class WaitingPods {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, { plugins: Set<string>; settle: (verdict: Verdict | undefined, plugin: string) => void }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(uid: string): boolean {
    return this.#waiting.has(uid);
  }

  /** Resolves once all plugins (name → longest wait in ms) allowed the pod, or with a verdict once one rejected it or ran out of time. */
  wait(uid: string, plugins: ReadonlyMap<string, number>): Promise<{ verdict: Verdict | undefined; plugin: string }> {
    return new Promise((resolve) => {
      const timers = [...plugins].map(([plugin, ms]) => this.#clock.after(ms, () => settle(unschedulable(`rejected due to timeout after waiting ${ms / 1000}s at plugin ${plugin}`), plugin)));
      const settle = (verdict: Verdict | undefined, plugin: string) => {
        if (!this.#waiting.delete(uid)) return;
        for (const timer of timers) timer.cancel();
        resolve({ verdict, plugin });
      };
      this.#waiting.set(uid, { plugins: new Set(plugins.keys()), settle });
    });
  }

  allow(uid: string, plugin: string): void {
    const pod = this.#waiting.get(uid);
    if (pod?.plugins.delete(plugin) && !pod.plugins.size) pod.settle(undefined, plugin);
  }

  /** Rejects all: the scheduler stops. */
  close(): void {
    for (const uid of [...this.#waiting.keys()]) this.reject(uid, '', 'the scheduler is stopping');
  }

  reject(uid: string, plugin: string, message: string): boolean {
    const pod = this.#waiting.get(uid);
    pod?.settle(unschedulable(message), plugin);
    return pod !== undefined;
  }
}
