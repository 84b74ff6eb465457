/** Breakpoints, and the cycles they hold: `schedulingbreakpoints` (get, list, watch, create, update, patch, delete) and `heldcycles`. Namespaced. */
import type { LabelSelector } from '@pilothouse/api-schemas/types/meta/v1';
import type { Explanation, Point, VerdictCode } from './explanation-types.ts';
import type { LabObject } from './object.ts';
import type { Edit, PodReference } from './types.ts';

/**
 * Holds the cycles of pods of its namespace that match. All given conditions must hold. A breakpoint with none of `points`, `plugins` and
 * `nodes` holds before the first plugin.
 */
export interface SchedulingBreakpoint extends LabObject<'SchedulingBreakpoint'> {
  spec: SchedulingBreakpointSpec;
  status?: {
    /** How often it held a cycle. */
    hits: number;
    /** A cycle of it went on by itself, for nobody kept it. It holds nothing more until a watch of held cycles is opened, or it is written anew. */
    idle?: boolean;
  };
}

export interface SchedulingBreakpointSpec {
  /** By the pods' labels; empty: all. */
  selector?: LabelSelector;
  schedulerName?: string;
  points?: Point[];
  plugins?: string[];
  nodes?: string[];
  /** What the rest of the queue does meanwhile. Default `Flow`. */
  queue?: 'Flow' | 'Wait';
  /** A held cycle goes on by itself after this long. Default 300, 1 to 3600. */
  timeoutSeconds?: number;
  /** … and when nobody watched held cycles or asked for this one for so long. Default 30, 1 to 600. A watch that ends cuts it to 5. */
  leaseSeconds?: number;
}

/**
 * A cycle at a breakpoint, by its pod's name. It is run on a copy of the cluster, so nothing happens until it is resumed; then the pod is
 * tried again on the cluster as it is. DELETE aborts it: the pod goes back to the queue and waits its back-off (answered, though discovery
 * does not tell of it: what can be deleted the garbage collector would watch). Verbs: get, list, watch, delete; POST `heldcycles/NAME/command` with a `CycleCommand`.
 */
export interface HeldCycle extends LabObject<'HeldCycle'> {
  pod: PodReference;
  schedulerName: string;
  breakpoint: string;
  /** Whether other pods wait. */
  queue: 'Flow' | 'Wait';
  since: string;
  /** When it goes on by itself unless somebody keeps it: the earlier of time limit and lease. */
  releaseTime: string;
  /** What is about to be called. Absent once the cycle has come to its end and only waits to be committed. */
  at?: CycleStep;
  /** Calls made so far, oldest first; the last 200. `stepCount` in all; `stepsLeft` to the end as things stand. */
  steps: CycleStep[];
  stepCount: number;
  stepsLeft: number;
  /** Edits made to its copy of the cluster. */
  edits?: Edit[];
  /** What the cycle comes to as things stand, edits counted. */
  explanation: Explanation;
}

/** One plugin call. Without `code`: not made yet. */
export interface CycleStep {
  point: Point;
  plugin: string;
  node?: string;
  code?: VerdictCode;
  reasons?: string[];
  /** Score: raw; NormalizeScore: normalised. */
  score?: number;
}

export interface CycleCommand extends LabObject<'CycleCommand'> {
  spec: {
    /**
     * `Step`: on to the next `to`. `Edit`: changes the copy and runs the cycle again up to where it was. `Resume`: lets it go. `Abort`: as
     * DELETE. `Renew`: keeps it for another lease.
     */
    action: 'Step' | 'Edit' | 'Resume' | 'Abort' | 'Renew';
    /** Of a step. `Pod`: this one is resumed and the next pod of the namespace is held before its first plugin. Default `Plugin`. */
    to?: 'Plugin' | 'Node' | 'ExtensionPoint' | 'End' | 'Pod';
    edits?: Edit[];
  };
  /** The cycle afterwards; absent where it was let go. */
  status?: { cycle?: HeldCycle };
}
