import type { Preemption } from '@pilothouse/scheduler-lab/api/types';
import { preemptionStory } from '../model/preemption.ts';
import { short } from '../state.ts';

/** Who would have to leave where, and why this node: candidates beside one another, victims leaving the chosen one. */
export function PreemptionView({ preemption }: { preemption: Preemption }) {
  const story = preemptionStory(preemption);
  return (
    <section class="preemption" aria-label="Preemption">
      <p>{short(story.sentence)}</p>
      <ul class="candidates">
        {story.candidates.map((candidate) => (
          <li key={candidate.node} class={candidate.chosen ? 'chosen' : ''}>
            <h4>{candidate.chosen && <span class="star" aria-hidden="true">★</span>} {short(candidate.node)}</h4>
            <ul class="victims" aria-label={`${candidate.victims.length} victims`}>
              {candidate.victims.map((victim) => (
                <li key={`${victim.namespace}/${victim.name}`} class="victim" title={`${victim.namespace}/${victim.name}, priority ${victim.priority}`}>
                  {victim.name} <span class="priority">▲{victim.priority}</span>
                </li>
              ))}
            </ul>
            <p class="quiet">{candidate.verdict}</p>
          </li>
        ))}
      </ul>
      {preemption.candidatesOmitted ? <p class="quiet">{preemption.candidatesOmitted} more candidates.</p> : null}
      {preemption.rejected.length > 0 && (
        <ul class="groups">
          {preemption.rejected.map((group) => <li key={group.reasons.join()}><b>{group.count}</b> {group.reasons.join('; ')}</li>)}
        </ul>
      )}
    </section>
  );
}
