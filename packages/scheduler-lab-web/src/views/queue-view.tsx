import { useComputed } from '@preact/signals';
import { type Lab, now } from '../data/lab.ts';
import { ageText } from '../model/amounts.ts';
import { byLane, fromPods, fromQueue, type LanePod, lanes } from '../model/queue.ts';
import { inNamespace, namespaceFilter, selectedPod, selectPod } from '../state.ts';

/** Chips a lane shows; the rest is counted. */
const mostChips = 24;

export function QueueView({ lab }: { lab: Lab }) {
  const sorted = useComputed(() => {
    const pods = lab.scheduler ? fromQueue(lab.scheduler.queue.items.value) : fromPods(lab.pods.items.value);
    return byLane(pods.filter((pod) => inNamespace.value(pod.namespace)));
  });
  return (
    <section class="queue" aria-label="Scheduling queue">
      {lanes.map((lane) => {
        const pods = sorted.value[lane.id];
        return (
          <section key={lane.id} class={`lane lane-${lane.id.toLowerCase()}`} aria-label={`${lane.title}: ${pods.length}`}>
            <h2 title={lane.about}>
              {lane.title} <span class="count">{pods.length}</span>
            </h2>
            <ul>
              {pods.slice(0, mostChips).map((pod) => (
                <PodChip key={pod.key} pod={pod} />
              ))}
              {pods.length > mostChips && <li class="more">and {(pods.length - mostChips).toLocaleString('en')} more</li>}
              {pods.length === 0 && <li class="empty">{lane.about}</li>}
            </ul>
          </section>
        );
      })}
      {!lab.scheduler && <p class="quiet full">This cluster's scheduler does not serve lab.pilothouse.dev: lanes are read off the pods, and attempts cannot be shown.</p>}
    </section>
  );
}

function PodChip({ pod }: { pod: LanePod }) {
  const held = pod.lane === 'Held';
  const wait = pod.backoffUntil && pod.lane === 'Backoff' ? Math.max(0, Date.parse(pod.backoffUntil) - now.value) : undefined;
  const detail = [pod.namespace !== namespaceFilter.value && pod.namespace, pod.reasons.join(', ') || pod.message, pod.attempts > 1 && `${pod.attempts} attempts`].filter(Boolean).join(' · ');
  return (
    <li>
      <button type="button" class={`chip${held ? ' held' : ''}${pod.lane === 'InFlight' ? ' in-flight' : ''}`} aria-pressed={selectedPod.value === pod.key} onClick={() => selectPod(pod.key)} title={detail}>
        <span class="name">{pod.name}</span>
        {held && <span class="tag">held</span>}
        {pod.priority > 0 && <span class="priority" title={`priority ${pod.priority}`}>▲{pod.priority.toLocaleString('en')}</span>}
        <span class="age">{wait !== undefined ? `in ${ageText(wait)}` : ageText(now.value - Date.parse(pod.since))}</span>
      </button>
    </li>
  );
}
