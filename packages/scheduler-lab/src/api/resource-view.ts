/** How a kind of thing the lab keeps is shown as a resource. */
import type { KubeObject } from '@pilothouse/apimachinery';
import { labGroup, labVersion } from './types.ts';
import type { Happenings } from '../traces/watchable.ts';

export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly description: string;
  /** 0: always shown; 1: with `-o wide`. */
  readonly priority?: number;
}

export interface ResourceView<T> {
  readonly plural: string;
  readonly kind: string;
  readonly happenings: Happenings<T>;
  all(): Iterable<T>;
  /** `namespace/name`. */
  key(value: T): string;
  /** Orders a list; default by key. */
  compare?(a: T, b: T): number;
  namespace(value: T): string;
  labels(value: T): Readonly<Record<string, string>> | undefined;
  /** What field selectors may ask for, beyond metadata.name and metadata.namespace. */
  fields(value: T): Readonly<Record<string, string>>;
  readonly fieldNames: readonly string[];
  /** As lists and watches have it. */
  render(value: T): KubeObject;
  readonly columns: readonly Column[];
  cells(value: T, nowMs: number): (string | number)[];
}

export const subjectOf = (plural: string) => ({ group: labGroup, version: labVersion, plural });

/** `3m`, `2d4h`: how long ago, as kubectl says it. */
export function age(fromMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.floor((nowMs - fromMs) / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 ? `${minutes}m${seconds % 60}s` : `${minutes}m`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return minutes % 60 ? `${hours}h${minutes % 60}m` : `${hours}h`;
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  return days < 8 && hours % 24 ? `${days}d${hours % 24}h` : `${days}d`;
}
