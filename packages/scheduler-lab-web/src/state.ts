/** What the page shows: selection, place, theme. The place is the address's fragment, so that links and the back button work. */
import { computed, signal } from '@preact/signals';
import type { Lab } from './data/lab.ts';

export const lab = signal<Lab | undefined>(undefined);

export type Tab = 'attempt' | 'whatif' | 'held';
export type Place = { page: 'live' } | { page: 'lessons' } | { page: 'lesson'; id: string };

export const place = signal<Place>({ page: 'live' });
export const tab = signal<Tab>('attempt');
/** '' is all. */
export const namespaceFilter = signal('');
/** `namespace/name` of the pod whose attempt is shown. */
export const selectedPod = signal('');
/** `namespace/name` of the trace that is shown; '' follows the pod's latest, or without a pod the latest of all. */
export const selectedTrace = signal('');
export const selectedNode = signal('');

export const theme = signal<'auto' | 'light' | 'dark'>('auto');

export function readPlace(): void {
  const path = location.hash.replace(/^#\/?/, '');
  const [page, id] = path.split('/');
  if (page === 'lessons') place.value = id ? { page: 'lesson', id } : { page: 'lessons' };
  else place.value = { page: 'live' };
}

export const nextTheme = { auto: 'dark', dark: 'light', light: 'auto' } as const;

export function applyTheme(value: 'auto' | 'light' | 'dark'): void {
  theme.value = value;
  document.documentElement.dataset.theme = value;
  if (value === 'auto') localStorage.removeItem('pilothouse-lab-theme');
  else localStorage.setItem('pilothouse-lab-theme', value);
}

/** Chooses a pod: its latest attempt is shown, and followed. */
export function selectPod(key: string): void {
  selectedPod.value = key;
  selectedTrace.value = '';
  if (tab.value === 'held') tab.value = 'attempt';
}

export const inNamespace = computed(() => {
  const only = namespaceFilter.value;
  return (namespace: string | undefined) => !only || namespace === only;
});

/** What the names of a lesson's nodes begin with; '' outside of lessons. */
export const namePrefix = signal('');

/** A text without that prefix: `lab-taints-x7k2-a` is a, the pod `lab-taints-x7k2/web` is web. */
export const short = (text: string): string => (namePrefix.value ? text.replaceAll(namePrefix.value, '').replaceAll(`${namePrefix.value.slice(0, -1)}/`, '') : text);
