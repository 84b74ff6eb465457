import type { VerdictCode } from '@pilothouse/scheduler-lab/api/types';

const shapes: Record<VerdictCode, { class: string; name: string; path: string }> = {
  Success: { class: 'pass', name: 'passes', path: 'M3 8.5l3.2 3.2L13 4.8' },
  Unschedulable: { class: 'no', name: 'rejects', path: 'M4 4l8 8M12 4l-8 8' },
  UnschedulableAndUnresolvable: { class: 'never', name: 'rejects, and preemption could not help', path: 'M3.5 3.5h9v9h-9zM5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8' },
  Error: { class: 'error', name: 'failed', path: 'M8 2.5L14 13H2zM8 6.5v3M8 11.2v.3' },
  Wait: { class: 'wait', name: 'waits', path: 'M8 3.5v4.8l3 1.8M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12' },
  Pending: { class: 'wait', name: 'is pending', path: 'M8 3.5v4.8l3 1.8M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12' },
  Skip: { class: 'skip', name: 'has nothing to do', path: 'M5 8h6' },
};

export const verdictName = (code: VerdictCode): string => shapes[code]?.name ?? code;

/** A verdict as a shape as well as a colour. */
export function Mark({ code }: { code: VerdictCode }) {
  const shape = shapes[code] ?? shapes.Error;
  return (
    <svg viewBox="0 0 16 16" width="16" height="16" class={`mark ${shape.class}`} aria-hidden="true">
      <path d={shape.path} />
    </svg>
  );
}
