import type { Taint } from '@pilothouse/api-schemas/types/core/v1';
import type { AdmissionPlugin } from '../contract.ts';
import { isAbout } from './refuse.ts';

const key = 'node.kubernetes.io/not-ready';

/** A new node takes no pods before it has said that it is ready. */
export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  operations: ['CREATE'],
  mutate(a) {
    if (!isAbout(a, 'nodes') || a.subresource) return;
    const spec = (a.object.spec ??= {});
    const taints: Taint[] = spec.taints ?? [];
    if (!taints.some((t) => t.key === key && t.effect === 'NoSchedule')) spec.taints = [...taints, { key, effect: 'NoSchedule' }];
  },
};
