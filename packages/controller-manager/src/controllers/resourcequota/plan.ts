/** What a quota should say is used. Pure. */
import type { Pod, ResourceQuota } from '@pilothouse/api-schemas/types/core/v1';
import { groupResource, type KubeObject, type ResourceType } from '@pilothouse/apimachinery';
import { type Amounts, only, plus, sameAmounts } from '@pilothouse/apimachinery/quota/amounts';
import { scopesOf } from '@pilothouse/apimachinery/quota/scopes';
import { quotaUsageOf } from '@pilothouse/apimachinery/quota/usage';
import { isPodTerminal, semanticallyEqual } from '@pilothouse/controller-runtime';

const hardOf = (quota: ResourceQuota) => (quota.spec?.hard ?? {}) as Amounts;

/** Whether a quota limits anything that objects of the resource use. */
export function limits(quota: ResourceQuota, type: ResourceType<any>): boolean {
  const { counts } = quotaUsageOf(type);
  return Object.keys(hardOf(quota)).some(counts);
}

/** What objects of one resource in the quota's namespace use of it: each name it limits, if only with 0. */
export function usedOf(quota: ResourceQuota, type: ResourceType<any>, objects: readonly KubeObject[], nowMs: number): Amounts {
  const { counts, inScope, usage } = quotaUsageOf(type);
  const scopes = scopesOf(quota);
  const names = Object.keys(hardOf(quota)).filter(counts);
  let used: Amounts = Object.fromEntries(names.map((name) => [name, '0']));
  for (const object of objects) if (scopes.every((scope) => inScope(scope, object))) used = plus(used, only(usage(object, nowMs), names));
  return used;
}

/** The quota's next status, where what is used was counted anew for some of its names; undefined where it is as it should be. */
export function nextStatus(quota: ResourceQuota, counted: Amounts): ResourceQuota['status'] | undefined {
  const hard = hardOf(quota);
  const before = quota.status?.used as Amounts | undefined;
  const used = only({ ...before, ...counted }, Object.keys(hard));
  const current = quota.status?.hard && before && sameAmounts(hard, quota.status.hard as Amounts) && sameAmounts(used, before);
  return current ? undefined : { hard, used };
}

/** Whether a change may have freed something: what is taken is charged as it is asked for. */
export function mayFree(type: ResourceType<any>, object: any, old: any): boolean {
  switch (groupResource(type)) {
    case 'pods':
      return isPodTerminal(object as Pod) !== isPodTerminal(old as Pod) || object.metadata.generation !== old.metadata.generation || object.spec?.activeDeadlineSeconds !== old.spec?.activeDeadlineSeconds;
    case 'services':
      return !semanticallyEqual(object.spec, old.spec);
    case 'persistentvolumeclaims':
      return !semanticallyEqual(object.spec, old.spec) || !semanticallyEqual(object.status, old.status);
    default:
      return false;
  }
}
