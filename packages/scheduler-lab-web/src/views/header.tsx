import { useComputed } from '@preact/signals';
import { applyTheme, lab, namespaceFilter, nextTheme, place, theme } from '../state.ts';

const themeNames = { auto: 'as the system', light: 'light', dark: 'dark' };

export function Header() {
  const page = place.value.page;
  return (
    <header class="top">
      <a class="brand" href="#/">
        <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
          <circle cx="12" cy="12" r="7" />
          <path d="M12 1v22M1 12h22M4.2 4.2l15.6 15.6M19.8 4.2 4.2 19.8" />
          <circle cx="12" cy="12" r="2.4" class="hub" />
        </svg>
        <span>Pilothouse <b>lab</b></span>
      </a>
      <nav aria-label="Pages">
        <a href="#/" aria-current={page === 'live' ? 'page' : undefined}>Live</a>
        <a href="#/lessons" aria-current={page !== 'live' ? 'page' : undefined}>Lessons</a>
      </nav>
      <span class="spring" />
      {page === 'live' && <NamespaceChoice />}
      <Counts />
      <button type="button" class="quiet-button" onClick={() => applyTheme(nextTheme[theme.value])} title="Colours" aria-label={`Colours: ${themeNames[theme.value]}. Change`}>
        <ThemeGlyph />
      </button>
    </header>
  );
}

function ThemeGlyph() {
  const value = theme.value;
  return (
    <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true" class="glyph">
      <circle cx="10" cy="10" r="7" class="ring" />
      {value !== 'light' && <path d={value === 'dark' ? 'M10 3a7 7 0 0 1 0 14a7 7 0 0 1 0-14z' : 'M10 3a7 7 0 0 1 0 14z'} />}
    </svg>
  );
}

function Counts() {
  const text = useComputed(() => {
    const opened = lab.value;
    if (!opened?.nodes.synced.value || !opened.pods.synced.value) return '';
    const nodes = opened.nodes.items.value.length;
    const pods = opened.pods.items.value.length;
    return `${nodes.toLocaleString('en')} ${nodes === 1 ? 'node' : 'nodes'} · ${pods.toLocaleString('en')} ${pods === 1 ? 'pod' : 'pods'}`;
  });
  return <span class="counts">{text}</span>;
}

function NamespaceChoice() {
  const names = useComputed(() => [...new Set((lab.value?.pods.items.value ?? []).map((pod) => pod.metadata.namespace!))].sort());
  return (
    <label class="namespace">
      <span class="visually-hidden">Namespace</span>
      <select value={namespaceFilter.value} onChange={(event) => (namespaceFilter.value = event.currentTarget.value)}>
        <option value="">All namespaces</option>
        {[...new Set([...names.value, namespaceFilter.value].filter(Boolean))].map((name) => (
          <option key={name} value={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}
