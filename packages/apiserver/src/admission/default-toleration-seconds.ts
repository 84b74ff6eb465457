import type { Toleration } from '@pilothouse/api-schemas/types/core/v1';
import type { AdmissionPlugin } from '../contract.ts';
import { isAbout } from './refuse.ts';

export interface TolerationDefaults {
  /** `--default-not-ready-toleration-seconds` and `--default-unreachable-toleration-seconds`; default 300. */
  notReadySeconds?: number;
  unreachableSeconds?: number;
}

const covers = (tolerations: readonly Toleration[], key: string) => tolerations.some((t) => (t.key === key || !t.key) && (t.effect === 'NoExecute' || !t.effect));

/** How long a pod stays on a node that is not ready or cannot be reached, where it does not say. */
export const defaultTolerationSeconds = ({ notReadySeconds = 300, unreachableSeconds = 300 }: TolerationDefaults = {}): AdmissionPlugin => ({
  name: 'DefaultTolerationSeconds',
  operations: ['CREATE', 'UPDATE'],
  mutate(a) {
    if (!isAbout(a, 'pods') || a.subresource || !a.object?.spec) return;
    const held: Toleration[] = a.object.spec.tolerations ?? [];
    const added = ([['node.kubernetes.io/not-ready', notReadySeconds], ['node.kubernetes.io/unreachable', unreachableSeconds]] as const)
      .filter(([key]) => !covers(held, key))
      .map(([key, tolerationSeconds]): Toleration => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds }));
    if (added.length) a.object.spec.tolerations = [...held, ...added];
  },
});
