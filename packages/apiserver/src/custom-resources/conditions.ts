import type { CustomResourceDefinition, CustomResourceDefinitionCondition } from '@pilothouse/api-schemas/types/apiextensions/v1';
import { formatTime } from '@pilothouse/base';

export type ConditionType = 'NamesAccepted' | 'Established' | 'Terminating' | 'NonStructuralSchema' | 'KubernetesAPIApprovalPolicyConformant';
export type Condition = Pick<CustomResourceDefinitionCondition, 'status' | 'reason' | 'message'> & { type: ConditionType };

export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

export const conditionOf = (crd: CustomResourceDefinition, type: ConditionType): CustomResourceDefinitionCondition | undefined => crd.status?.conditions?.find((condition) => condition.type === type);

export const isTrue = (crd: CustomResourceDefinition, type: ConditionType): boolean => conditionOf(crd, type)?.status === 'True';

/** Whether two conditions say the same, whenever they came to be. */
export const sameCondition = (a: Pick<Condition, 'status' | 'reason' | 'message'> | undefined, b: Pick<Condition, 'status' | 'reason' | 'message'> | undefined): boolean => a?.status === b?.status && (a?.reason ?? '') === (b?.reason ?? '') && (a?.message ?? '') === (b?.message ?? '');

/** The definition with the condition, which keeps its time where its status is the same. */
export function withCondition(crd: CustomResourceDefinition, condition: Condition, nowMs: number): CustomResourceDefinition {
  const held = crd.status?.conditions ?? [];
  const old = held.find(({ type }) => type === condition.type);
  const next = { ...condition, lastTransitionTime: old?.status === condition.status && old.lastTransitionTime ? old.lastTransitionTime : formatTime(nowMs) };
  const conditions = old ? held.map((one) => (one === old ? next : one)) : [...held, next];
  return { ...crd, status: { ...crd.status!, conditions } };
}

export function withoutCondition(crd: CustomResourceDefinition, type: ConditionType): CustomResourceDefinition {
  return { ...crd, status: { ...crd.status!, conditions: (crd.status?.conditions ?? []).filter((condition) => condition.type !== type) } };
}
