import type { LabelSelector } from '@pilothouse/api-schemas/types/meta/v1';

/** A label selector as `kubectl get -o wide` shows it: `a=b,c in (x,y),!d`; `<none>` when it selects everything. */
export function formatSelector(selector: LabelSelector): string {
  const parts: [string, string][] = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => [key, `${key}=${value}`]);
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const list = `(${[...(values ?? [])].sort().join(',')})`;
    const shown = operator === 'In' ? `${key} in ${list}` : operator === 'NotIn' ? `${key} notin ${list}` : operator === 'DoesNotExist' ? `!${key}` : key;
    parts.push([key, shown]);
  }
  if (!parts.length) return '<none>';
  return parts.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, shown]) => shown).join(',');
}
