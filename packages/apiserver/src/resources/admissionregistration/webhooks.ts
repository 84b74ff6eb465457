/** Admission webhooks, validating and mutating. */
import { dns1035Label, duplicate, type FieldError, invalid, mutatingWebhookConfigurations as mutatingType, notSupported, required, validateFullyQualifiedName, validateLabelSelector, validatingWebhookConfigurations as validatingType } from '@pilothouse/apimachinery';
import type { MutatingWebhook, MutatingWebhookConfiguration, ValidatingWebhook, ValidatingWebhookConfiguration } from '@pilothouse/api-schemas/types/admissionregistration/v1';
import type { Strategy } from '../../contract.ts';
import { compilePolicy } from '@pilothouse/cel';
import { defineResource } from '../define.ts';
import { same } from '../validation/equality.ts';
import { checkName } from '../validation/check-name.ts';
import { wholeAndChange } from '../validation/object-meta.ts';
import { validateWebhookClient } from '../validation/webhook-client.ts';
import { clusterWide, failurePolicies, matchPolicies, oneOf, reinvocationPolicies, validateMatchConditions, validateRule, warnOfReservedName } from './rules.ts';

type Configuration = ValidatingWebhookConfiguration | MutatingWebhookConfiguration;
type Webhook = ValidatingWebhook | MutatingWebhook;

const reviewVersions = ['v1', 'v1beta1'];
const harmless = ['None', 'NoneOnDryRun'];
const anySideEffects = ['None', 'NoneOnDryRun', 'Some', 'Unknown'];

const knowsReview = ({ admissionReviewVersions: versions }: Webhook): boolean => !versions?.length || versions.some((version) => reviewVersions.includes(version));
const selectorErrors = (hook: Webhook): FieldError[] => {
  const errors: FieldError[] = [];
  for (const key of ['namespaceSelector', 'objectSelector'] as const) errors.push(...validateLabelSelector(hook[key], key));
  return errors;
};

/** What is asked only where the stored configuration already met it. */
function leniency(hooks: readonly Webhook[], old: readonly Webhook[] | undefined) {
  return {
    conditionsKept: old !== undefined && old.length === hooks.length && old.every((hook, i) => same(hook.matchConditions, hooks[i].matchConditions)),
    sideEffects: !old || old.every((hook) => harmless.includes(hook.sideEffects)) ? harmless : anySideEffects,
    knownReview: !old || old.every(knowsReview),
    uniqueNames: !old || new Set(old.map((hook) => hook.name)).size === old.length,
    anyValue: old?.some((hook) => selectorErrors(hook).length > 0) ?? false,
  };
}

function validateReviewVersions(errors: FieldError[], versions: readonly string[], path: string, known: boolean): void {
  if (!versions.length) return void errors.push(required(path, `must specify one of ${reviewVersions.join(', ')}`));
  versions.forEach((version, i) => {
    if (versions.indexOf(version) < i) errors.push(invalid(`${path}[${i}]`, version, 'duplicate version'));
    else checkName(errors, `${path}[${i}]`, version, dns1035Label);
  });
  if (known && !versions.some((version) => reviewVersions.includes(version))) errors.push(invalid(path, versions, `must include at least one of ${reviewVersions.join(', ')}`));
}

function validateWebhooks(errors: FieldError[], { webhooks = [] }: Configuration, old: Configuration | undefined): void {
  const lenient = leniency(webhooks, old && (old.webhooks ?? []));
  webhooks.forEach((hook: Webhook, i) => {
    const path = `webhooks[${i}]`;
    errors.push(...validateFullyQualifiedName(hook.name, `${path}.name`));
    hook.rules?.forEach((rule, j) => validateRule(errors, rule, `${path}.rules[${j}]`));
    oneOf(errors, hook.failurePolicy, `${path}.failurePolicy`, failurePolicies);
    oneOf(errors, hook.matchPolicy, `${path}.matchPolicy`, matchPolicies);
    if (hook.sideEffects === undefined || hook.sideEffects === null) errors.push(required(`${path}.sideEffects`, `must specify one of ${lenient.sideEffects.join(', ')}`));
    else if (!lenient.sideEffects.includes(hook.sideEffects)) errors.push(notSupported(`${path}.sideEffects`, hook.sideEffects, lenient.sideEffects));
    const timeout = hook.timeoutSeconds;
    if (timeout !== undefined && (timeout > 30 || timeout < 1)) errors.push(invalid(`${path}.timeoutSeconds`, timeout, 'the timeout value must be between 1 and 30 seconds'));
    for (const key of ['namespaceSelector', 'objectSelector'] as const) errors.push(...validateLabelSelector(hook[key], `${path}.${key}`, { allowInvalidValues: lenient.anyValue }));
    if ('reinvocationPolicy' in hook) oneOf(errors, hook.reinvocationPolicy, `${path}.reinvocationPolicy`, reinvocationPolicies);
    validateWebhookClient(errors, hook.clientConfig, `${path}.clientConfig`);
    if (!lenient.conditionsKept) validateMatchConditions(errors, hook.matchConditions, `${path}.matchConditions`, hook.matchConditions?.length ? compilePolicy({ matchConditions: hook.matchConditions }).conditions.map(({ expression }) => expression) : []);
    validateReviewVersions(errors, hook.admissionReviewVersions ?? [], `${path}.admissionReviewVersions`, lenient.knownReview);
    if (lenient.uniqueNames && hook.name && webhooks.findIndex((other) => other.name === hook.name) < i) errors.push(duplicate(`${path}.name`, hook.name));
  });
}

function defaultWebhook(hook: Webhook): void {
  hook.failurePolicy ??= 'Fail';
  hook.matchPolicy ??= 'Equivalent';
  hook.namespaceSelector ??= {};
  hook.objectSelector ??= {};
  hook.timeoutSeconds ??= 10;
  if (hook.clientConfig.service) hook.clientConfig.service.port ??= 443;
  for (const rule of hook.rules ?? []) rule.scope ??= '*';
}

const strategyOf = <T extends Configuration>(defaults: (object: T) => void): Strategy<any> => ({
  allowUnconditionalUpdate: false,
  generation: (object: T, old: T) => !same(object.webhooks, old.webhooks),
  defaults,
  ...wholeAndChange<any>(clusterWide, { whole: validateWebhooks, change: () => {} }),
  warnings: warnOfReservedName,
});

export const validatingWebhookConfigurations = defineResource<any>(validatingType, { strategy: strategyOf<ValidatingWebhookConfiguration>(({ webhooks }) => webhooks?.forEach(defaultWebhook)) });
export const mutatingWebhookConfigurations = defineResource<any>(mutatingType, {
  strategy: strategyOf<MutatingWebhookConfiguration>(({ webhooks }) =>
    webhooks?.forEach((hook) => {
      defaultWebhook(hook);
      hook.reinvocationPolicy ??= 'Never';
    }),
  ),
});
