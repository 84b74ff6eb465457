/** Roles and their bindings, in a namespace and for the cluster. */
import { clusterRoleBindings as clusterRoleBindingType, clusterRoles as clusterRoleType, dns1123Subdomain, type FieldError, invalid, matcherOf, nameIsPathSegment, notSupported, pathSegmentName, required, roleBindings as roleBindingType, roles as roleType, validateLabelSelector } from '@pilothouse/apimachinery';
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from '@pilothouse/api-schemas/types/rbac/v1';
import type { Strategy } from '../../contract.ts';
import { defineResource } from '../define.ts';
import { same } from '../validation/equality.ts';
import { checkName } from '../validation/check-name.ts';
import { internalForm } from '../validation/internal-form.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../validation/object-meta.ts';

const group = 'rbac.authorization.k8s.io';

function validateRules(errors: FieldError[], rules: readonly PolicyRule[] | null | undefined, namespaced: boolean): void {
  rules?.forEach((rule, i) => {
    const path = `rules[${i}]`;
    if (!rule.verbs?.length) errors.push(required(`${path}.verbs`, 'verbs must contain at least one value'));
    if (rule.nonResourceURLs?.length) {
      if (namespaced) errors.push(invalid(`${path}.nonResourceURLs`, rule.nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'));
      if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length) errors.push(invalid(`${path}.nonResourceURLs`, rule.nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs'));
      return;
    }
    if (!rule.apiGroups?.length) errors.push(required(`${path}.apiGroups`, 'resource rules must supply at least one api group'));
    if (!rule.resources?.length) errors.push(required(`${path}.resources`, 'resource rules must supply at least one resource'));
  });
}

function validateAggregation(errors: FieldError[], { aggregationRule: rule }: ClusterRole, old: ClusterRole | undefined): void {
  if (!rule) return;
  const path = 'aggregationRule.clusterRoleSelectors';
  if (!rule.clusterRoleSelectors?.length) errors.push(required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil'));
  const allowInvalidValues = old?.aggregationRule?.clusterRoleSelectors?.some((selector) => validateLabelSelector(selector, '').length > 0) ?? false;
  rule.clusterRoleSelectors?.forEach((selector, i) => {
    errors.push(...validateLabelSelector(selector, `${path}[${i}]`, { allowInvalidValues }));
    try {
      matcherOf(selector);
    } catch {
      errors.push(invalid(`${path}[${i}]`, null, 'invalid label selector.'));
    }
  });
}

function validateSubject(errors: FieldError[], { kind, name, apiGroup = '', namespace }: Subject, path: string, namespaced: boolean): void {
  if (!name) errors.push(required(`${path}.name`));
  if (kind === 'ServiceAccount') {
    if (name) checkName(errors, `${path}.name`, name, dns1123Subdomain);
    if (apiGroup) errors.push(notSupported(`${path}.apiGroup`, apiGroup, ['']));
    if (!namespaced && !namespace) errors.push(required(`${path}.namespace`));
  } else if (kind === 'User' || kind === 'Group') {
    if (apiGroup !== group) errors.push(notSupported(`${path}.apiGroup`, apiGroup, [group]));
  } else errors.push(notSupported(`${path}.kind`, kind, ['ServiceAccount', 'User', 'Group']));
}

function validateBinding(errors: FieldError[], { roleRef, subjects }: RoleBinding | ClusterRoleBinding, old: RoleBinding | ClusterRoleBinding | undefined, namespaced: boolean): void {
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (roleRef.apiGroup !== group) errors.push(notSupported('roleRef.apiGroup', roleRef.apiGroup, [group]));
  if (!kinds.includes(roleRef.kind)) errors.push(notSupported('roleRef.kind', roleRef.kind, kinds));
  if (!roleRef.name) errors.push(required('roleRef.name'));
  else checkName(errors, 'roleRef.name', roleRef.name, pathSegmentName);
  subjects?.forEach((subject, i) => validateSubject(errors, subject, `subjects[${i}]`, namespaced));
  if (old && !same(roleRef, old.roleRef)) errors.push(invalid('roleRef', internalForm('rbac/v1.RoleRef', roleRef), 'cannot change roleRef'));
}

function defaultBinding(binding: RoleBinding | ClusterRoleBinding): void {
  binding.roleRef.apiGroup ||= group;
  for (const subject of binding.subjects ?? []) if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= group;
}

function rules<T extends Role | ClusterRole | RoleBinding | ClusterRoleBinding>(namespaced: boolean, own: (errors: FieldError[], object: T, old: T | undefined) => void): Strategy<T> {
  const meta = { name: nameIsPathSegment, namespaced };
  return {
    allowCreateOnUpdate: true,
    validate(object) {
      const errors: FieldError[] = [];
      validateObjectMeta(errors, object.metadata, meta);
      own(errors, object, undefined);
      return errors;
    },
    validateUpdate(object, old) {
      const errors: FieldError[] = [];
      validateObjectMeta(errors, object.metadata, meta);
      own(errors, object, old);
      validateObjectMetaUpdate(errors, object.metadata, old.metadata);
      return errors;
    },
  };
}

export const roles = defineResource<any>(roleType, { strategy: rules<Role>(true, (errors, role) => validateRules(errors, role.rules, true)) });
export const clusterRoles = defineResource<any>(clusterRoleType, {
  strategy: rules<ClusterRole>(false, (errors, role, old) => {
    validateRules(errors, role.rules, false);
    validateAggregation(errors, role, old);
  }),
});
export const roleBindings = defineResource<any>(roleBindingType, { strategy: { ...rules<RoleBinding>(true, (errors, object, old) => validateBinding(errors, object, old, true)), defaults: defaultBinding } });
export const clusterRoleBindings = defineResource<any>(clusterRoleBindingType, { strategy: { ...rules<ClusterRoleBinding>(false, (errors, object, old) => validateBinding(errors, object, old, false)), defaults: defaultBinding } });
