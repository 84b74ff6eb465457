/** Carries out what preemption decided: lower nominations are cleared, victims are marked and deleted, the last one last. */
import { isNotFound, pods } from '@pilothouse/apimachinery';
import type { Runtime } from '@pilothouse/base';
import type { Client, Lister } from '@pilothouse/client';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { Nominator, PodInfo, PreemptionCandidate } from '@pilothouse/scheduler-framework';
import type { PodEvents } from './event-recorder.ts';
import type { SchedulerMetrics } from './metrics.ts';
import { patchPodStatus } from './pod-status.ts';

export interface PreemptionOptions {
  client: Client;
  runtime: Runtime;
  events: PodEvents;
  nominator: Nominator;
  /** Pods as last seen. */
  pods: Lister<Pod>;
  /** Makes a pod ready to be tried again. */
  activate: (pods: Pod[]) => void;
  metrics: Pick<SchedulerMetrics, 'evicted'>;
}

export class Preemptions {
  readonly #options: PreemptionOptions;
  /** Preemptors by uid, with the victim whose deletion ends it once that has been asked for. */
  readonly #running = new Map<string, string | undefined>();

  constructor(options: PreemptionOptions) {
    this.#options = options;
  }

  /** Whether victims of the pod are still to be deleted. */
  isRunning(uid: string): boolean {
    if (!this.#running.has(uid)) return false;
    const last = this.#running.get(uid);
    if (last === undefined) return true;
    const victim = this.#options.pods.get(last);
    return victim !== undefined && !victim.metadata.deletionTimestamp;
  }

  /** Starts the evictions; never rejects. */
  async run(preemptor: PodInfo, candidate: PreemptionCandidate): Promise<void> {
    const victims = candidate.victims.filter((v) => !v.pod.metadata.deletionTimestamp);
    if (!victims.length) return;
    const { runtime, activate, metrics } = this.#options;
    const startMs = runtime.clock.monotonic();
    this.#running.set(preemptor.uid, undefined);
    let failed = false;
    try {
      await this.#clearNominations(preemptor, candidate.node);
      await Promise.all(victims.slice(0, -1).map((victim) => this.#evict(victim, preemptor, candidate.node)));
      const last = victims[victims.length - 1];
      this.#running.set(preemptor.uid, last.key);
      await this.#evict(last, preemptor, candidate.node);
    } catch (error) {
      failed = true;
      runtime.log.error('Preemption failed', { pod: preemptor.key, node: candidate.node, err: error });
    } finally {
      this.#running.delete(preemptor.uid);
      metrics.evicted(failed ? 'error' : 'success', (runtime.clock.monotonic() - startMs) / 1000);
      if (failed) activate([preemptor.pod]);
    }
  }

  async #clearNominations(preemptor: PodInfo, node: string): Promise<void> {
    const { client, runtime, nominator } = this.#options;
    const lower = (nominator.on(node) ?? []).filter((p) => p.priority < preemptor.priority);
    await Promise.all(lower.map((p) => patchPodStatus(client, runtime.clock, p.pod, { nominating: { mode: 'override', node: '' } }).catch((error) => runtime.log.error('Cannot clear the nominated node of a pod of lower priority', { pod: p.key, node, err: error }))));
  }

  async #evict(victim: PodInfo, preemptor: PodInfo, node: string): Promise<void> {
    const { client, runtime, events } = this.#options;
    const message = `${preemptor.spec.schedulerName}: preempting to accommodate a higher priority pod`;
    try {
      await patchPodStatus(client, runtime.clock, victim.pod, { condition: { type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler', message } });
      await client.delete(pods, victim.name, { namespace: victim.namespace });
    } catch (error) {
      if (isNotFound(error)) return;
      throw error;
    }
    events.record(victim.pod, { type: 'Normal', reason: 'Preempted', action: 'Preempting', note: `Preempted by pod ${preemptor.uid} on node ${node}`, related: preemptor.pod });
  }
}
