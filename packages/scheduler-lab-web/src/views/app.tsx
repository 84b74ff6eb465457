import { access } from '../data/session.ts';
import type { Lab } from '../data/lab.ts';
import { lab, place } from '../state.ts';
import { AccessNotice } from './access-notice.tsx';
import { Header } from './header.tsx';
import { lessons } from '../lessons/index.ts';
import { LessonPage } from './lesson-page.tsx';
import { LessonsPage } from './lessons-page.tsx';
import { LivePage } from './live-page.tsx';

export function App() {
  const ready = access.value === 'ready' && lab.value;
  return (
    <>
      <a class="skip" href="#main">Skip to content</a>
      <Header />
      <main id="main" tabIndex={-1}>
        {ready && lab.value ? <Page lab={lab.value} /> : <AccessNotice />}
      </main>
    </>
  );
}

function Page({ lab: opened }: { lab: Lab }) {
  const where = place.value;
  const lesson = where.page === 'lesson' ? lessons.find((l) => l.id === where.id) : undefined;
  if (lesson) return <LessonPage key={lesson.id} lab={opened} lesson={lesson} />;
  return where.page === 'live' ? <LivePage lab={opened} /> : <LessonsPage />;
}
