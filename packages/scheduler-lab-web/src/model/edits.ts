/** Changes to the cluster for a what-if: from a form, and in words. Pure. */
import type { Edit } from '@pilothouse/scheduler-lab/api/types';

/** What a form offers. `fields` are asked for in this order. */
export const editKinds = [
  { id: 'taint', title: 'Add a taint', fields: ['node', 'taint'] },
  { id: 'untaint', title: 'Remove a taint', fields: ['node', 'taint'] },
  { id: 'label', title: 'Label a node', fields: ['node', 'label'] },
  { id: 'cordon', title: 'Cordon a node', fields: ['node'] },
  { id: 'uncordon', title: 'Uncordon a node', fields: ['node'] },
  { id: 'add', title: 'Add a node like', fields: ['node'] },
  { id: 'remove', title: 'Remove a node', fields: ['node'] },
  { id: 'resize', title: 'Resize a node', fields: ['node', 'amounts'] },
  { id: 'evict', title: 'Evict a pod', fields: ['pod'] },
] as const;

export type EditKind = (typeof editKinds)[number]['id'];
export type EditField = 'node' | 'taint' | 'label' | 'amounts' | 'pod';
export type EditForm = { kind: EditKind } & Partial<Record<EditField, string>>;

export const placeholders: Record<EditField, string> = { node: '', taint: 'dedicated=db:NoSchedule', label: 'disk=ssd, or disk- to remove', amounts: 'cpu=8,memory=32Gi', pod: 'namespace/name' };

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

/** `key=value:Effect`, `key:Effect` or `key`. Undefined for anything else. */
export function parseTaint(text: string): { key: string; value?: string; effect?: string } | undefined {
  const match = /^([^=:\s]+)(?:=([^:\s]*))?(?::(\w+))?$/.exec(text.trim());
  if (!match || (match[3] && !effects.includes(match[3]))) return undefined;
  return { key: match[1], ...(match[2] && { value: match[2] }), ...(match[3] && { effect: match[3] }) };
}

/** The edit a form stands for, or what is wrong with it. `taken` are names a new node must not have. */
export function editOf(form: EditForm, taken: readonly string[] = []): Edit | { problem: string } {
  const name = form.node?.trim() ?? '';
  const problem = (text: string) => ({ problem: text });
  if (form.kind !== 'evict' && !name) return problem('Choose a node.');
  switch (form.kind) {
    case 'taint': {
      const taint = parseTaint(form.taint ?? '');
      return taint?.effect ? { taintNode: { name, taint } } : problem(`A taint is written key=value:Effect; effects are ${effects.join(', ')}.`);
    }
    case 'untaint': {
      const taint = parseTaint(form.taint ?? '');
      return taint ? { taintNode: { name, taint: { key: taint.key, ...(taint.effect && { effect: taint.effect }) }, remove: true } } : problem('Which taint? Its key is enough.');
    }
    case 'label': {
      const match = /^([^=\s]+?)(?:=(\S*)|-)$/.exec(form.label?.trim() ?? '');
      return match ? { labelNode: { name, labels: { [match[1]]: match[2] ?? null } } } : problem('A label is written key=value; key- removes it.');
    }
    case 'cordon':
    case 'uncordon':
      return { cordonNode: { name, unschedulable: form.kind === 'cordon' } };
    case 'add': {
      let number = 1;
      while (taken.includes(`${name}-copy-${number}`)) number++;
      return { addNode: { name: `${name}-copy-${number}`, like: name } };
    }
    case 'remove':
      return { removeNode: { name } };
    case 'resize': {
      const pairs = (form.amounts ?? '').split(',').map((pair) => pair.trim().split('='));
      return pairs.every(([key, value]) => key && value) ? { resizeNode: { name, allocatable: Object.fromEntries(pairs) } } : problem('Amounts are written cpu=8,memory=32Gi.');
    }
    case 'evict': {
      const [namespace, pod] = (form.pod ?? '').split('/');
      return namespace && pod ? { evictPod: { namespace, name: pod } } : problem('A pod is written namespace/name.');
    }
  }
}

/** An edit as a short phrase: `taint node-1 with dedicated=db:NoSchedule`. */
export function editText(edit: Edit): string {
  if (edit.addNode) return `add ${edit.addNode.name}${edit.addNode.like ? `, like ${edit.addNode.like}` : ''}`;
  if (edit.removeNode) return `remove ${edit.removeNode.name}`;
  if (edit.taintNode) {
    const { taint, name, remove } = edit.taintNode;
    const text = `${taint.key}${taint.value ? `=${taint.value}` : ''}${taint.effect ? `:${taint.effect}` : ''}`;
    return remove ? `take the taint ${text} off ${name}` : `taint ${name} with ${text}`;
  }
  if (edit.labelNode) return Object.entries(edit.labelNode.labels).map(([key, value]) => (value === null ? `take the label ${key} off` : `label ${key}=${value} on`)).join(', ').concat(` ${edit.labelNode.name}`);
  if (edit.cordonNode) return `${edit.cordonNode.unschedulable ? 'cordon' : 'uncordon'} ${edit.cordonNode.name}`;
  if (edit.resizeNode) return `give ${edit.resizeNode.name} ${Object.entries(edit.resizeNode.allocatable).map(([k, v]) => `${v} ${k}`).join(', ')}`;
  if (edit.evictPod) return `evict ${edit.evictPod.namespace ? `${edit.evictPod.namespace}/` : ''}${edit.evictPod.name}`;
  if (edit.addPod) return `put the pod ${edit.addPod.metadata.name} onto ${edit.addPod.spec.nodeName}`;
  return 'change the pod';
}
