import { messageOf } from '@pilothouse/base/errors';
import type { SchedulingTrace } from '@pilothouse/scheduler-lab/api/types';
import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { Lab } from '../data/lab.ts';
import { latestOnly } from '../data/latest-only.ts';
import { loadTrace } from '../data/traces.ts';
import { durationText } from '../model/amounts.ts';
import { type HistoryEntry, historyOf, latestOf } from '../model/history.ts';
import { namespaceFilter, selectedPod, selectedTrace, short } from '../state.ts';
import { ExplanationView } from './explanation-view.tsx';
import { HistoryBar } from './history-bar.tsx';
import { MovesList } from './moves-list.tsx';

/** Nodes asked for: a matrix is looked at, not scrolled through for ever; the search is over these. */
const maxNodes = 500;

/** The chosen attempt: the history to scrub through, what happened, and how the pod moved through the queue. */
export function AttemptPanel({ lab }: { lab: Lab }) {
  const allPlugins = useSignal(false);
  const history = useComputed(() => historyOf(lab.scheduler?.traces.items.value ?? [], namespaceFilter.value));
  const shown = useComputed((): HistoryEntry | undefined => {
    if (selectedTrace.value) return history.value.find((e) => e.key === selectedTrace.value);
    return selectedPod.value ? latestOf(history.value, selectedPod.value) : history.value.at(-1);
  });
  const key = useComputed(() => shown.value?.key ?? '');
  const version = useComputed(() => (key.value ? lab.scheduler?.traces.get(key.value)?.metadata.resourceVersion : undefined));
  const trace = useSignal<SchedulingTrace | undefined>(undefined);
  const failure = useSignal('');
  const loader = useMemo(() => latestOnly<{ key: string; allPlugins: boolean }, SchedulingTrace>({
    load: ({ key: of, allPlugins: all }, signal) => loadTrace(lab, of, { allPlugins: all, maxNodes, signal }),
    show(found) {
      trace.value = found;
      failure.value = '';
    },
    fail: (error) => (failure.value = messageOf(error)),
  }), [lab]);
  useEffect(() => () => loader.close(), [loader]);
  // One at a time, the newest wanted next: a queue that runs fast is followed by leaps, not by requests that are given up.
  useSignalEffect(() => {
    void version.value;
    const wanted = { key: key.value, allPlugins: allPlugins.value };
    loader.want(wanted.key ? wanted : undefined);
  });
  if (!lab.scheduler) return <p class="quiet pad">Attempts are recorded by Pilothouse's scheduler only.</p>;
  const current = trace.value;
  return (
    <div class="attempt">
      <HistoryBar history={history.value} shown={shown.value} />
      {failure.value && <p class="quiet" role="alert">{failure.value}</p>}
      {!shown.value && (
        <p class="quiet pad">{selectedPod.value ? `No attempt of ${short(selectedPod.value)} is recorded: it has not been tried, or not lately.` : 'Nothing has been scheduled yet. Create a pod, and watch it here.'}</p>
      )}
      {shown.value && current && (
        <>
          <h2 class="pod-title">
            {current.pod.namespace !== namespaceFilter.value && <span class="namespace-name">{current.pod.namespace}/</span>}{current.pod.name}
            <span class="quiet"> attempt {current.attempt}</span>
            <ResultTag result={current.explanation.result} />
          </h2>
          <p class="winner">{short(current.explanation.summary)}</p>
          <ExplanationView explanation={current.explanation} identity={current.metadata.uid ?? current.metadata.name!} tools={
            <label class="check"><input type="checkbox" checked={allPlugins.value} onChange={(event) => (allPlugins.value = event.currentTarget.checked)} /> ask every filter, not only up to the first no</label>
          } />
          <p class="facts quiet">
            {current.schedulingMicroseconds !== undefined && <>scheduling took {durationText(current.schedulingMicroseconds)}</>}
            {current.bindingMicroseconds !== undefined && <>, binding {durationText(current.bindingMicroseconds)}</>}
            {current.binding?.phase === 'Failed' && <>; binding failed: {current.binding.message}</>}
            {' · '}{detailsTexts[current.explanation.details]}
          </p>
          <MovesList moves={current.moves} omitted={current.movesOmitted} />
        </>
      )}
    </div>
  );
}

const detailsTexts: Record<string, string> = {
  Recorded: 'details noted while it happened',
  Replayed: 'details from running the cycle again on the cluster as it was',
  Approximate: 'details from running the cycle again, which did not come to quite the same',
  Expired: 'the cluster of then is no longer known; only the outcome is',
};

export function ResultTag({ result }: { result: string }) {
  return <span class={`result ${result.toLowerCase()}`}>{result}</span>;
}
