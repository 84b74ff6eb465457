/** Patches of all four kinds for a stored object: mostly well formed, about the right places, with wrong things in them. */
import type { Dice } from '../suite.ts';
import type { Target } from './kinds.ts';
import { mutate, pathsOf, withChanged } from './mutate.ts';
import { objectOf } from './objects.ts';
import { hostileText, hostileValue, nativeKeys } from './values.ts';

const pointer = (path: readonly (string | number)[]): string => path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

function anyPointer(object: unknown, dice: Dice): string {
  const path = pointer(dice.pick(pathsOf(object)));
  if (!dice.once(3)) return path;
  return dice.pick([`${path}/-`, `${path}/${dice.pick(nativeKeys)}`, `${path}/new`, `${path}/0`, `${path}/-1`, `${path}/99999999999999999999`, `${path}/01`, '', '/', 'x', '//', '/~', '/~2', `${path}~`, hostileText(dice, false)]);
}

/** Operations on the object's own places. */
export function jsonPatchOf({ object }: Target, dice: Dice): unknown {
  if (dice.once(60)) return Array.from({ length: dice.pick([9_999, 10_001]) }, () => ({ op: 'test', path: '/kind', value: object.kind }));
  if (dice.once(60)) return [{ op: 'add', path: '/metadata/annotations/x', value: 'x'.repeat(1_000) }, ...Array.from({ length: 40 }, () => ({ op: 'copy', from: '/metadata/annotations', path: '/metadata/annotations/y' }))];
  return Array.from({ length: dice.between(1, 4) }, () => {
    const op = dice.pick(['add', 'add', 'replace', 'remove', 'move', 'copy', 'test', dice.once(5) ? hostileText(dice, false) : 'add']);
    const operation: Record<string, unknown> = { op, path: anyPointer(object, dice) };
    if (op === 'move' || op === 'copy') operation.from = anyPointer(object, dice);
    else if (op !== 'remove') operation.value = dice.once(2) ? hostileValue(dice) : dice.pick(['a', 1, {}, null]);
    if (dice.once(20)) delete operation[dice.pick(Object.keys(operation))];
    if (dice.once(20)) operation[dice.pick(['op', 'path', 'from', 'value', 'extra', '__proto__x'])] = hostileValue(dice);
    return operation;
  });
}

/** Part of the object: the way down to a few places, with other values there. */
function partOf(object: Record<string, any>, dice: Dice): Record<string, any> {
  const part: Record<string, any> = {};
  for (let i = dice.between(1, 3); i > 0; i--) {
    const path = dice.pick(pathsOf(object).filter((p) => p.length > 0 && p.every((step) => typeof step === 'string')));
    let at = part;
    for (const step of path.slice(0, -1)) at = at[step as string] = typeof at[step as string] === 'object' && at[step as string] !== null ? at[step as string] : {};
    const old = path.reduce((value, step) => value?.[step], object as any);
    at[path[path.length - 1] as string] = dice.pick<() => unknown>([() => null, () => hostileValue(dice), () => old, () => mutate(old, dice, 1)])();
  }
  return part;
}

export const mergePatchOf = ({ object }: Target, dice: Dice): unknown => (dice.once(12) ? hostileValue(dice) : mutate(partOf(object, dice), dice, dice.below(2)));

/** A merge patch with the directives of the strategic one. */
export function strategicPatchOf(target: Target, dice: Dice): unknown {
  const { object } = target;
  let patch: unknown = dice.once(3) ? mergePatchOf(target, dice) : partOf(object, dice);
  if (dice.once(3)) {
    const path = dice.pick(pathsOf(object).filter((p) => p.length > 0));
    const shell: Record<string, any> = {};
    let at: any = shell;
    for (const step of path.slice(0, -1)) at = at[step] = typeof path[path.indexOf(step) + 1] === 'number' ? [] : {};
    at[path[path.length - 1]] = path.reduce((value, step) => value?.[step], object as any);
    patch = JSON.parse(JSON.stringify(shell, (_key, value: unknown) => (Array.isArray(value) ? value.filter((item) => item !== null && item !== undefined) : value)));
  }
  for (let i = dice.below(3); i > 0; i--) {
    patch = withChanged(patch, dice.pick(pathsOf(patch)), (old) => {
      if (Array.isArray(old)) return [...old, dice.pick<unknown>([{ $patch: 'replace' }, { $patch: 'delete', name: 'main' }, { $patch: 'merge' }, { $patch: 1 }, { $patch: 'delete' }, null, 1, [], {}])];
      if (typeof old !== 'object' || old === null) return old;
      const key = dice.pick(['$patch', '$retainKeys', '$setElementOrder/containers', '$setElementOrder/ports', '$setElementOrder', '$setElementOrder/', '$deleteFromPrimitiveList/finalizers', '$deleteFromPrimitiveList', '$deleteFromPrimitiveList/containers', '$retainKeys/x']);
      return { ...old, [key]: dice.pick<unknown>(['replace', 'delete', 'merge', null, 1, [], ['a'], ['name'], [{ name: 'main' }], [{}], [null], { a: 1 }, hostileText(dice, false)]) };
    });
  }
  return patch;
}

/** What an applier says of the object: some of its fields, among them the name. */
export function applyBody({ resource, namespace, name, object }: Target, dice: Dice): unknown {
  const { apiVersion, kind } = object;
  const base = dice.once(2) ? objectOf(resource, dice, namespace, name) : { apiVersion, kind, ...partOf(object, dice), metadata: { name, ...partOf(object, dice).metadata } };
  if (dice.once(4)) return { ...base, metadata: { ...(base as any).metadata, managedFields: dice.pick<unknown>([[], null, [{}], [{ manager: 'x', operation: 'Apply', fieldsV1: hostileValue(dice) }], object.metadata.managedFields, hostileValue(dice)]) } };
  return mutate(base, dice, dice.below(3));
}
