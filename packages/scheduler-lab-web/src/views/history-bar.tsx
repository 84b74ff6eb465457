import type { HistoryEntry } from '../model/history.ts';
import { selectedPod, selectedTrace } from '../state.ts';

/** A slider over all recorded attempts, oldest left; at its right end it follows the newest. */
export function HistoryBar({ history, shown }: { history: readonly HistoryEntry[]; shown: HistoryEntry | undefined }) {
  if (!history.length) return null;
  const at = shown ? history.findIndex((e) => e.key === shown.key) : history.length - 1;
  const following = selectedTrace.value === '' && selectedPod.value === '';
  const go = (index: number) => {
    const entry = history[Math.max(0, Math.min(history.length - 1, index))];
    selectedTrace.value = entry.key;
    selectedPod.value = entry.pod;
  };
  const follow = () => {
    selectedTrace.value = '';
    selectedPod.value = '';
  };
  return (
    <div class="history">
      <button type="button" class="step" aria-label="Earlier attempt" disabled={at <= 0} onClick={() => go(at - 1)}>‹</button>
      <input
        type="range"
        min={0}
        max={history.length - 1}
        value={at}
        aria-label="Recorded attempts"
        aria-valuetext={shown ? `${shown.podName}, attempt ${shown.attempt}, ${shown.result}` : undefined}
        onInput={(event) => go(Number(event.currentTarget.value))}
      />
      <button type="button" class="step" aria-label="Later attempt" disabled={at >= history.length - 1} onClick={() => go(at + 1)}>›</button>
      <span class="where">{at + 1} of {history.length}{shown ? `, ${new Date(shown.startTime).toLocaleTimeString()}` : ''}</span>
      <button type="button" class={`follow${following ? ' on' : ''}`} aria-pressed={following} onClick={follow}>Follow</button>
    </div>
  );
}
