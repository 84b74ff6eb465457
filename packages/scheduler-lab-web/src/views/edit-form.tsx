import type { Edit } from '@pilothouse/scheduler-lab/api/types';
import { useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';
import type { Lab } from '../data/lab.ts';
import { type EditField, type EditForm, editKinds, editOf, editText, placeholders } from '../model/edits.ts';

interface EditsProps {
  lab: Lab;
  edits: readonly Edit[];
  onChange(edits: readonly Edit[]): void;
}

/** The changes made so far as chips, and a form for the next. */
export function EditList({ lab, edits, onChange }: EditsProps) {
  const form = useSignal<EditForm>({ kind: 'taint' });
  const problem = useSignal('');
  const ids = useId();
  const kind = editKinds.find((k) => k.id === form.value.kind)!;
  const added = edits.flatMap((e) => (e.addNode ? [e.addNode.name] : []));
  const names = [...lab.nodes.items.value.map((n) => n.metadata.name!), ...added].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const set = (field: EditField, value: string) => {
    form.value = { ...form.value, [field]: value };
    problem.value = '';
  };
  const add = (event: Event) => {
    event.preventDefault();
    const edit = editOf(form.value, names);
    if ('problem' in edit) problem.value = edit.problem;
    else {
      onChange([...edits, edit]);
      form.value = { ...form.value, taint: '', label: '', amounts: '', pod: '' };
    }
  };
  return (
    <div class="edits">
      {edits.length > 0 && (
        <ul class="edit-chips">
          {edits.map((edit, index) => (
            <li key={`${index}${editText(edit)}`}>
              {editText(edit)}
              <button type="button" aria-label={`Undo: ${editText(edit)}`} onClick={() => onChange(edits.filter((_, i) => i !== index))}>×</button>
            </li>
          ))}
        </ul>
      )}
      <form class="edit-form" onSubmit={add}>
        <select aria-label="Change" value={form.value.kind} onChange={(event) => (form.value = { ...form.value, kind: event.currentTarget.value as EditForm['kind'] })}>
          {editKinds.map((k) => <option key={k.id} value={k.id}>{k.title}</option>)}
        </select>
        {kind.fields.map((field) =>
          field === 'node' ? (
            <input key={field} aria-label="Node" placeholder="node" list={`${ids}-nodes`} value={form.value.node ?? ''} onInput={(event) => set('node', event.currentTarget.value)} />
          ) : (
            <input key={field} aria-label={field} placeholder={placeholders[field]} list={field === 'pod' ? `${ids}-pods` : undefined} value={form.value[field] ?? ''} onInput={(event) => set(field, event.currentTarget.value)} />
          ),
        )}
        <datalist id={`${ids}-nodes`}>{names.slice(0, 200).map((name) => <option key={name} value={name} />)}</datalist>
        <datalist id={`${ids}-pods`}>{lab.pods.items.value.filter((p) => p.spec?.nodeName).slice(0, 200).map((p) => <option key={p.metadata.uid} value={`${p.metadata.namespace}/${p.metadata.name}`} />)}</datalist>
        <button type="submit">Add change</button>
      </form>
      {problem.value && <p class="problem" role="alert">{problem.value}</p>}
    </div>
  );
}
