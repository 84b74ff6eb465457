/** A recorder that keeps one attempt's every plugin call as plain data, in the order it happened. */
import type { ScoreDetails } from './cycle/score.ts';
import type { PodInfo } from './pod/pod-info.ts';
import type { Recorder } from './recorder.ts';
import { type Code, codeOf, type Verdict } from './verdict.ts';

export interface TraceStep {
  readonly point: 'preFilter' | 'filter' | 'postFilter' | 'preScore' | 'reserve' | 'permit' | 'bind';
  readonly plugin: string;
  readonly code: Code;
  readonly reasons?: readonly string[];
  readonly node?: string;
  /** PreFilter: the only nodes the plugin wants looked at. */
  readonly nodes?: readonly string[];
  /** Filter: pods nominated for the node were counted in. */
  readonly nominated?: boolean;
}

export interface AttemptTrace {
  /** `namespace/name`. */
  readonly pod: string;
  readonly uid: string;
  readonly steps: TraceStep[];
  scores?: ScoreDetails;
  preemption?: { readonly node: string; readonly victims: readonly string[]; readonly pdbViolations: number; /** Preferred over all others. */ readonly chosen: boolean }[];
  node?: string;
  message?: string;
}

/** Calls back with the trace of each attempt when the attempt ends. Attempts that wait to be bound end later than those begun after them. */
export function traceRecorder(onTrace: (trace: AttemptTrace) => void): Recorder {
  const open = new Map<string, AttemptTrace>();
  let current: AttemptTrace | undefined;
  const step = (point: TraceStep['point'], plugin: string, verdict: Verdict | undefined, more: Partial<TraceStep> = {}) => {
    current?.steps.push({ point, plugin, code: codeOf(verdict), ...(verdict?.reasons.length && { reasons: verdict.reasons }), ...more });
  };
  return {
    everyCall: true,
    begin(info: PodInfo) {
      current = { pod: info.key, uid: info.uid, steps: [] };
      open.set(info.uid, current);
    },
    preFilter: (plugin, verdict, nodes) => step('preFilter', plugin, verdict, nodes && { nodes: [...nodes].sort() }),
    filter: (plugin, node, verdict, nominated) => step('filter', plugin, verdict, { node, ...(nominated && { nominated }) }),
    preScore: (plugin, verdict) => step('preScore', plugin, verdict),
    scores(details) {
      if (current) current.scores = details;
    },
    postFilter(plugin, { verdict, preemption }) {
      step('postFilter', plugin, verdict);
      if (current && preemption?.candidates.length) current.preemption = preemption.candidates.map((c) => ({ node: c.node, victims: c.victims.map((v) => v.key), pdbViolations: c.pdbViolations, chosen: c.node === preemption.chosen?.node }));
    },
    reserve: (plugin, node, verdict) => step('reserve', plugin, verdict, { node }),
    permit: (plugin, node, verdict) => step('permit', plugin, verdict, { node }),
    end(info, { node, message }) {
      const trace = open.get(info.uid);
      if (!trace) return;
      open.delete(info.uid);
      if (current === trace) current = undefined;
      if (node !== undefined) trace.node = node;
      if (message !== undefined) trace.message = message;
      onTrace(trace);
    },
  };
}
