/** Whether a request fits the quotas of its namespace, and what they show as used if it does. Pure. */
import type { ResourceQuota } from '@pilothouse/api-schemas/types/core/v1';
import type { AdmissionAttributes } from '../../contract.ts';
import { refuse } from '../refuse.ts';
import { type Amounts, exceeding, increase, negative, only, plus, sameAmounts, show, withoutZeros } from '@pilothouse/apimachinery/quota/amounts';
import type { Evaluator } from './evaluators.ts';
import { scopesOf } from '@pilothouse/apimachinery/quota/scopes';

const hardOf = (quota: ResourceQuota) => (quota.status?.hard ?? {}) as Amounts;
export const usedOf = (quota: ResourceQuota) => (quota.status?.used ?? {}) as Amounts;

/** Whether the quota is about such an object. */
function matches(quota: ResourceQuota, evaluator: Evaluator, object: unknown): boolean {
  return scopesOf(quota).every((scope) => evaluator.inScope(scope, object)) && Object.keys(hardOf(quota)).some((name) => evaluator.counts(name));
}

/** Quotas with what they would show afterwards; those that stay as they are are left out. @throws StatusError 403 */
export function checkQuotas(quotas: readonly ResourceQuota[], a: AdmissionAttributes, evaluator: Evaluator): ResourceQuota[] {
  const nowMs = a.clock.now();
  const concerned = quotas.filter((quota) => matches(quota, evaluator, a.object));
  for (const quota of concerned) {
    const limited = Object.keys(hardOf(quota)).filter((name) => evaluator.counts(name));
    const why = evaluator.missing?.(a.object, limited);
    if (why) throw refuse(a, `failed quota: ${quota.metadata.name}: ${why}`);
    if (limited.some((name) => !(name in usedOf(quota)))) throw refuse(a, `status unknown for quota: ${quota.metadata.name}, resources: ${limited.sort().join(',')}`);
  }
  if (!concerned.length) return [];
  const usage = evaluator.usage(a.object, nowMs);
  const below = negative(usage);
  if (below.length) throw refuse(a, `quota usage is negative for resource(s): ${below.sort().join(',')}`);
  const before = a.operation === 'UPDATE' && a.old ? evaluator.usage(a.old, nowMs) : undefined;

  const changed: ResourceQuota[] = [];
  for (const quota of concerned) {
    // What the object used already is charged anew only where it was outside this quota before.
    const delta = withoutZeros(before && matches(quota, evaluator, a.old) ? increase(usage, before) : usage);
    const requested = only(delta, Object.keys(hardOf(quota)));
    const used = plus(usedOf(quota), requested);
    const over = a.subresource === 'status' ? [] : exceeding(only(used, Object.keys(requested)), hardOf(quota));
    if (over.length) throw refuse(a, `exceeded quota: ${quota.metadata.name}, requested: ${show(only(requested, over))}, used: ${show(only(usedOf(quota), over))}, limited: ${show(only(hardOf(quota), over))}`);
    if (!sameAmounts(used, usedOf(quota))) changed.push({ ...quota, status: { ...quota.status, used } });
  }
  return changed;
}
