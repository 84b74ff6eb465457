import type { Explanation } from '@pilothouse/scheduler-lab/api/types';
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import { decisiveStop, matrixOf, stopsOf } from '../model/attempt.ts';
import { namePrefix, short } from '../state.ts';
import { MatrixView } from './matrix-view.tsx';
import { PreemptionView } from './preemption-view.tsx';
import { StageSlider } from './stage-slider.tsx';

const step = 60;

/** An explanation (of an attempt, a review or a held cycle): slider, sentence, matrix, preemption. */
export function ExplanationView({ explanation: whole, identity, tools }: { explanation: Explanation; identity: string; tools?: ComponentChildren }) {
  // A lesson is about its own nodes; the others are still counted in the sentences.
  const explanation = useMemo(() => (namePrefix.value && whole.nodes?.some((n) => n.name.startsWith(namePrefix.value)) ? { ...whole, nodes: whole.nodes.filter((n) => n.name.startsWith(namePrefix.value)) } : whole), [whole, namePrefix.value]);
  const stops = useMemo(() => stopsOf(explanation), [explanation]);
  const at = useSignal(decisiveStop(explanation, stops));
  const search = useSignal('');
  const limit = useSignal(step);
  // Another attempt begins where it was decided; the same one, brought up to date, stays where it is looked at.
  useEffect(() => {
    at.value = decisiveStop(explanation, stops);
    limit.value = step;
  }, [identity]);
  const index = Math.min(at.value, stops.length - 1);
  const stop = stops[index];
  const matrix = useMemo(() => matrixOf(explanation, stop.point, { search: search.value, limit: limit.value }), [explanation, stop.point, search.value, limit.value]);
  return (
    <div class="explanation">
      <StageSlider stops={stops} at={index} onChange={(value) => (at.value = value)} />
      <p class="stage-sentence" aria-live="polite">{short(stop.sentence)}</p>
      {stop.point === 'PostFilter' && explanation.preemption && <PreemptionView preemption={explanation.preemption} />}
      {(explanation.nodes?.length ?? 0) > 0 && (
        <>
          <div class="matrix-tools">
            {(explanation.nodes?.length ?? 0) > 8 && <input type="search" placeholder="Find nodes or plugins" aria-label="Find in the matrix" value={search.value} onInput={(event) => (search.value = event.currentTarget.value)} />}
            {tools}
          </div>
          <MatrixView matrix={matrix} />
          {matrix.hidden > 0 && (
            <p class="quiet">
              {matrix.hidden.toLocaleString('en')} more nodes{explanation.nodesOmitted ? `, ${explanation.nodesOmitted.toLocaleString('en')} of them counted only` : ''}.{' '}
              {matrix.hidden > (explanation.nodesOmitted ?? 0) && <button type="button" class="link" onClick={() => (limit.value += step * 2)}>Show more</button>}
            </p>
          )}
        </>
      )}
      {!explanation.nodes?.length && explanation.groups.length > 0 && (
        <ul class="groups">
          {explanation.groups.map((group) => (
            <li key={`${group.plugin}${group.reasons.join()}`}><b>{group.count}</b> {group.reasons.join('; ') || group.code} <span class="quiet">({group.plugin})</span></li>
          ))}
        </ul>
      )}
      {explanation.message && explanation.result !== 'Scheduled' && <p class="message"><code>{explanation.message}</code></p>}
    </div>
  );
}
