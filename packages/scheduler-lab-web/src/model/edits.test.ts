import { describe, expect, test } from 'vitest';
import { type EditForm, editOf, editText } from './edits.ts';

const cases: [EditForm, string][] = [
  [{ kind: 'taint', node: 'n1', taint: 'dedicated=db:NoSchedule' }, 'taint n1 with dedicated=db:NoSchedule'],
  [{ kind: 'untaint', node: 'n1', taint: 'dedicated' }, 'take the taint dedicated off n1'],
  [{ kind: 'label', node: 'n1', label: 'disk=ssd' }, 'label disk=ssd on n1'],
  [{ kind: 'label', node: 'n1', label: 'disk-' }, 'take the label disk off n1'],
  [{ kind: 'cordon', node: 'n1' }, 'cordon n1'],
  [{ kind: 'add', node: 'n1' }, 'add n1-copy-2, like n1'],
  [{ kind: 'resize', node: 'n1', amounts: 'cpu=8, memory=32Gi' }, 'give n1 8 cpu, 32Gi memory'],
  [{ kind: 'evict', pod: 'a/web' }, 'evict a/web'],
];
const wrong: [EditForm, string][] = [
  [{ kind: 'taint', node: 'n1', taint: 'dedicated=db' }, 'A taint is written'],
  [{ kind: 'taint', node: 'n1', taint: 'dedicated=db:Sometimes' }, 'A taint is written'],
  [{ kind: 'label', node: 'n1', label: 'disk' }, 'A label is written'],
  [{ kind: 'cordon' }, 'Choose a node'],
  [{ kind: 'evict', pod: 'web' }, 'A pod is written'],
];

describe('a change to the cluster', () => {
  test.each(cases)('%o is: %s', (form, text) => {
    const edit = editOf(form, ['n1-copy-1']);
    expect('problem' in edit ? edit.problem : editText(edit)).toBe(text);
  });
  test.each(wrong)('%o is refused: %s', (form, text) => {
    const edit = editOf(form);
    expect('problem' in edit && edit.problem).toContain(text);
  });
});
