import { messageOf } from '@pilothouse/base/errors';
import { useSignal } from '@preact/signals';
import type { LessonRun } from '../data/lesson-run.ts';
import { type Action, whereOf } from '../lessons/lesson.ts';
import { selectPod } from '../state.ts';

const hint = (action: Action, run: LessonRun): string => {
  const at = whereOf(run.namespace);
  if (action.kind === 'patchNode' || action.kind === 'patchPod') return action.kubectl(at);
  if (action.kind === 'deletePod') return `kubectl -n ${run.namespace} delete pod ${action.pod}`;
  return '';
};

/** A button that does it, and how to do it by hand. */
export function ActionView({ run, action }: { run: LessonRun; action: Action }) {
  const yaml = useSignal(action.kind === 'create' ? action.yaml(whereOf(run.namespace)) : '');
  const problem = useSignal('');
  const busy = useSignal(false);
  const act = async () => {
    busy.value = true;
    problem.value = '';
    try {
      await run.act(action, action.kind === 'create' ? yaml.value : undefined);
      const name = action.kind === 'create' ? /^ {2}name: (\S+)$/m.exec(yaml.value)?.[1] : undefined;
      if (name) selectPod(`${run.namespace}/${name}`);
    } catch (error) {
      problem.value = messageOf(error);
    }
    busy.value = false;
  };
  const command = hint(action, run);
  return (
    <div class="action">
      <button type="button" disabled={busy.value} onClick={() => void act()}>{action.title}</button>
      {action.kind === 'create' && (
        <details>
          <summary>its YAML, to change</summary>
          <textarea aria-label={`YAML: ${action.title}`} rows={Math.min(24, yaml.value.split('\n').length)} spellcheck={false} value={yaml.value} onInput={(event) => (yaml.value = event.currentTarget.value)} />
        </details>
      )}
      {command && <code class="command">{command}</code>}
      {problem.value && <p class="problem" role="alert">{problem.value}</p>}
    </div>
  );
}
