import type { Column } from '../contract.ts';

/** The columns of `kubectl get` for a built-in resource, in order. */
export function columnsFor(_group: string, _version: string, _plural: string): readonly Column<any>[] {
  return [];
}
