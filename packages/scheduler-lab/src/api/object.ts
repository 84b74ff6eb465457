/** What every object of `lab.pilothouse.dev/v1` has. */
import type { ListMeta, ObjectMeta } from '@pilothouse/api-schemas/types/meta/v1';

export const labGroup = 'lab.pilothouse.dev';
export const labVersion = 'v1';
export const labApiVersion = 'lab.pilothouse.dev/v1';

export interface LabObject<Kind extends string> {
  apiVersion: typeof labApiVersion;
  kind: Kind;
  metadata: ObjectMeta;
}

export interface LabList<T extends { kind: string }> {
  apiVersion: typeof labApiVersion;
  kind: `${T['kind']}List`;
  metadata: ListMeta;
  items: T[];
}
