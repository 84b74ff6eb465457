/** The lab of one scheduler: what follows it, what is kept, and what can be asked. */
import type { Clock } from '@pilothouse/base/clock';
import type { SchedulerObservers, SchedulerWorld } from '@pilothouse/scheduler-framework';
import { ClusterCopies } from './history/copies.ts';
import { ChangeLog } from './history/change-log.ts';
import { Holding } from './holding/holding.ts';
import { QueueStore } from './traces/queue-store.ts';
import { TraceStore } from './traces/trace-store.ts';
import { Versions } from './traces/watchable.ts';

export interface LabOptions {
  /** A rough bound on what is kept of attempts. Default 16 MB. */
  readonly traceBytes?: number;
  /** A rough bound on the history by which cycles are run again. Default 16 MB. */
  readonly historyBytes?: number;
}

export interface Lab {
  readonly world: SchedulerWorld;
  readonly clock: Clock;
  readonly versions: Versions;
  readonly traces: TraceStore;
  readonly queue: QueueStore;
  readonly copies: ClusterCopies;
  readonly holding: Holding;
  readonly observers: SchedulerObservers;
  /** Lets held cycles go and forgets all. */
  close(): void;
}

/** Begins to follow the scheduler that works on `world`. */
export function createLab(world: SchedulerWorld, clock: Clock, { traceBytes = 16 << 20, historyBytes = 16 << 20 }: LabOptions = {}): Lab {
  const log = new ChangeLog(historyBytes);
  world.snapshot.observer = log;
  world.nominator.onChange = (info, was, now) => log.nomination(info, was, now);
  const endObjects = world.onObjectChange((table, old, now) => log.object(table, old, now));
  const versions = new Versions(Math.floor(clock.now()) * 1000);
  const copies = new ClusterCopies(world, log, clock);
  const queue: QueueStore = new QueueStore({ clock, versions, onMove: (attempt) => traces.moved(attempt), onGated: (pod, plugin, verdict) => traces.gated(pod, plugin, verdict), onLeft: (uid) => holding.left(uid) });
  const traces: TraceStore = new TraceStore({ snapshot: world.snapshot, clock, log, versions, maxBytes: traceBytes, isPending: (uid) => queue.get(uid) !== undefined, takeMoves: (uid) => queue.takeMoves(uid), follow: (uid, attempt) => queue.follow(uid, attempt) });
  const holding: Holding = new Holding({ world, clock, copies, versions });
  return {
    world, clock, versions, traces, queue, copies, holding,
    observers: { trace: traces, queue, gate: holding },
    close() {
      endObjects();
      world.snapshot.observer = undefined;
      world.nominator.onChange = undefined;
      holding.close();
      copies.close();
    },
  };
}
