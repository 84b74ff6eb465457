/** The lab's page: takes its token from the link, finds out whether it may read the cluster, draws. */
import { render } from 'preact';
import { openLab } from './data/lab.ts';
import { access, probe, takeTokenFromAddress } from './data/session.ts';
import { applyTheme, lab, readPlace } from './state.ts';
import './styles/base.css';
import './styles/layout.css';
import './styles/cluster.css';
import './styles/attempt.css';
import './styles/panels.css';
import './styles/lessons.css';
import { App } from './views/app.tsx';

takeTokenFromAddress();
const kept = localStorage.getItem('pilothouse-lab-theme');
applyTheme(kept === 'light' || kept === 'dark' ? kept : 'auto');
readPlace();
addEventListener('hashchange', readPlace);
access.subscribe((state) => {
  if (state === 'ready' && !lab.peek()) void openLab().then((opened) => (lab.value = opened));
});
render(<App />, document.getElementById('app')!);
void probe();
