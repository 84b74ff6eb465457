/** What columns of many kinds share: descriptions by reference, ages, lists as text. */
import { formatSelector } from './selectors.ts';
import type { Column } from '../contract.ts';

/** A description taken from a field's documentation, resolved when the Table is made: `doc('core.v1.PodSpec', 'nodeName')`. */
export const doc = (type: string, field: string): string => `\u0000${type.startsWith('meta.') ? 'io.k8s.apimachinery.pkg.apis.' : type.includes('.pkg.') ? '' : 'io.k8s.api.'}${type}#${field}`;

export const none = '<none>';
export const unset = '<unset>';
export const unknown = '<unknown>';

const day = 24;
const year = 365 * day;

/** A duration as `kubectl get` shows it: `5s`, `3m20s`, `4h`, `2d3h`, `1y20d`. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return seconds % 60 ? `${minutes}m${seconds % 60}s` : `${minutes}m`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return minutes % 60 ? `${hours}h${minutes % 60}m` : `${hours}h`;
  if (hours < 2 * day) return `${hours}h`;
  if (hours < 8 * day) return hours % day ? `${Math.trunc(hours / day)}d${hours % day}h` : `${Math.trunc(hours / day)}d`;
  if (hours < 2 * year) return `${Math.trunc(hours / day)}d`;
  if (hours < 8 * year) {
    const days = Math.trunc(hours / day) % 365;
    return days ? `${Math.trunc(hours / year)}y${days}d` : `${Math.trunc(hours / year)}y`;
  }
  return `${Math.trunc(hours / year)}y`;
}

/** Time since an RFC 3339 time; `<unknown>` when there is none. */
export const since = (time: string | undefined | null, nowMs: number): string => (time ? humanDuration(nowMs - Date.parse(time)) : unknown);

export const name: Column<any> = { name: 'Name', type: 'string', format: 'name', description: doc('meta.v1.ObjectMeta', 'name'), value: (o) => o.metadata.name };
export const age: Column<any> = { name: 'Age', type: 'string', description: doc('meta.v1.ObjectMeta', 'creationTimestamp'), value: (o, now) => since(o.metadata.creationTimestamp, now) };
/** A kind without columns of its own. */
export const createdAt: Column<any> = { name: 'Created At', type: 'date', description: doc('meta.v1.ObjectMeta', 'creationTimestamp'), value: (o) => o.metadata.creationTimestamp ?? null };

export const text = <T = any>(name: string, description: string, value: Column<T>['value'], options: Partial<Column<T>> = {}): Column<T> => ({ name, type: 'string', description, value, ...options });
export const integer = <T = any>(name: string, description: string, value: Column<T>['value'], options: Partial<Column<T>> = {}): Column<T> => ({ name, type: 'integer', description, value, ...options });
export const flag = <T = any>(name: string, description: string, value: Column<T>['value'], options: Partial<Column<T>> = {}): Column<T> => ({ name, type: 'boolean', description, value, ...options });
export const wide = { priority: 1 } as const;

/** `a=b,c=d` in key order; `<none>` when empty. */
export const formatLabels = (labels: Record<string, string> | undefined): string => {
  const keys = Object.keys(labels ?? {}).sort();
  return keys.length ? keys.map((k) => `${k}=${labels![k]}`).join(',') : none;
};

interface TemplateLike {
  spec?: { containers?: { name: string; image?: string }[] };
}
/** Containers, images and selector: the wide columns of workloads. */
export const templateColumns = (template: (o: any) => TemplateLike | undefined, selector: { description: string; value: (o: any) => string } | undefined, priority = 1): Column<any>[] => [
  text('Containers', 'Names of each container in the template.', (o) => (template(o)?.spec?.containers ?? []).map((c) => c.name).join(','), { priority }),
  text('Images', 'Images referenced by each container in the template.', (o) => (template(o)?.spec?.containers ?? []).map((c) => c.image ?? '').join(','), { priority }),
  ...(selector ? [text('Selector', selector.description, selector.value, { priority })] : []),
];
export const selectorText = (selector: any): string => (selector === undefined || selector === null ? none : formatSelector(selector));
