/** What the three access reviews have in common: their specification, checked and turned into a question to the authorizers. */
import type { NonResourceAttributes, ResourceAttributes, SubjectAccessReviewStatus } from '@pilothouse/api-schemas/types/authorization/v1';
import { type FieldError, invalid, invalidError, type ObjectMeta, parseLabelSelector, required, SelectorError } from '@pilothouse/apimachinery';
import type { Authorizer, RequestAttributes, User } from '../contract.ts';

interface AccessSpec {
  resourceAttributes?: ResourceAttributes | null;
  nonResourceAttributes?: NonResourceAttributes | null;
}

/** The internal type's field names, which upstream shows here. */
export const shownNonResource = (a: NonResourceAttributes) => ({ Path: a.path ?? '', Verb: a.verb ?? '' });

function validateSelector(selector: { rawSelector?: string; requirements?: readonly unknown[] } | undefined | null, field: string): FieldError[] {
  if (!selector) return [];
  if (selector.rawSelector && selector.requirements?.length) return [invalid(`${field}.rawSelector`, selector.rawSelector, 'may not specified at the same time as requirements')];
  if (!selector.rawSelector && !selector.requirements?.length) return [required(`${field}.requirements`, `when ${field} is specified, requirements or rawSelector is required`)];
  return [];
}

export function validateAccessSpec(spec: AccessSpec): FieldError[] {
  const errors: FieldError[] = [];
  const { resourceAttributes, nonResourceAttributes } = spec;
  if (resourceAttributes && nonResourceAttributes) errors.push(invalid('spec.nonResourceAttributes', shownNonResource(nonResourceAttributes), 'cannot be specified in combination with resourceAttributes'));
  if (!resourceAttributes && !nonResourceAttributes) errors.push(invalid('spec.resourceAttributes', null, 'exactly one of nonResourceAttributes or resourceAttributes must be specified'));
  errors.push(...validateSelector(resourceAttributes?.fieldSelector, 'spec.resourceAttributes.fieldSelector'), ...validateSelector(resourceAttributes?.labelSelector, 'spec.resourceAttributes.labelSelector'));
  return errors;
}

/** Reviews have no identity: all of metadata but the bookkeeping must be empty. */
export function validateEmptyMetadata(metadata: ObjectMeta | undefined, allowed: readonly string[] = []): FieldError[] {
  const set = Object.entries(metadata ?? {}).filter(([key, value]) => key !== 'managedFields' && !allowed.includes(key) && value !== undefined && value !== null && value !== '');
  return set.length ? [invalid('metadata', metadata, 'must be empty')] : [];
}

export function refuseInvalid(errors: FieldError[]): void {
  if (errors.length) throw invalidError({ group: 'authorization.k8s.io', kind: '' }, '', errors);
}

const operators: Readonly<Record<string, (key: string, values: readonly string[]) => string | undefined>> = {
  In: (key, values) => (values.length === 1 ? `${key}=${values[0]}` : undefined),
  NotIn: (key, values) => (values.length === 1 ? `${key}!=${values[0]}` : undefined),
};

/** Only what narrows is passed on: a requirement that cannot be expressed is left out, so that the question asked is wider. */
const fromRequirements = (requirements: readonly { key: string; operator: string; values?: readonly string[] }[] | undefined) => requirements?.map((r) => operators[r.operator]?.(r.key, r.values ?? [])).filter(Boolean).join(',') || undefined;

export function accessAttributes(spec: AccessSpec, user: User): RequestAttributes {
  const r = spec.resourceAttributes;
  if (!r) return { user, verb: spec.nonResourceAttributes?.verb ?? '', isResource: false, path: spec.nonResourceAttributes?.path ?? '', group: '', version: '', resource: '', subresource: '', namespace: '', name: '' };
  return {
    user,
    verb: r.verb ?? '',
    isResource: true,
    path: '',
    group: r.group ?? '',
    version: r.version ?? '',
    resource: r.resource ?? '',
    subresource: r.subresource ?? '',
    namespace: r.namespace ?? '',
    name: r.name ?? '',
    fieldSelector: r.fieldSelector?.rawSelector || fromRequirements(r.fieldSelector?.requirements),
    labelSelector: r.labelSelector?.rawSelector || fromRequirements(r.labelSelector?.requirements),
  };
}

function isLabelSelector(text: string): boolean {
  try {
    parseLabelSelector(text);
    return true;
  } catch (error) {
    if (error instanceof SelectorError) return false;
    throw error;
  }
}

/** Asks, and words the answer as a review's status. */
export async function reviewAccess(authorizer: Authorizer, spec: AccessSpec, user: User): Promise<SubjectAccessReviewStatus> {
  const { decision, reason } = await authorizer.authorize(accessAttributes(spec, user));
  const raw = spec.resourceAttributes?.labelSelector?.rawSelector;
  const unparsed = raw && !isLabelSelector(raw) ? 'spec.resourceAttributes.labelSelector ignored due to parse error' : undefined;
  return { allowed: decision === 'allow', ...(decision === 'deny' && { denied: true }), ...(reason && { reason }), ...(unparsed && { evaluationError: unparsed }) };
}
