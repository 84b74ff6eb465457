import { messageOf } from '@pilothouse/base/errors';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Lab } from '../data/lab.ts';
import { type LessonRun, startLesson } from '../data/lesson-run.ts';
import { type Lesson, lessonLabel } from '../lessons/lesson.ts';
import { namePrefix, namespaceFilter, selectedPod, selectedTrace, tab } from '../state.ts';
import { ClusterView } from './cluster-view.tsx';
import { LessonPanel } from './lesson-panel.tsx';
import { QueueView } from './queue-view.tsx';
import { SidePanel } from './side-panel.tsx';

/** A lesson beside the part of the cluster it is about. */
export function LessonPage({ lab, lesson }: { lab: Lab; lesson: Lesson }) {
  const run = useSignal<LessonRun | undefined>(undefined);
  const problem = useSignal('');
  const attempt = useSignal(0);
  const number = attempt.value;
  useEffect(() => {
    let left = false;
    problem.value = '';
    startLesson(lab, lesson).then(
      (started) => {
        if (left) return started.close();
        run.value = started;
        namespaceFilter.value = started.namespace;
        namePrefix.value = `${started.namespace}-`;
        selectedPod.value = '';
        selectedTrace.value = '';
        tab.value = 'attempt';
      },
      (error) => {
        problem.value = messageOf(error);
      },
    );
    return () => {
      left = true;
      run.value?.close();
      run.value = undefined;
      namespaceFilter.value = '';
      namePrefix.value = '';
    };
  }, [lesson.id, number]);
  const current = run.value;
  if (!current) return problem.value ? <p class="problem" role="alert">The lesson could not be started: {problem.value}</p> : <p class="loading" role="status">Starting …</p>;
  const startOver = async () => {
    await current.end();
    attempt.value++;
  };
  return (
    <div class="lesson-page">
      <LessonPanel key={current.namespace} run={current} onStartOver={() => void startOver()} />
      <div class="live">
        <QueueView lab={lab} />
        <div class="split">
          <ClusterView lab={lab} only={(labels) => labels[lessonLabel] === current.namespace} />
          <SidePanel lab={lab} />
        </div>
      </div>
    </div>
  );
}
