import { type FieldError, immutableText, invalid, nameIsDnsSubdomain, required, resourceQuotas as type } from '@pilothouse/apimachinery';
import type { ResourceQuota as Published, ResourceQuotaSpec } from '@pilothouse/api-schemas/types/core/v1';
import type { Strategy } from '../../contract.ts';
import { roundAmounts } from '../defaults/pod-spec.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { same } from '../validation/equality.ts';
import { internalForm } from '../validation/internal-form.ts';
import { validateObjectMetaUpdate, withMeta } from '../validation/object-meta.ts';
import { isHugePage, validateAmount, validateQuotaResourceName } from '../validation/resources.ts';

type ResourceQuota = Filled<Published>;

const podScopes = ['BestEffort', 'NotBestEffort', 'Terminating', 'NotTerminating'];
const scopes = [...podScopes, 'PriorityClass', 'CrossNamespacePodAffinity', 'VolumeAttributesClass'];
const podCompute = new Set(['pods', 'cpu', 'memory', 'limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory']);
/** Resources of quotas that are no pods' and so have no scope. */
const otherStandard = new Set(['ephemeral-storage', 'requests.storage', 'requests.ephemeral-storage', 'limits.ephemeral-storage', 'resourcequotas', 'services', 'replicationcontrollers', 'secrets', 'configmaps', 'persistentvolumeclaims', 'services.nodeports', 'services.loadbalancers']);

function scopeFits(scope: string, name: string): boolean {
  const standard = podCompute.has(name) || otherStandard.has(name) || isHugePage(name) || name.startsWith('requests.hugepages-');
  if (!standard) return true;
  if (scope === 'BestEffort') return name === 'pods';
  if (scope === 'VolumeAttributesClass') return name === 'persistentvolumeclaims' || name === 'requests.storage';
  if (scopes.includes(scope)) return podCompute.has(name);
  return true;
}

function validateConflicts(errors: FieldError[], used: readonly string[], spec: ResourceQuotaSpec, path: string): void {
  for (const [a, b] of [['BestEffort', 'NotBestEffort'], ['Terminating', 'NotTerminating']]) if (used.includes(a) && used.includes(b)) errors.push(invalid(path, spec.scopes ?? null, 'conflicting scopes'));
}

function validateScopes(errors: FieldError[], spec: ResourceQuotaSpec): void {
  if (!spec.scopes?.length) return;
  const names = Object.keys(spec.hard ?? {}).sort();
  for (const scope of spec.scopes) {
    if (!scopes.includes(scope)) errors.push(invalid('spec.scopes', spec.scopes, 'unsupported scope'));
    for (const name of names) if (!scopeFits(scope, name)) errors.push(invalid('spec.scopes', spec.scopes, 'unsupported scope applied to resource'));
  }
  validateConflicts(errors, spec.scopes, spec, 'spec.scopes');
}

function validateSelector(errors: FieldError[], spec: ResourceQuotaSpec): void {
  const path = 'spec.scopeSelector.matchExpressions';
  const expressions = spec.scopeSelector?.matchExpressions ?? [];
  for (const { scopeName, operator, values = [] } of expressions) {
    if (!scopes.includes(scopeName)) errors.push(invalid(`${path}.scopeName`, scopeName, 'unsupported scope'));
    for (const name of Object.keys(spec.hard ?? {}).sort()) if (!scopeFits(scopeName, name)) errors.push(invalid(path, internalForm('core/v1.ScopeSelector', spec.scopeSelector), 'unsupported scope applied to resource'));
    if ((podScopes.includes(scopeName) || scopeName === 'CrossNamespacePodAffinity') && operator !== 'Exists')
      errors.push(
        invalid(
          `${path}.operator`,
          operator,
          "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
        ),
      );
    if (operator === 'In' || operator === 'NotIn') {
      if (!values.length) errors.push(required(`${path}.values`, "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"));
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length) errors.push(invalid(`${path}.values`, values, "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"));
    } else errors.push(invalid(`${path}.operator`, operator, 'not a valid selector operator'));
  }
  validateConflicts(errors, expressions.map((e) => e.scopeName), spec, path);
}

function validateAmounts(errors: FieldError[], amounts: Record<string, string> | undefined, path: string): void {
  for (const name in amounts) {
    validateQuotaResourceName(errors, name, `${path}[${name}]`);
    validateAmount(errors, name, amounts[name], `${path}[${name}]`);
  }
}

const strategy: Strategy<ResourceQuota> = {
  defaults({ spec, status }) {
    for (const amounts of [spec.hard, status.hard, status.used]) roundAmounts(amounts);
  },
  ...withMeta<ResourceQuota>({ name: nameIsDnsSubdomain, namespaced: true }, (errors, { spec }, old) => {
    validateAmounts(errors, spec.hard, 'spec.hard');
    validateScopes(errors, spec);
    validateSelector(errors, spec);
    if (old && !same([...(spec.scopes ?? [])].sort(), [...(old.spec.scopes ?? [])].sort())) errors.push(invalid('spec.scopes', spec.scopes ?? null, immutableText));
  }),
  validateStatusUpdate({ metadata, status }, old) {
    const errors: FieldError[] = [];
    validateObjectMetaUpdate(errors, metadata, old.metadata);
    validateAmounts(errors, status.hard, 'status.hard');
    validateAmounts(errors, status.used, 'status.used');
    return errors;
  },
};

export const resourceQuotas = defineResource<any>(type, { strategy });
