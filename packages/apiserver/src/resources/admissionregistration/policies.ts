/** Admission policies in CEL and their bindings. */
import { dns1035Label, dns1123Subdomain, duplicate, type FieldError, forbidden, invalid, type KubeObject, mutatingAdmissionPolicies as mutatingType, mutatingAdmissionPolicyBindings as mutatingBindingType, notSupported, pathSegmentName, qualifiedName, required, validateConditions, validateLabelSelector, validatingAdmissionPolicies as validatingType, validatingAdmissionPolicyBindings as validatingBindingType } from '@pilothouse/apimachinery';
import type {
  MatchCondition,
  MatchResources,
  MutatingAdmissionPolicy as PublishedMutating,
  MutatingAdmissionPolicyBinding as PublishedMutatingBinding,
  Mutation,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy as PublishedValidating,
  ValidatingAdmissionPolicyBinding as PublishedValidatingBinding,
  Validation,
  Variable,
} from '@pilothouse/api-schemas/types/admissionregistration/v1';
import type { Strategy } from '../../contract.ts';
import { type CompiledPolicy, compilePolicy, type Expression } from '@pilothouse/cel';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { checkName } from '../validation/check-name.ts';
import { same } from '../validation/equality.ts';
import { internalForms } from '../validation/internal-form.ts';
import { keepMetaOnStatus, wholeAndChange } from '../validation/object-meta.ts';
import { bindingRights, policyRights } from './rights.ts';
import { clusterWide, defaultMatchResources, failurePolicies, oneOf, reinvocationPolicies, validateMatchConditions, validateMatchResources, validateMutatingOperations, warnOfReservedName } from './rules.ts';

type ValidatingPolicy = Filled<PublishedValidating>;
type MutatingPolicy = Filled<PublishedMutating>;
type ValidatingBinding = Filled<PublishedValidatingBinding>;
type MutatingBinding = Filled<PublishedMutatingBinding>;

interface PolicySpec {
  failurePolicy?: string;
  paramKind?: ParamKind;
  matchConstraints?: MatchResources;
  matchConditions?: MatchCondition[];
  variables?: Variable[];
}

const blank = (text: string | undefined): boolean => !text?.trim();

