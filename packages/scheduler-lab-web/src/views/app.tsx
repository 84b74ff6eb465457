import { access } from '../data/session.ts';
import { lab, place } from '../state.ts';
import { AccessNotice } from './access-notice.tsx';
import { Header } from './header.tsx';
import { LivePage } from './live-page.tsx';

export function App() {
  const ready = access.value === 'ready' && lab.value;
  return (
    <>
      <a class="skip" href="#main">Skip to content</a>
      <Header />
      <main id="main" tabIndex={-1}>
        {ready && lab.value ? place.value.page === 'live' ? <LivePage lab={lab.value} /> : null : <AccessNotice />}
      </main>
    </>
  );
}
