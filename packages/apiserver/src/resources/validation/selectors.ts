import { dns1123Subdomain, duplicate, type FieldError, forbidden, invalid, labelValue, qualifiedName, required } from '@pilothouse/apimachinery';
import type { NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PreferredSchedulingTerm, TopologySelectorTerm } from '@pilothouse/api-schemas/types/core/v1';
import type { LabelSelector } from '@pilothouse/api-schemas/types/meta/v1';
import { checkName } from './check-name.ts';

export const isEmptySelector = (selector: LabelSelector | undefined | null): boolean => !Object.keys(selector?.matchLabels ?? {}).length && !selector?.matchExpressions?.length;

function validateRequirement(errors: FieldError[], requirement: NodeSelectorRequirement, path: string, anyValue: boolean): void {
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) errors.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) errors.push(forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      break;
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) errors.push(required(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      break;
    default:
      errors.push(invalid(`${path}.operator`, requirement.operator, 'not a valid selector operator'));
  }
  checkName(errors, `${path}.key`, requirement.key, qualifiedName);
  if (!anyValue) values.forEach((value, i) => checkName(errors, `${path}.values[${i}]`, value, labelValue));
}

function validateFieldRequirement(errors: FieldError[], requirement: NodeSelectorRequirement, path: string): void {
  const values = requirement.values ?? [];
  if (requirement.operator === 'In' || requirement.operator === 'NotIn') {
    if (values.length !== 1) errors.push(required(`${path}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"));
  } else errors.push(invalid(`${path}.operator`, requirement.operator, 'not a valid selector operator'));
  if (requirement.key !== 'metadata.name') errors.push(invalid(`${path}.key`, requirement.key, 'not a valid field selector key'));
  else values.forEach((value, i) => checkName(errors, `${path}.values[${i}]`, value, dns1123Subdomain));
}

export function validateNodeSelectorTerm(errors: FieldError[], term: NodeSelectorTerm, path: string, anyValue = false): void {
  term.matchExpressions?.forEach((requirement, i) => validateRequirement(errors, requirement, `${path}.matchExpressions[${i}]`, anyValue));
  term.matchFields?.forEach((requirement, i) => validateFieldRequirement(errors, requirement, `${path}.matchFields[${i}]`));
}

export function validateNodeSelector(errors: FieldError[], selector: NodeSelector, path: string, anyValue = false): void {
  const terms = selector.nodeSelectorTerms ?? [];
  if (terms.length === 0) errors.push(required(`${path}.nodeSelectorTerms`, 'must have at least one node selector term'));
  terms.forEach((term, i) => validateNodeSelectorTerm(errors, term, `${path}.nodeSelectorTerms[${i}]`, anyValue));
}

export function validatePreferredSchedulingTerms(errors: FieldError[], terms: readonly PreferredSchedulingTerm[], path: string): void {
  terms.forEach((term, i) => {
    if (term.weight <= 0 || term.weight > 100) errors.push(invalid(`${path}[${i}].weight`, term.weight, 'must be in the range 1-100'));
    validateNodeSelectorTerm(errors, term.preference, `${path}[${i}].preference`, true);
  });
}

/** The allowed topologies of a StorageClass. */
export function validateTopologySelectorTerm(errors: FieldError[], term: TopologySelectorTerm, path: string): void {
  const keys = new Set<string>();
  term.matchLabelExpressions?.forEach((requirement, i) => {
    const at = `${path}.matchLabelExpressions[${i}]`;
    const values = requirement.values ?? [];
    if (values.length === 0) errors.push(required(`${at}.values`));
    values.forEach((value, j) => {
      if (values.indexOf(value) < j) errors.push(duplicate(`${at}.values[${j}]`, value));
    });
    checkName(errors, `${at}.key`, requirement.key, qualifiedName);
    if (keys.has(requirement.key)) errors.push(duplicate(`${at}.key`, requirement.key));
    keys.add(requirement.key);
  });
}
