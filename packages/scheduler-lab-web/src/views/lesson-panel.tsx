import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { runtime } from '../data/lab.ts';
import { keepSteps, keptSteps, type LessonRun } from '../data/lesson-run.ts';
import { ActionView } from './lesson-action.tsx';
import { Prose } from './prose.tsx';

/** The steps of a lesson: what it says, what to do, and whether it is done. */
export function LessonPanel({ run, onStartOver }: { run: LessonRun; onStartOver(): void }) {
  const { lesson } = run;
  const kept = keptSteps(lesson.id);
  const at = useSignal(Math.min(kept.at, lesson.steps.length - 1));
  const done = useSignal<ReadonlySet<number>>(new Set(kept.done));
  const answered = useSignal<number | undefined>(undefined);
  const step = lesson.steps[at.value];
  // A step that was done stays done, whatever comes after it.
  useSignalEffect(() => {
    const index = at.value;
    const { check } = lesson.steps[index];
    if (run.ready.value && !done.value.has(index) && check?.(run.state.value)) done.value = new Set([...done.value, index]);
    keepSteps(lesson.id, { done: [...done.value], at: index });
  });
  const isDone = done.value.has(at.value) || (!step.check && (!step.question || answered.value !== undefined));
  const last = at.value === lesson.steps.length - 1;
  const go = (index: number) => {
    if (!step.check && isDone) done.value = new Set([...done.value, at.value]);
    at.value = index;
    answered.value = undefined;
  };
  const finish = () => {
    void run.end();
    location.hash = '#/lessons';
  };
  return (
    <section class="lesson panel" aria-label="Lesson">
      <p class="crumbs"><a href="#/lessons">Lessons</a> · {lesson.title}</p>
      <ol class="progress" aria-label="Steps">
        {lesson.steps.map((s, index) => (
          <li key={s.title}>
            <button type="button" aria-label={`Step ${index + 1}: ${s.title}${done.value.has(index) ? ', done' : ''}`} aria-current={index === at.value ? 'step' : undefined} class={done.value.has(index) ? 'done' : ''} onClick={() => go(index)}>
              {done.value.has(index) ? '✓' : index + 1}
            </button>
          </li>
        ))}
      </ol>
      <h1>{step.title}</h1>
      {step.text.map((text) => <Prose key={text} text={text} />)}
      {step.files?.map((file) => (
        <figure key={file.name} class="file">
          <figcaption>{file.name}</figcaption>
          <pre>{file.text}</pre>
        </figure>
      ))}
      {!run.ready.value && <Waiting run={run} />}
      {step.question && (
        <fieldset class="question" key={step.title}>
          <legend>{step.question.text}</legend>
          {step.question.options.map((option, index) => (
            <label key={option} class={`option${answered.value === undefined ? '' : index === step.question!.right ? ' right' : index === answered.value ? ' wrong' : ''}`}>
              <input type="radio" name="answer" checked={answered.value === index} onChange={() => (answered.value = index)} /> {option}
            </label>
          ))}
          {answered.value !== undefined && <p role="status"><b>{answered.value === step.question.right ? 'Yes.' : 'Not quite.'}</b> {step.question.why}</p>}
        </fieldset>
      )}
      {run.ready.value && step.actions?.map((action) => <ActionView key={`${at.value}${action.title}`} run={run} action={action} />)}
      {step.goal && (
        <p class={`goal${isDone ? ' met' : ''}`} role="status">
          <span aria-hidden="true">{isDone ? '✓' : '○'}</span> {isDone ? 'Done: ' : 'Waiting until '}{step.goal}.
        </p>
      )}
      <div class="buttons">
        <button type="button" disabled={at.value === 0} onClick={() => go(at.value - 1)}>Back</button>
        {last ? <button type="button" class="primary" onClick={finish}>{isDone ? 'Finish' : 'Leave'}</button> : <button type="button" class={isDone ? 'primary' : ''} onClick={() => go(at.value + 1)}>{isDone ? 'Next' : 'Skip'}</button>}
        <span class="spring" />
        <button type="button" class="quiet-button" onClick={onStartOver}>Start over</button>
      </div>
      <p class="quiet where-am-i">namespace <code>{run.namespace}</code></p>
    </section>
  );
}

function Waiting({ run }: { run: LessonRun }) {
  const problem = useSignal('');
  useEffect(() => {
    const timer = runtime.clock.every(3000, () => void run.problem().then((found) => (problem.value = found)));
    return () => timer.cancel();
  }, [run]);
  const { nodes } = run.state.value;
  return (
    <>
      <p class="quiet" role="status">Setting up: {nodes.size} of {run.lesson.nodes.length} nodes. They are made by the process that serves the lab; if nothing happens, it may not be allowed to make nodes.</p>
      {problem.value && <p class="problem" role="alert">{problem.value}</p>}
    </>
  );
}
