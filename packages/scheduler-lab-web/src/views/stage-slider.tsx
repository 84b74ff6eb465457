import type { Stop } from '../model/attempt.ts';

/** A slider through the extension points of a cycle: one tab stop, arrow keys, and each name can be clicked. */
export function StageSlider({ stops, at, onChange }: { stops: readonly Stop[]; at: number; onChange(index: number): void }) {
  const part = stops.length > 1 ? at / (stops.length - 1) : 1;
  return (
    <div class="stages">
      <div class="rail" aria-hidden="true"><span style={{ width: `${part * 100}%` }} /></div>
      <input type="range" min={0} max={Math.max(0, stops.length - 1)} step={1} value={at} aria-label="Extension point" aria-valuetext={stops[at]?.point} onInput={(event) => onChange(Number(event.currentTarget.value))} />
      <ol aria-hidden="true">
        {stops.map((stop, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the slider is what keyboards and readers use; this is a larger target for pointers
          <li key={stop.point} class={index === at ? 'now' : index < at ? 'past' : ''} onClick={() => onChange(index)}>
            <i /><span>{stop.point}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}
