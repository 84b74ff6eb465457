/** What the three access reviews have in common: their specification, checked and turned into a question to the authorizers. */
import type { NonResourceAttributes, ResourceAttributes, SubjectAccessReviewStatus } from '@pilothouse/api-schemas/types/authorization/v1';
import { type FieldError, fieldMatcher, forbidden, invalid, invalidError, labelMatcher, type LabelOperator, labelRequirement, labelValue, type ObjectMeta, parseFieldSelector, parseLabelSelector, qualifiedName, required, SelectorError } from '@pilothouse/apimachinery';
import type { Authorizer, RequestAttributes, User } from '../contract.ts';

interface AccessSpec {
  resourceAttributes?: ResourceAttributes | null;
  nonResourceAttributes?: NonResourceAttributes | null;
}

/** The internal type's field names, which upstream shows here. */
export const shownNonResource = (a: NonResourceAttributes) => ({ Path: a.path ?? '', Verb: a.verb ?? '' });

type Selector = { rawSelector?: string; requirements?: readonly Requirement[] } | undefined | null;
type Requirement = { key?: string; operator?: string; values?: readonly string[] | null };

function validateSelector(selector: Selector, field: string, validateKey: (key: string, field: string) => FieldError[]): FieldError[] {
  if (!selector) return [];
  const { rawSelector, requirements = [] } = selector;
  const errors: FieldError[] = [];
  if (rawSelector && requirements.length) errors.push(invalid(`${field}.rawSelector`, rawSelector, 'may not specified at the same time as requirements'));
  if (!rawSelector && !requirements.length) errors.push(required(`${field}.requirements`, `when ${field} is specified, requirements or rawSelector is required`));
  requirements.forEach((requirement, i) => void errors.push(...validateRequirement(requirement, `${field}.requirements[${i}]`, validateKey)));
  return errors;
}

/** Operators that are not known pass: a newer client may know more. */
function validateRequirement({ key = '', operator, values }: Requirement, field: string, validateKey: (key: string, field: string) => FieldError[]): FieldError[] {
  const some = !!values?.length;
  const misplaced = (operator === 'In' || operator === 'NotIn') && !some ? [required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'")] : (operator === 'Exists' || operator === 'DoesNotExist') && some ? [forbidden(`${field}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")] : [];
  const keyErrors = validateKey(key, `${field}.key`);
  return validateKey === validateFieldKey ? [...keyErrors, ...misplaced] : [...misplaced, ...keyErrors, ...(values ?? []).flatMap((value, i) => labelValue(value).map((why) => invalid(`${field}.values[${i}]`, value, why)))];
}

const validateFieldKey = (key: string, field: string): FieldError[] => (key ? [] : [required(field, 'must be specified')]);
const validateLabelKey = (key: string, field: string): FieldError[] => qualifiedName(key).map((why) => invalid(field, key, why));

export function validateAccessSpec(spec: AccessSpec): FieldError[] {
  const errors: FieldError[] = [];
  const { resourceAttributes, nonResourceAttributes } = spec;
  if (resourceAttributes && nonResourceAttributes) errors.push(invalid('spec.nonResourceAttributes', shownNonResource(nonResourceAttributes), 'cannot be specified in combination with resourceAttributes'));
  if (!resourceAttributes && !nonResourceAttributes) errors.push(invalid('spec.resourceAttributes', null, 'exactly one of nonResourceAttributes or resourceAttributes must be specified'));
  errors.push(...validateSelector(resourceAttributes?.fieldSelector, 'spec.resourceAttributes.fieldSelector', validateFieldKey), ...validateSelector(resourceAttributes?.labelSelector, 'spec.resourceAttributes.labelSelector', validateLabelKey));
  return errors;
}

/** Reviews have no identity: all of metadata but the bookkeeping must be empty. */
export function validateEmptyMetadata(metadata: ObjectMeta | undefined, allowed: readonly string[] = []): FieldError[] {
  const set = Object.entries(metadata ?? {}).filter(([key, value]) => key !== 'managedFields' && !allowed.includes(key) && value !== undefined && value !== null && value !== '');
  return set.length ? [invalid('metadata', metadata, allowed.length ? `must be empty except for ${allowed.join(', ')}` : 'must be empty')] : [];
}

export function refuseInvalid(errors: FieldError[]): void {
  if (errors.length) throw invalidError({ group: 'authorization.k8s.io', kind: '' }, '', errors);
}

/** A selector as far as it can be understood: what cannot is left out, so that the question asked is wider. */
interface Understood {
  text: string | undefined;
  /** Something was left out. */
  partly: boolean;
}

function understood(parse: () => { toString(): string }): Understood {
  try {
    return { text: parse().toString(), partly: false };
  } catch (error) {
    if (error instanceof SelectorError) return { text: undefined, partly: true };
    throw error;
  }
}

/** Requirements one by one, so that a bad one does not spoil the others. */
function understoodRequirements(requirements: readonly Requirement[], text: (requirement: Requirement) => string | undefined): Understood {
  const texts = requirements.map((requirement) => {
    try {
      return text(requirement);
    } catch (error) {
      if (error instanceof SelectorError) return undefined;
      throw error;
    }
  });
  const known = texts.filter((one) => one !== undefined);
  return { text: known.join(',') || undefined, partly: known.length < texts.length };
}

const labelOperators: Readonly<Record<string, LabelOperator>> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' };

const labelText = ({ key = '', operator = '', values }: Requirement): string | undefined => (labelOperators[operator] ? labelMatcher([labelRequirement(key, labelOperators[operator], values ?? [])]).toString() : undefined);
/** Fields are compared with one value. */
const fieldText = ({ key = '', operator, values }: Requirement): string | undefined => (values?.length === 1 && (operator === 'In' || operator === 'NotIn') ? fieldMatcher([{ field: key, operator: operator === 'In' ? '=' : '!=', value: values[0] }]).toString() : undefined);

const nothing: Understood = { text: undefined, partly: false };

const labelsOf = (selector: Selector): Understood => (!selector ? nothing : selector.requirements?.length ? understoodRequirements(selector.requirements, labelText) : selector.rawSelector ? understood(() => parseLabelSelector(selector.rawSelector!)) : nothing);
const fieldsOf = (selector: Selector): Understood => (!selector ? nothing : selector.requirements?.length ? understoodRequirements(selector.requirements, fieldText) : selector.rawSelector ? understood(() => parseFieldSelector(selector.rawSelector!)) : nothing);

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
    fieldSelector: fieldsOf(r.fieldSelector).text,
    labelSelector: labelsOf(r.labelSelector).text,
  };
}

/** What the selectors lost on the way. */
function selectorFaults({ resourceAttributes }: AccessSpec): string {
  const fault = (name: string, { text, partly }: Understood): string[] => (partly ? [`spec.resourceAttributes.${name} ${text ? 'partially ' : ''}ignored due to parse error`] : []);
  return [...fault('fieldSelector', fieldsOf(resourceAttributes?.fieldSelector)), ...fault('labelSelector', labelsOf(resourceAttributes?.labelSelector))].join('; ');
}

/** Asks, and words the answer as a review's status. */
export async function reviewAccess(authorizer: Authorizer, spec: AccessSpec, user: User): Promise<SubjectAccessReviewStatus> {
  const { decision, reason } = await authorizer.authorize(accessAttributes(spec, user));
  const evaluationError = selectorFaults(spec);
  return { allowed: decision === 'allow', ...(decision === 'deny' && { denied: true }), ...(reason && { reason }), ...(evaluationError && { evaluationError }) };
}
