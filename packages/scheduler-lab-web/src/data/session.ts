/** Who the page is to the API: a bearer token from the link's fragment, kept for this tab, or nothing behind `pilothouse lab`. */
import { signal } from '@preact/signals';

const key = 'pilothouse-lab-token';

/** `expired`: the server no longer takes the token. `missing`: it wants one and there is none. */
export type Access = 'checking' | 'ready' | 'missing' | 'expired' | 'forbidden' | 'unreachable';

export const access = signal<Access>('checking');

/** Takes `#token=…` out of the address (so that it is in no history and no screenshot) and keeps it. */
export function takeTokenFromAddress(): void {
  const found = /[#&]token=([^&]+)/.exec(location.hash);
  if (!found) return;
  setToken(decodeURIComponent(found[1]));
  history.replaceState(undefined, '', location.pathname + location.search);
}

export const token = (): string => sessionStorage.getItem(key) ?? '';

/** '' forgets it. */
export function setToken(text: string): void {
  if (text) sessionStorage.setItem(key, text.trim());
  else sessionStorage.removeItem(key);
}

/** Asks for something small, to learn whether the page may read the cluster. */
export async function probe(): Promise<void> {
  try {
    const answer = await fetch('/api/v1/nodes?limit=1', { headers: { accept: 'application/json', ...(token() && { authorization: `Bearer ${token()}` }) } });
    access.value = answer.ok ? 'ready' : answer.status === 401 ? (token() ? 'expired' : 'missing') : answer.status === 403 ? (token() ? 'forbidden' : 'missing') : 'unreachable';
  } catch {
    access.value = 'unreachable';
  }
}
