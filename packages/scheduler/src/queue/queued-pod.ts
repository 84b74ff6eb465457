import type { PodInfo, QueuedPod } from '@pilothouse/scheduler-framework';

/** A pod waiting to be scheduled. One object for as long as the scheduler deals with the pod. */
export class QueuedPodInfo implements QueuedPod {
  info: PodInfo;
  /** When it came into the queue it is in, or was last tried. */
  timestampMs: number;
  /** Order of arrival, for pods that came at the same time. */
  sequence = 0;
  /** Times it was tried. */
  attempts = 0;
  /** When its back-off ends; undefined: not worked out yet. */
  backoffUntilMs: number | undefined;
  /** Times it was found unschedulable; each doubles the back-off. */
  unschedulableCount = 0;
  /** Times in a row that something went wrong; takes the place of `unschedulableCount` in the back-off. */
  consecutiveErrors = 0;
  /** When it was first tried (or could have been). */
  initialAttemptMs: number | undefined;
  /** Plugins that rejected it in the last attempt. */
  unschedulablePlugins: ReadonlySet<string> = new Set();
  /** Plugins that told it to wait for something of theirs. */
  pendingPlugins: ReadonlySet<string> = new Set();
  /** It is tried because it had waited long enough, not because something happened. */
  flushed = false;
  /** The PreEnqueue plugin that keeps it out of the active queue. */
  gatedBy = '';

  constructor(info: PodInfo, timestampMs: number) {
    this.info = info;
    this.timestampMs = timestampMs;
  }

  get uid(): string {
    return this.info.uid;
  }

  /** No plugin rejected it: whatever happened was an error. */
  get failed(): boolean {
    return this.unschedulablePlugins.size === 0 && this.pendingPlugins.size === 0;
  }
}
