import { type FieldError, invalidError, notFoundError, required } from '@pilothouse/apimachinery';
import type { Lab } from '../lab.ts';
import { EditError, type EditContext } from '../reviews/edits.ts';
import { subjectOf } from './resource-view.ts';
import { type CycleCommand, labApiVersion, labGroup } from './types.ts';

const actions = ['Step', 'Edit', 'Resume', 'Abort', 'Renew'] as const;
const targets = ['Plugin', 'Node', 'ExtensionPoint', 'End', 'Pod'] as const;

const unsupported = (field: string, value: unknown, supported: readonly string[]): FieldError => ({ reason: 'FieldValueNotSupported', field, message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported.map((s) => JSON.stringify(s)).join(', ')}` });

/** Does what the command says to the pod's held cycle. @throws StatusError 404, 422 */
export function commandCycle({ holding }: Lab, command: CycleCommand, namespace: string, name: string, priorityOf: EditContext['priorityOf']): CycleCommand {
  const cycle = holding.find(`${namespace}/${name}`);
  if (!cycle) throw notFoundError(subjectOf('heldcycles'), name);
  const { action, to = 'Plugin', edits = [] } = command.spec ?? {};
  const found: FieldError[] = [];
  if (!action) found.push(required('spec.action'));
  else if (!actions.includes(action)) found.push(unsupported('spec.action', action, actions));
  if (!targets.includes(to)) found.push(unsupported('spec.to', to, targets));
  if (action === 'Edit' && !edits.length) found.push(required('spec.edits'));
  if (edits.length > 64) found.push({ reason: 'FieldValueTooMany', field: 'spec.edits', message: `Too many: ${edits.length}: must have at most 64 items` });
  if (found.length) throw invalidError({ group: labGroup, kind: 'CycleCommand' }, name, found);
  let held = true;
  try {
    if (action === 'Edit') holding.edit(cycle, edits, { namespace, priorityOf });
    else if (action === 'Renew') holding.renew(cycle);
    else if (action === 'Step') {
      holding.step(cycle, to);
      held = to !== 'Pod';
    } else {
      holding.release(cycle, action === 'Abort' ? 'abort' : 'try');
      held = false;
    }
  } catch (error) {
    if (error instanceof EditError) throw invalidError({ group: labGroup, kind: 'CycleCommand' }, name, [...error.findings]);
    throw error;
  }
  return { apiVersion: labApiVersion, kind: 'CycleCommand', metadata: { name, namespace }, spec: command.spec, status: held ? { cycle: cycle.render(100) } : {} };
}
