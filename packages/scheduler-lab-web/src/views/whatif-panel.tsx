import type { Edit, SchedulingReviewStatus } from '@pilothouse/scheduler-lab/api/types';
import { useComputed } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Lab } from '../data/lab.ts';
import { answer, ask, asking, configuration, edits, problem, profile, source, suggest, yaml } from '../data/whatif.ts';
import { editText } from '../model/edits.ts';
import { selectedPod, short } from '../state.ts';
import { ResultTag } from './attempt-panel.tsx';
import { EditList } from './edit-form.tsx';
import { ExplanationView } from './explanation-view.tsx';

/** Asks the scheduler what it would do if the cluster were different; nothing is changed. */
export function WhatIfPanel({ lab }: { lab: Lab }) {
  const profiles = useComputed(() => [...new Set((lab.scheduler?.traces.items.value ?? []).map((t) => t.explanation.schedulerName))].sort());
  if (!lab.scheduler) return <p class="quiet pad">What-ifs are answered by Pilothouse's scheduler only.</p>;
  const set = (next: readonly Edit[]) => {
    edits.value = next;
    void ask(lab);
  };
  return (
    <div class="whatif">
      <p class="quiet">The scheduler runs a cycle on a copy of the cluster. Nothing is created, nothing moves.</p>
      <fieldset class="source">
        <legend>Pod</legend>
        <label class="check"><input type="radio" name="source" checked={source.value === 'pod'} onChange={() => (source.value = 'pod')} /> {selectedPod.value ? <b>{short(selectedPod.value)}</b> : 'the chosen pod (choose one in the queue or on a node)'}</label>
        <label class="check"><input type="radio" name="source" checked={source.value === 'yaml'} onChange={() => (source.value = 'yaml')} /> a pod as written here</label>
        {source.value === 'yaml' && <textarea aria-label="Pod in YAML" rows={9} spellcheck={false} value={yaml.value} onInput={(event) => (yaml.value = event.currentTarget.value)} />}
      </fieldset>
      <fieldset>
        <legend>What if</legend>
        <EditList lab={lab} edits={edits.value} onChange={set} />
        <details open={configuration.value !== ''}>
          <summary>Another scheduler configuration</summary>
          <textarea aria-label="KubeSchedulerConfiguration in YAML" rows={configuration.value ? 14 : 4} spellcheck={false} placeholder="KubeSchedulerConfiguration; empty: the scheduler's own" value={configuration.value} onInput={(event) => (configuration.value = event.currentTarget.value)} />
        </details>
        <div class="row">
          <label class="inline">Profile <input list="profiles" placeholder="the pod's own" value={profile.value} onInput={(event) => (profile.value = event.currentTarget.value)} /></label>
          <datalist id="profiles">{profiles.value.map((name) => <option key={name} value={name} />)}</datalist>
          <label class="check"><input type="checkbox" checked={suggest.value} onChange={(event) => (suggest.value = event.currentTarget.checked)} /> look for single changes that would place it</label>
        </div>
      </fieldset>
      <p><button type="button" class="primary" disabled={asking.value} onClick={() => void ask(lab)}>{asking.value ? 'Asking …' : 'Ask the scheduler'}</button></p>
      {problem.value && <p class="problem" role="alert">{problem.value}</p>}
      {answer.value && <ReviewAnswer status={answer.value.status} number={answer.value.number} onTry={set} />}
    </div>
  );
}

function ReviewAnswer({ status, number, onTry }: { status: SchedulingReviewStatus; number: number; onTry(edits: readonly Edit[]): void }) {
  const { explanation, suggestions } = status;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.scrollIntoView({ block: 'center', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' }), [number]);
  return (
    <section class="answer" aria-label="Answer" aria-live="polite">
      <h2 class="pod-title" ref={heading}>{explanation.node ? `It would go to ${short(explanation.node)}` : 'It would stay pending'} <ResultTag result={explanation.result} /></h2>
      <p class="winner">{short(explanation.summary)}</p>
      {suggestions && explanation.result !== 'Scheduled' && (
        <>
          <h3>{suggestions.length ? 'One of these alone would place it' : 'No single change would place it'}{status.changesTried ? <span class="quiet"> of {status.changesTried} tried</span> : null}</h3>
          <ul class="suggestions">
            {suggestions.map((s) => (
              <li key={s.change}>
                <span>{short(s.change)}{s.node && <span class="quiet"> → {short(s.node)}</span>}{s.command && <code>{s.command}</code>}</span>
                <button type="button" onClick={() => onTry([...edits.value, ...s.edits])} aria-label={`Try: ${s.edits.map(editText).join(', ') || s.change}`}>Try</button>
              </li>
            ))}
          </ul>
        </>
      )}
      <ExplanationView explanation={explanation} identity={`review ${number}`} />
    </section>
  );
}
