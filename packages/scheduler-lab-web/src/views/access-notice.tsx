import { useSignal } from '@preact/signals';
import { access, probe, setToken } from '../data/session.ts';

const texts: Record<string, { title: string; text: string }> = {
  missing: { title: 'A token is needed', text: 'Open the link that pilothouse up printed: it carries a token. Or run pilothouse lab, which needs none.' },
  expired: { title: 'The token is no longer valid', text: 'Tokens expire, and one of another cluster does not fit. Start the cluster again for a new link, or run pilothouse lab.' },
  forbidden: { title: 'This token may not read the cluster', text: 'The lab needs to list nodes and pods at least.' },
  unreachable: { title: 'The API server does not answer', text: 'Is the cluster still running?' },
};

/** In place of the lab, where the page cannot read the cluster: why, and a way to mend it. */
export function AccessNotice() {
  const pasted = useSignal('');
  const found = texts[access.value];
  if (!found) return <p class="loading" role="status">Connecting to the cluster …</p>;
  return (
    <section class="notice" role="alert">
      <h1>{found.title}</h1>
      <p>{found.text}</p>
      {access.value === 'unreachable' ? (
        <button type="button" class="primary" onClick={() => void probe()}>Try again</button>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            setToken(pasted.value);
            void probe();
          }}
        >
          <label>
            Or paste a bearer token
            <input type="password" autocomplete="off" spellcheck={false} value={pasted.value} onInput={(event) => (pasted.value = event.currentTarget.value)} />
          </label>
          <button type="submit" class="primary" disabled={!pasted.value.trim()}>Use this token</button>
          <p class="quiet">It stays in this tab and is gone when the tab is closed.</p>
        </form>
      )}
    </section>
  );
}
