import type { Lab } from '../data/lab.ts';
import { type Tab, tab } from '../state.ts';
import { AttemptPanel } from './attempt-panel.tsx';
import { HeldPanel } from './held-panel.tsx';
import { WhatIfPanel } from './whatif-panel.tsx';

const tabs: { id: Tab; title: string }[] = [
  { id: 'attempt', title: 'Attempt' },
  { id: 'whatif', title: 'What if' },
  { id: 'held', title: 'Hold and step' },
];

export function SidePanel({ lab }: { lab: Lab }) {
  const onKey = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (!step) return;
    const at = (tabs.findIndex((t) => t.id === tab.value) + step + tabs.length) % tabs.length;
    tab.value = tabs[at].id;
    (event.currentTarget as HTMLElement).querySelectorAll('button')[at]?.focus();
  };
  return (
    <section class="side panel" aria-label="Explanation">
        <div class="tabs" role="tablist" aria-label="Explanation" tabIndex={-1} onKeyDown={onKey}>
          {tabs.map(({ id, title }) => (
            <button key={id} type="button" role="tab" id={`tab-${id}`} aria-selected={tab.value === id} aria-controls="side-panel" tabIndex={tab.value === id ? 0 : -1} onClick={() => (tab.value = id)}>{title}{id === 'held' && (lab.scheduler?.held.items.value.length ?? 0) > 0 && <span class="badge">{lab.scheduler!.held.items.value.length}</span>}</button>
          ))}
        </div>
      <div id="side-panel" role="tabpanel" aria-labelledby={`tab-${tab.value}`}>
        {tab.value === 'attempt' ? <AttemptPanel lab={lab} /> : tab.value === 'whatif' ? <WhatIfPanel lab={lab} /> : <HeldPanel lab={lab} />}
      </div>
    </section>
  );
}
