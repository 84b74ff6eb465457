import type { Taint, Toleration } from '@pilothouse/api-schemas/types/core/v1';

/** Whether the toleration covers the taint (k8s.io/api/core/v1 `ToleratesTaint`, comparison operators off). */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  if (!toleration.operator || toleration.operator === 'Equal') return (toleration.value ?? '') === (taint.value ?? '');
  return toleration.operator === 'Exists';
}

export const toleratesTaint = (tolerations: readonly Toleration[] | undefined, taint: Taint): boolean => tolerations?.some((t) => tolerates(t, taint)) ?? false;

export const keepsPodsOff = (taint: Taint): boolean => taint.effect === 'NoSchedule' || taint.effect === 'NoExecute';

/** Whether some NoSchedule or NoExecute taint is not tolerated. */
export const hasUntoleratedTaint = (taints: readonly Taint[] | undefined, tolerations: readonly Toleration[] | undefined): boolean => taints?.some((taint) => keepsPodsOff(taint) && !toleratesTaint(tolerations, taint)) ?? false;

export const unschedulableTaint: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