function validateParamKind(errors: FieldError[], { apiVersion, kind }: ParamKind, path: string): void {
  const parts = (apiVersion ?? '').split('/');
  if (!apiVersion) errors.push(required(`${path}.apiVersion`));
  else if (parts.length > 2) errors.push(invalid(`${path}.apiVersion`, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  else {
    const [group, version] = parts.length === 2 ? parts : ['', parts[0]];
    const wrongGroup = group ? dns1123Subdomain(group) : [];
    if (wrongGroup.length) errors.push(invalid(`${path}.apiVersion`, group, wrongGroup.join(',')));
    const wrongVersion = version ? dns1035Label(version) : [];
    if (!version) errors.push(invalid(`${path}.apiVersion`, apiVersion, 'version must be specified'));
    else if (wrongVersion.length) errors.push(invalid(`${path}.apiVersion`, version, wrongVersion.join(',')));
  }
  const wrongKind = kind ? dns1035Label(kind.toLowerCase()) : [];
  if (!kind) errors.push(required(`${path}.kind`));
  else if (wrongKind.length) errors.push(invalid(`${path}.kind`, kind, `may have mixed case, but should otherwise match: ${wrongKind.join(',')}`));
}

const reserved = new Set('true false null in as break const continue else for function if import let loop package namespace return var void while'.split(' '));

/** Tells what is wrong with an expression that is there. */
function validateExpression(errors: FieldError[], { source, error }: Expression, path: string): void {
  if (error) errors.push(invalid(path, source, error));
}

function validateVariables(errors: FieldError[], variables: readonly Variable[] | undefined, compiled: CompiledPolicy): void {
  variables?.forEach(({ name, expression }, i) => {
    const path = `spec.variables[${i}]`;
    if (blank(name)) errors.push(required(`${path}.name`, 'name is not specified'));
    else if (!/^[_a-zA-Z]\w*$/.test(name) || reserved.has(name)) errors.push(invalid(`${path}.name`, name, 'must be a valid CEL identifier'));
    if (blank(expression)) errors.push(required(`${path}.expression`, 'expression is not specified'));
    else validateExpression(errors, compiled.variables[i].expression, `${path}.expression`);
  });
}

function validateCommon(errors: FieldError[], spec: PolicySpec, old: PolicySpec | undefined, compiled: CompiledPolicy, mutating: boolean): void {
  if (spec.failurePolicy === undefined) errors.push(required('spec.failurePolicy'));
  else oneOf(errors, spec.failurePolicy, 'spec.failurePolicy', failurePolicies);
  if (spec.paramKind) validateParamKind(errors, spec.paramKind, 'spec.paramKind');
  if (!spec.matchConstraints) errors.push(required('spec.matchConstraints'));
  else {
    validateMatchResources(errors, spec.matchConstraints, 'spec.matchConstraints');
    if (!spec.matchConstraints.resourceRules?.length) errors.push(required('spec.matchConstraints.resourceRules'));
    if (mutating) validateMutatingOperations(errors, spec.matchConstraints, 'spec.matchConstraints');
  }
  if (!old || !same(spec.paramKind, old.paramKind) || !same(spec.matchConditions, old.matchConditions)) validateMatchConditions(errors, spec.matchConditions, 'spec.matchConditions', compiled.conditions.map(({ expression }) => expression));
  validateVariables(errors, spec.variables, compiled);
}

const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];

function validateValidation(errors: FieldError[], { expression, message, messageExpression, reason }: Validation, path: string, compiled: CompiledPolicy['validations'][number]): void {
  if (blank(expression)) errors.push(required(`${path}.expression`, 'expression is not specified'));
  else validateExpression(errors, compiled.expression, `${path}.expression`);
  if (messageExpression && blank(messageExpression)) errors.push(invalid(`${path}.messageExpression`, messageExpression, 'must be non-empty if specified'));
  else if (compiled.message) validateExpression(errors, compiled.message, `${path}.messageExpression`);
  if (message && blank(message)) errors.push(invalid(`${path}.message`, message, 'must be non-empty if specified'));
  else if (/[\n\r]/.test(message?.trim() ?? '')) errors.push(invalid(`${path}.message`, message, 'must not contain line breaks'));
  oneOf(errors, reason, `${path}.reason`, reasons);
}

const maxAnnotations = 20;
const maxAnnotationExpression = 5 * 1024;

function validateValidatingPolicy(errors: FieldError[], { metadata, spec }: ValidatingPolicy, old: ValidatingPolicy | undefined): void {
  const compiled = compilePolicy(spec);
  validateCommon(errors, spec, old?.spec, compiled, false);
  const { validations = [], auditAnnotations = [] } = spec;
  if (!validations.length && !auditAnnotations.length) for (const key of ['validations', 'auditAnnotations']) errors.push(required(`spec.${key}`, 'validations or auditAnnotations must contain at least one item'));
  validations.forEach((validation, i) => validateValidation(errors, validation, `spec.validations[${i}]`, compiled.validations[i]));
  if (auditAnnotations.length > maxAnnotations) errors.push(invalid('spec.auditAnnotations', internalForms('admissionregistration/v1.AuditAnnotation', auditAnnotations), `must not have more than ${maxAnnotations} auditAnnotations`));
  auditAnnotations.forEach(({ key, valueExpression }, i) => {
    const path = `spec.auditAnnotations[${i}]`;
    if (metadata.name) for (const message of qualifiedName(`${metadata.name}/${key}`)) errors.push(invalid(`${path}.key`, `${metadata.name}/${key}`, message));
    else errors.push(invalid(`${path}.key`, key, 'requires metadata.name be non-empty'));
    if (blank(valueExpression)) errors.push(required(`${path}.valueExpression`, 'valueExpression is not specified'));
    else if (Buffer.byteLength(valueExpression.trim()) > maxAnnotationExpression) errors.push(required(`${path}.valueExpression`, `must not exceed ${maxAnnotationExpression} bytes in length`));
    else validateExpression(errors, compiled.annotations[i].expression, `${path}.valueExpression`);
    if (auditAnnotations.findIndex((other) => other.key === key) < i) errors.push(duplicate(`${path}.key`, key));
  });
}

const patchFields = { ApplyConfiguration: 'applyConfiguration', JSONPatch: 'jsonPatch' } as const;

function validateMutation(errors: FieldError[], mutation: Mutation, path: string, compiled: Expression): void {
  const { patchType } = mutation;
  if (!patchType) return void errors.push(required(`${path}.patchType`));
  if (!Object.hasOwn(patchFields, patchType)) return void errors.push(notSupported(`${path}.patchType`, patchType, Object.keys(patchFields)));
  const wanted = patchFields[patchType as keyof typeof patchFields];
  const other = wanted === 'jsonPatch' ? 'applyConfiguration' : 'jsonPatch';
  if (!mutation[wanted]) errors.push(required(`${path}.${wanted}`, `must be specified when patchType is ${patchType}`));
  else if (blank(mutation[wanted].expression)) errors.push(required(`${path}.${wanted}.expression`));
  else validateExpression(errors, compiled, `${path}.${wanted}.expression`);
  if (mutation[other]) errors.push(invalid(`${path}.${other}`, `{${other}}`, `must not be specified when patchType is ${patchType}`));
}

function validateMutatingPolicy(errors: FieldError[], { spec }: MutatingPolicy, old: MutatingPolicy | undefined): void {
  const compiled = compilePolicy({ ...spec, mutations: spec.mutations ?? [] });
  validateCommon(errors, spec, old?.spec, compiled, true);
  if (!spec.mutations?.length) errors.push(required('spec.mutations', 'mutations must contain at least one item'));
  spec.mutations?.forEach((mutation, i) => validateMutation(errors, mutation, `spec.mutations[${i}]`, compiled.mutations[i].expression));
  if (!spec.reinvocationPolicy) errors.push(required('spec.reinvocationPolicy'));
  else oneOf(errors, spec.reinvocationPolicy, 'spec.reinvocationPolicy', reinvocationPolicies);
}

const missingParam = ['Deny', 'Allow'];

function validateParamRef(errors: FieldError[], ref: ParamRef | undefined, path: string): void {
  if (!ref) return;
  const both = Boolean(ref.name && ref.selector);
  if (ref.name) checkName(errors, `${path}.name`, ref.name, pathSegmentName);
  if (both) errors.push(forbidden(`${path}.name`, 'name and selector are mutually exclusive'));
  errors.push(...validateLabelSelector(ref.selector, `${path}.selector`));
  if (both) errors.push(forbidden(`${path}.selector`, 'name and selector are mutually exclusive'));
  if (!ref.name && !ref.selector) errors.push(required(path, 'one of name or selector must be specified'));
  if (!ref.parameterNotFoundAction) errors.push(required(`${path}.parameterNotFoundAction`));
  else oneOf(errors, ref.parameterNotFoundAction, `${path}.parameterNotFoundAction`, missingParam);
}

function validateBinding(errors: FieldError[], { spec }: ValidatingBinding | MutatingBinding): void {
  if (!spec.policyName) errors.push(required('spec.policyName'));
  else checkName(errors, 'spec.policyName', spec.policyName, dns1123Subdomain);
  validateParamRef(errors, spec.paramRef, 'spec.paramRef');
  validateMatchResources(errors, spec.matchResources, 'spec.matchResources');
}

const actions = ['Audit', 'Deny', 'Warn'];

function validateActions(errors: FieldError[], wanted: readonly string[], path: string): void {
  wanted.forEach((action, i) => {
    oneOf(errors, action, `${path}[${i}]`, actions);
    if (wanted.indexOf(action) < i) errors.push(duplicate(`${path}[${i}]`, action));
  });
  if (wanted.includes('Deny') && wanted.includes('Warn')) errors.push(invalid(path, wanted, 'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)'));
  if (!wanted.length) errors.push(required(path, 'at least one validation action is required'));
}

const common = { allowUnconditionalUpdate: false, generation: true, warnings: warnOfReservedName } as const;
/** A changed object is judged as a new one; what it had before is only let pass where the rules say so. */
const judged = <T extends KubeObject>(whole: (errors: FieldError[], object: T, old: T | undefined) => void) => wholeAndChange<T>(clusterWide, { whole, change: () => {} });

const defaultPolicy = ({ spec }: ValidatingPolicy | MutatingPolicy): void => {
  spec.failurePolicy ??= 'Fail';
  defaultMatchResources(spec.matchConstraints);
};
const defaultBinding = ({ spec }: ValidatingBinding | MutatingBinding): void => defaultMatchResources(spec.matchResources);

const validatingStrategy: Strategy<ValidatingPolicy> = {
  ...common,
  defaults: defaultPolicy,
  prepareForUpdate(object, old, { subresource }) {
    if (subresource === 'status') keepMetaOnStatus(object, old);
  },
  ...judged<ValidatingPolicy>(validateValidatingPolicy),
  validateStatusUpdate({ status }) {
    const errors: FieldError[] = [];
    status.typeChecking?.expressionWarnings?.forEach(({ warning, fieldRef }, i) => {
      const path = `status.typeChecking.expressionWarnings[${i}]`;
      if (!warning) errors.push(required(`${path}.warning`));
      if (blank(fieldRef)) errors.push(required(`${path}.fieldRef`));
    });
    errors.push(...validateConditions(status.conditions, 'status.conditions'));
    return errors;
  },
};

export const validatingAdmissionPolicies = defineResource<any>(validatingType, { strategy: { ...validatingStrategy, withRights: policyRights } });
export const mutatingAdmissionPolicies = defineResource<any>(mutatingType, { strategy: { ...common, defaults: defaultPolicy, ...judged<MutatingPolicy>(validateMutatingPolicy), withRights: policyRights } });
export const validatingAdmissionPolicyBindings = defineResource<any>(validatingBindingType, {
  strategy: {
    ...common,
    defaults: defaultBinding,
    ...judged<ValidatingBinding>((errors, binding) => {
      validateBinding(errors, binding);
      validateActions(errors, binding.spec.validationActions ?? [], 'spec.validationActions');
    }),
    withRights: bindingRights('validating'),
  },
});
export const mutatingAdmissionPolicyBindings = defineResource<any>(mutatingBindingType, {
  strategy: {
    ...common,
    defaults: defaultBinding,
    ...judged<MutatingBinding>((errors, binding) => {
      validateBinding(errors, binding);
      validateMutatingOperations(errors, binding.spec.matchResources, 'spec.matchResources');
    }),
    withRights: bindingRights('mutating'),
  },
});
