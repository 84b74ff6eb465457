/** Edits as flags of `kubectl whatif`. Pure. */
import type { Edit } from '../api/types.ts';

/** A flag's value that cannot be read; the message says what was needed. */
export class FlagError extends Error {
  override name = 'FlagError';
}

function split(flag: string, text: string, needed: string): [string, string] {
  const at = text.indexOf('=');
  if (at <= 0 || at === text.length - 1) throw new FlagError(`--${flag} ${text}: needed: ${needed}`);
  return [text.slice(0, at), text.slice(at + 1)];
}

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

/** `node-1=dedicated=db:NoSchedule`, or with a `-` at the end to take it away: `node-1=dedicated:NoSchedule-`, `node-1=dedicated-`. */
export function taintEdit(text: string): Edit {
  const needed = 'NODE=KEY[=VALUE]:EFFECT to add, NODE=KEY[:EFFECT]- to take away';
  const [name, taint] = split('node-taint', text, needed);
  const remove = taint.endsWith('-');
  const [pair, effect] = (remove ? taint.slice(0, -1) : taint).split(':') as [string, string | undefined];
  const [key, value] = pair.split('=') as [string, string | undefined];
  if (!key || (!remove && !effect) || (effect && !effects.includes(effect))) throw new FlagError(`--node-taint ${text}: needed: ${needed}, EFFECT one of ${effects.join(', ')}`);
  return { taintNode: { name, taint: { key, ...(value && { value }), ...(effect && { effect }) }, ...(remove && { remove }) } };
}

/** `node-1=disk=ssd`, `node-1=disk-`. */
export function labelEdit(text: string): Edit {
  const needed = 'NODE=KEY=VALUE to set, NODE=KEY- to take away';
  const [name, label] = split('node-label', text, needed);
  if (label.endsWith('-') && !label.includes('=')) return { labelNode: { name, labels: { [label.slice(0, -1)]: null } } };
  const at = label.indexOf('=');
  if (at <= 0) throw new FlagError(`--node-label ${text}: needed: ${needed}`);
  return { labelNode: { name, labels: { [label.slice(0, at)]: label.slice(at + 1) } } };
}

/** `node-9=node-1`: a node of that name like the other. */
export function addNodeEdit(text: string): Edit {
  const [name, like] = split('add-node', text, 'NAME=LIKE, a new name and a node it is like');
  return { addNode: { name, like } };
}

/** `node-1=cpu=8,memory=16Gi`. */
export function resizeEdit(text: string): Edit {
  const needed = 'NODE=RESOURCE=AMOUNT[,RESOURCE=AMOUNT]';
  const [name, amounts] = split('node-resize', text, needed);
  return { resizeNode: { name, allocatable: Object.fromEntries(amounts.split(',').map((pair) => split('node-resize', pair, needed))) } };
}

/** `web-1`, `shop/web-1`. */
export function evictEdit(text: string): Edit {
  const at = text.indexOf('/');
  return { evictPod: at < 0 ? { name: text } : { namespace: text.slice(0, at), name: text.slice(at + 1) } };
}
