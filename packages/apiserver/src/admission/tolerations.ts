/** What one toleration tolerates of another, and lists of them put together. */
import type { Toleration } from '@pilothouse/api-schemas/types/core/v1';

const fields = ['key', 'operator', 'value', 'effect', 'tolerationSeconds'] as const;
const sameToleration = (a: Toleration, b: Toleration) => fields.every((field) => (a[field] || (field === 'tolerationSeconds' ? a[field] : '')) === (b[field] || (field === 'tolerationSeconds' ? b[field] : '')));

/** Whether everything `b` tolerates is tolerated by `a` too. */
export function isSuperset(a: Toleration, b: Toleration): boolean {
  if (sameToleration(a, b)) return true;
  if ((a.key ?? '') !== (b.key ?? '') && (a.key || a.operator !== 'Exists')) return false;
  if (a.effect && a.effect !== b.effect) return false;
  if (a.effect === 'NoExecute' && a.tolerationSeconds !== undefined && (b.tolerationSeconds === undefined || b.tolerationSeconds > a.tolerationSeconds)) return false;
  if (a.operator === 'Exists') return true;
  // One that leaves out its operator counts as no `Equal` here, though it means it.
  return (!a.operator || a.operator === 'Equal') && b.operator === 'Equal' && (a.value ?? '') === (b.value ?? '');
}

/** Both lists without what another of them tolerates as well. */
export function mergeTolerations(own: readonly Toleration[], more: readonly Toleration[]): Toleration[] {
  const all = [...own, ...more];
  const merged: Toleration[] = [];
  all.forEach((t, i) => {
    if (merged.some((held) => isSuperset(held, t))) return;
    // Of equal ones the first stays.
    if (all.slice(i + 1).some((later) => !sameToleration(later, t) && isSuperset(later, t))) return;
    merged.push(t);
  });
  return merged;
}
