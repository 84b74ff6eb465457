/** Recorded attempts in the order they were made. Pure. */
import type { SchedulingTrace } from '@pilothouse/scheduler-lab/api/types';

export interface HistoryEntry {
  /** `namespace/name` of the trace. */
  key: string;
  pod: string;
  podName: string;
  namespace: string;
  attempt: number;
  startTime: string;
  result: string;
  node?: string;
  summary: string;
}

/** Oldest first; of one namespace where given. */
export function historyOf(traces: readonly SchedulingTrace[], namespace = ''): HistoryEntry[] {
  return traces
    .filter((t) => !namespace || t.metadata.namespace === namespace)
    .map((t) => ({
      key: `${t.metadata.namespace}/${t.metadata.name}`,
      pod: `${t.pod.namespace}/${t.pod.name}`,
      podName: t.pod.name,
      namespace: t.pod.namespace,
      attempt: t.attempt,
      startTime: t.startTime,
      result: t.explanation.result,
      node: t.explanation.node,
      summary: t.explanation.summary,
    }))
    .sort((a, b) => (a.startTime < b.startTime ? -1 : a.startTime > b.startTime ? 1 : a.key < b.key ? -1 : 1));
}

/** The latest attempt of a pod (`namespace/name`). */
export const latestOf = (history: readonly HistoryEntry[], pod: string): HistoryEntry | undefined => history.findLast((entry) => entry.pod === pod);
