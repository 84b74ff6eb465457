import { formatMicroTime, formatTime } from '@pilothouse/base/clock';
import { PodInfo, type SchedulerWorld } from '@pilothouse/scheduler-framework';
import { type CycleStep, type Edit, type HeldCycle as HeldCycleObject, labApiVersion } from '../api/types.ts';
import { type CycleRun, type CycleWorld, profileFor, runCycle } from '../explain/cycle-run.ts';
import { explain } from '../explain/explanation.ts';
import type { ClusterCopy } from '../history/copy.ts';
import { applyEdits, type EditContext } from '../reviews/edits.ts';
import { announced, nextPosition, stepsOf } from './steps.ts';

/** Steps shown of those made. */
const mostSteps = 200;

export interface HeldCycleOptions {
  readonly world: SchedulerWorld;
  /** Its own: edits stay in it. */
  readonly copy: ClusterCopy;
  readonly info: PodInfo;
  readonly breakpoint: string;
  readonly queue: 'Flow' | 'Wait';
  readonly release: (how: 'try' | 'abort') => void;
  readonly nowMs: number;
  /** When it goes on whatever happens. */
  readonly deadlineMs: number;
  readonly leaseMs: number;
  readonly monotonic: () => number;
}

/** One cycle for the pod on the copy, in full detail. */
export function runOnCopy({ world, copy, info, nowMs, monotonic }: Pick<HeldCycleOptions, 'world' | 'copy' | 'info' | 'nowMs' | 'monotonic'>): CycleRun {
  const cycleWorld: CycleWorld = { snapshot: copy.snapshot, nominator: copy.nominator, objects: copy.objects, features: world.features, plugins: world.plugins, nowMs };
  const profile = profileFor(cycleWorld, world.config, info.spec.schedulerName ?? '')!;
  return runCycle(cycleWorld, info, { profile, percentageOfNodesToScore: world.config.percentageOfNodesToScore, monotonic });
}

export class HeldCycle {
  readonly #options: HeldCycleOptions;
  #info: PodInfo;
  #run!: CycleRun;
  #steps: CycleStep[] = [];
  readonly #edits: Edit[] = [];
  position = 0;
  releaseMs: number;
  version = 0;

  /** Runs the cycle once, on its copy. */
  constructor(options: HeldCycleOptions) {
    this.#options = options;
    this.#info = options.info;
    this.releaseMs = options.deadlineMs;
    this.#again();
  }

  /** The pod as it was held. */
  get info(): PodInfo {
    return this.#options.info;
  }

  get breakpoint(): string {
    return this.#options.breakpoint;
  }

  get queue(): 'Flow' | 'Wait' {
    return this.#options.queue;
  }

  get deadlineMs(): number {
    return this.#options.deadlineMs;
  }

  get leaseMs(): number {
    return this.#options.leaseMs;
  }

  release(how: 'try' | 'abort'): void {
    this.#options.release(how);
  }

  step(to: 'Plugin' | 'Node' | 'ExtensionPoint' | 'End'): void {
    this.position = nextPosition(this.#steps, this.position, to);
  }

  /** Changes the copy and runs the cycle again, up to where it was: the same call where there still is one. @throws EditError, and nothing has changed */
  edit(edits: readonly Edit[], { namespace, priorityOf }: Pick<EditContext, 'namespace' | 'priorityOf'>): void {
    const { copy } = this.#options;
    const mark = copy.editCount;
    const editing: EditContext = { copy, pod: this.#info.pod, namespace, priorityOf };
    try {
      applyEdits(edits, editing, 'spec.edits');
    } catch (error) {
      copy.rollBack(mark);
      throw error;
    }
    this.#edits.push(...edits);
    this.#info = new PodInfo(editing.pod);
    const at = this.#steps[this.position];
    this.#again();
    const same = at ? this.#steps.findIndex((s) => s.point === at.point && s.plugin === at.plugin && s.node === at.node) : -1;
    this.position = same >= 0 ? same : Math.min(this.position, this.#steps.length);
  }

  #again(): void {
    this.#run = runOnCopy({ ...this.#options, info: this.#info });
    this.#steps = stepsOf(this.#run);
  }

  /** `maxNodes`: of its explanation. */
  render(maxNodes: number): HeldCycleObject {
    const { info, nowMs, breakpoint, queue, world } = this.#options;
    const made = this.#steps.slice(0, this.position);
    const at = this.#steps[this.position];
    return {
      apiVersion: labApiVersion,
      kind: 'HeldCycle',
      metadata: { name: info.name, namespace: info.namespace, uid: info.uid, resourceVersion: String(this.version), creationTimestamp: formatTime(nowMs), ...(info.pod.metadata.labels && { labels: info.pod.metadata.labels }) },
      pod: { namespace: info.namespace, name: info.name, uid: info.uid, priority: info.priority },
      schedulerName: info.spec.schedulerName ?? '',
      breakpoint,
      queue,
      since: formatMicroTime(nowMs),
      releaseTime: formatMicroTime(this.releaseMs),
      ...(at && { at: announced(at) }),
      steps: made.slice(-mostSteps),
      stepCount: made.length,
      stepsLeft: this.#steps.length - made.length,
      ...(this.#edits.length && { edits: [...this.#edits] }),
      explanation: explain(this.#run, { maxNodes, firstByName: world.firstByName, details: 'Recorded' }),
    };
  }
}
