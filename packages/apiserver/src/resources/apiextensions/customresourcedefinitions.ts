/** Definitions of custom resources: how they may be written. What they define is served by `custom-resources/`. */
import { conflictError, customResourceDefinitions as type, dns1035Label, dns1123Subdomain, type FieldError, forbidden, invalid, nameIsDnsSubdomain, notSupported, required } from '@pilothouse/apimachinery';
import type {
  CustomResourceColumnDefinition as PrinterColumn,
  CustomResourceConversion,
  CustomResourceDefinition as Published,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionVersion as Version,
  CustomResourceSubresources,
} from '@pilothouse/api-schemas/types/apiextensions/v1';
import { formatTime } from '@pilothouse/base';
import type { Strategy } from '../../contract.ts';
import { cleanupFinalizer, withCondition } from '../../custom-resources/conditions.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { same } from '../validation/equality.ts';
import { checkName } from '../validation/check-name.ts';
import { immutable, validateObjectMeta, validateObjectMetaUpdate } from '../validation/object-meta.ts';
import { validateWebhookClient, type WebhookClient } from '../validation/webhook-client.ts';
import { problemOfBundle } from './ca-bundle.ts';
import { approvalKey, approvalOf, isProtectedGroup } from './approval.ts';
import { internalVersion } from './internal-schema.ts';
import { hasDefaults, validateSchema } from './json-schema.ts';
import { validateSelectableFields } from './selectable-fields.ts';
import { definitionWarnings } from './warnings.ts';

type Definition = Filled<Published>;

/** What all versions have in common is said once, at the top: that is where findings point. */
const hoistable = ['schema', 'subresources', 'additionalPrinterColumns', 'selectableFields'] as const;
type Hoisted = Record<(typeof hoistable)[number], boolean>;

const hoistedOf = (versions: readonly Version[]): Hoisted => Object.fromEntries(hoistable.map((key) => [key, versions.every((version) => same(version[key], versions[0]?.[key]))])) as Hoisted;

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];
const columnFormats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];

function validateSimplePath(errors: FieldError[], text: string, path: string): boolean {
  if (text.startsWith('.')) return true;
  errors.push(invalid(path, text, 'must be a simple json path starting with .'));
  return false;
}

function validateColumn(errors: FieldError[], column: PrinterColumn, path: string): void {
  const oneOf = (known: readonly string[]): string => `must be one of ${known.join(',')}`;
  if (!column.name) errors.push(required(`${path}.name`));
  if (!column.type) errors.push(required(`${path}.type`, oneOf(columnTypes)));
  else if (!columnTypes.includes(column.type)) errors.push(invalid(`${path}.type`, column.type, oneOf(columnTypes)));
  if (column.format && !columnFormats.includes(column.format)) errors.push(invalid(`${path}.format`, column.format, oneOf(columnFormats)));
  if (!column.jsonPath) errors.push(required(`${path}.JSONPath`));
  else validateSimplePath(errors, column.jsonPath, `${path}.JSONPath`);
}

function validateSubresources(errors: FieldError[], subresources: CustomResourceSubresources | undefined, path: string): void {
  const scale = subresources?.scale;
  if (!scale) return;
  for (const [key, root] of [
    ['specReplicasPath', 'spec'],
    ['statusReplicasPath', 'status'],
  ] as const) {
    const at = `${path}.scale.${key}`;
    const text = scale[key];
    if (!text) errors.push(required(at));
    else if (validateSimplePath(errors, text, at) && !text.startsWith(`.${root}.`)) errors.push(invalid(at, text, `should be a json path under .${root}`));
  }
  const selector = scale.labelSelectorPath;
  const at = `${path}.scale.labelSelectorPath`;
  if (selector && validateSimplePath(errors, selector, at) && !/^\.(spec|status)\./.test(selector)) errors.push(invalid(at, selector, 'should be a json path under either .spec or .status'));
}

function validateDeprecation(errors: FieldError[], { deprecated, deprecationWarning: warning }: Version, path: string): void {
  if (warning === undefined) return;
  const at = `${path}.deprecationWarning`;
  if (!deprecated) return void errors.push(invalid(at, warning, 'can only be set for deprecated versions'));
  if (Buffer.byteLength(warning) > 256) errors.push(invalid(at, warning, 'must be <= 256 characters long'));
  if (!warning) errors.push(invalid(at, warning, 'must not be an empty string'));
  const hidden = warning.search(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u);
  if (hidden >= 0) errors.push(invalid(at, warning, `must only contain printable UTF-8 characters; non-printable character found at index ${Buffer.byteLength(warning.slice(0, hidden))}`));
}

interface Site {
  schema: string;
  path: string;
  /** Where the schema stands elsewhere than what refers to it. */
  apart: boolean;
  without: string;
  status: boolean;
  oldStatus: boolean;
}

/** The parts that versions share or have each for themselves. */
function validateParts(errors: FieldError[], version: Version, old: Version | undefined, wanted: Hoisted, at: Site): void {
  const schema = version.schema?.openAPIV3Schema;
  // A stored schema is not judged again.
  if (wanted.schema && schema && (at.status !== at.oldStatus || !same(schema, old?.schema?.openAPIV3Schema))) validateSchema(errors, schema, `${at.schema}.openAPIV3Schema`, at.status);
  if (wanted.subresources) validateSubresources(errors, version.subresources, `${at.path}.subresources`);
  if (wanted.additionalPrinterColumns) version.additionalPrinterColumns?.forEach((column, i) => validateColumn(errors, column, `${at.path}.additionalPrinterColumns[${i}]`));
  if (wanted.selectableFields) validateSelectableFields(errors, version.selectableFields, at.apart ? undefined : schema, `${at.path}.selectableFields`, at.without);
}

const hasStatus = (version: Version | undefined): boolean => Boolean(version?.subresources?.status);

function validateNames(errors: FieldError[], names: CustomResourceDefinitionNames, path: string): void {
  for (const key of ['plural', 'singular'] as const) {
    const wrong = names[key] ? dns1035Label(names[key]) : [];
    if (wrong.length) errors.push(invalid(`${path}.${key}`, names[key], wrong.join(',')));
  }
  for (const key of ['kind', 'listKind'] as const) {
    const wrong = names[key] ? dns1035Label(names[key].toLowerCase()) : [];
    if (wrong.length) errors.push(invalid(`${path}.${key}`, names[key], `may have mixed case, but should otherwise match: ${wrong.join(',')}`));
  }
  const list = (key: 'shortNames' | 'categories') =>
    names[key]?.forEach((name, i) => {
      const wrong = dns1035Label(name);
      if (wrong.length) errors.push(invalid(`${path}.${key}[${i}]`, name, wrong.join(',')));
    });
  list('shortNames');
  if (names.kind && names.kind === names.listKind) errors.push(invalid(`${path}.listKind`, names.listKind, 'kind and listKind may not be the same'));
  list('categories');
}

const isEstablished = (definition: Definition | undefined): boolean => definition?.status.conditions?.some((condition) => condition.type === 'Established' && condition.status === 'True') ?? false;

const reviewVersions = ['v1', 'v1beta1'];

function validateConversion(errors: FieldError[], conversion: CustomResourceConversion | undefined, path: string, old: Definition | undefined): void {
  if (!conversion) return;
  const { strategy, webhook } = conversion;
  if (!strategy) errors.push(required(`${path}.strategy`));
  else if (strategy !== 'None' && strategy !== 'Webhook') errors.push(notSupported(`${path}.strategy`, strategy, ['None', 'Webhook']));
  const versions = webhook?.conversionReviewVersions ?? [];
  const at = `${path}.conversionReviewVersions`;
  if (strategy !== 'Webhook') {
    if (webhook?.clientConfig) errors.push(forbidden(`${path}.webhookClientConfig`, 'should not be set when strategy is not set to Webhook'));
    if (versions.length) errors.push(forbidden(at, 'should not be set when strategy is not set to Webhook'));
    return;
  }
  if (!webhook?.clientConfig) errors.push(required(`${path}.webhookClientConfig`, 'required when strategy is set to Webhook'));
  else {
    validateWebhookClient(errors, webhook.clientConfig as WebhookClient, `${path}.webhookClientConfig`);
    const { caBundle } = webhook.clientConfig;
    const before = old?.spec.conversion?.webhook?.clientConfig?.caBundle;
    // One that was wrong already, and those of definitions that nobody relies on yet, are put up with.
    const problem = caBundle && isEstablished(old) && !(before && problemOfBundle(before)) ? problemOfBundle(caBundle) : undefined;
    if (problem) errors.push(invalid(`${path}.webhookClientConfig.caBundle`, caBundle, problem));
  }
  if (!versions.length) return void errors.push(required(at));
  versions.forEach((version, i) => {
    if (versions.indexOf(version) < i) errors.push(invalid(`${at}[${i}]`, version, 'duplicate version'));
    else checkName(errors, `${at}[${i}]`, version, dns1035Label);
  });
  if (!versions.some((version) => reviewVersions.includes(version))) errors.push(invalid(at, versions, `must include at least one of ${reviewVersions.join(', ')}`));
}

function validateVersions(errors: FieldError[], { spec }: Definition, old: Definition | undefined): void {
  const versions = spec.versions ?? [];
  const hoisted = hoistedOf(versions);
  const each = Object.fromEntries(hoistable.map((key) => [key, !hoisted[key]])) as Hoisted;
  const before = (name: string): Version | undefined => old?.spec.versions?.find((version) => version.name === name);
  versions.forEach((version, i) => {
    if (!version.schema?.openAPIV3Schema) errors.push(required(`spec.versions[${i}].schema.openAPIV3Schema`));
  });
  versions.forEach((version, i) => {
    const path = `spec.versions[${i}]`;
    const wrong = dns1035Label(version.name);
    if (wrong.length) errors.push(invalid(`${path}.name`, version.name, wrong.join(',')));
    validateDeprecation(errors, version, path);
    const old = before(version.name);
    validateParts(errors, version, old, each, { schema: `${path}.schema`, path, apart: hoisted.schema, without: 'may only be set when `version.schema.openAPIV3Schema` is not included', status: hasStatus(version), oldStatus: hasStatus(old) });
  });
  const all = spec.versions && versions.map((version) => internalVersion(version, hoisted));
  if (new Set(versions.map(({ name }) => name)).size < versions.length) errors.push(invalid('spec.versions', all, 'must contain unique version names'));
  if (versions.filter(({ storage }) => storage).length !== 1) errors.push(invalid('spec.versions', all, 'must have exactly one version marked as storage version'));
  const first = versions[0];
  const wrong = first?.name ? dns1035Label(first.name) : [];
  if (wrong.length) errors.push(invalid('spec.version', first.name, wrong.join(',')));
}

function validateSpec(errors: FieldError[], object: Definition, old: Definition | undefined): void {
  const { spec } = object;
  const { group, scope, names } = spec;
  const wrongGroup = group ? dns1123Subdomain(group) : [];
  if (!group) errors.push(required('spec.group'));
  else if (wrongGroup.length) errors.push(invalid('spec.group', group, wrongGroup.join(',')));
  else if (!group.includes('.')) errors.push(invalid('spec.group', group, 'should be a domain with at least one dot'));
  if (!scope) errors.push(required('spec.scope'));
  else if (scope !== 'Cluster' && scope !== 'Namespaced') errors.push(notSupported('spec.scope', scope, ['Cluster', 'Namespaced']));
  if (spec.preserveUnknownFields && spec.versions?.some((version) => hasDefaults(version.schema?.openAPIV3Schema))) errors.push(invalid('spec.preserveUnknownFields', true, 'must be false in order to use defaults in the schema'));
  validateVersions(errors, object, old);
  for (const key of ['plural', 'singular', 'kind', 'listKind'] as const) if (!names[key]) errors.push(required(`spec.names.${key}`));
  validateNames(errors, names, 'spec.names');
  const first = spec.versions?.[0];
  if (first) {
    const hoisted = hoistedOf(spec.versions!);
    validateParts(errors, first, old?.spec.versions?.[0], hoisted, { schema: 'spec.validation', path: 'spec', apart: !hoisted.schema, without: 'may only be set when validations.schema is included', status: spec.versions!.some(hasStatus), oldStatus: old?.spec.versions?.some(hasStatus) ?? false });
  }
  if (spec.preserveUnknownFields && spec.conversion && spec.conversion.strategy !== 'None') errors.push(invalid('spec.conversion.strategy', spec.conversion.strategy, 'must be None if spec.preserveUnknownFields is true'));
  validateConversion(errors, spec.conversion, 'spec.conversion', old);
}

function validateStatus(errors: FieldError[], { spec, status }: Definition): void {
  if (status.acceptedNames) validateNames(errors, status.acceptedNames, 'status.acceptedNames');
  const stored = status.storedVersions ?? [];
  const path = 'status.storedVersions';
  if (!stored.length) return void errors.push(invalid(path, status.storedVersions, 'must have at least one stored version'));
  for (const { name, storage } of spec.versions ?? []) if (storage && !stored.includes(name)) errors.push(invalid(path, stored, `must have the storage version ${name}`));
  stored.forEach((name, i) => {
    if (!spec.versions?.some((version) => version.name === name))
      errors.push(
        invalid(`${path}[${i}]`, name, `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`),
      );
  });
}

/** Groups of the Kubernetes community need a word about their review. */
function validateApproval(errors: FieldError[], object: Definition, old: Definition | undefined): void {
  if (!isProtectedGroup(object.spec.group)) return;
  const { annotations } = object.metadata;
  const { state, message } = approvalOf(annotations);
  if (old && approvalOf(old.metadata.annotations).state === state) return;
  const path = `metadata.annotations[${approvalKey}]`;
  if (state === 'missing') errors.push(required(path, message));
  if (state === 'invalid') errors.push(invalid(path, annotations?.[approvalKey], message));
}

function validateRest(errors: FieldError[], object: Definition, old: Definition | undefined): void {
  validateStatus(errors, object);
  validateApproval(errors, object, old);
  if (object.spec.preserveUnknownFields && !old?.spec.preserveUnknownFields) errors.push(invalid('spec.preserveUnknownFields', true, 'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead'));
}

function recordStorageVersion({ spec, status }: Definition): void {
  const storage = spec.versions?.find((version) => version.storage)?.name;
  if (storage !== undefined && !status.storedVersions?.includes(storage)) status.storedVersions = [...(status.storedVersions ?? []), storage];
}

const strategy: Strategy<Definition> = {
  generation: true,
  allowUnconditionalUpdate: false,
  defaults(object) {
    const { spec, status } = object;
    spec.names.singular ||= spec.names.kind.toLowerCase();
    if (!spec.names.singular) delete spec.names.singular;
    if (!spec.names.listKind && spec.names.kind) spec.names.listKind = `${spec.names.kind}List`;
    spec.conversion ??= { strategy: 'None' };
    const service = spec.conversion.webhook?.clientConfig?.service;
    if (service) service.port ??= 443;
    if (!status.storedVersions?.length) recordStorageVersion(object);
  },
  startDeletion(object, { preconditions }, nowMs) {
    const { metadata } = object;
    const wrong = (what: string, asked: string, found: string | undefined) => conflictError(type, metadata.name ?? '', `Precondition failed: ${what} in precondition: ${asked}, ${what} in object meta: ${found ?? ''}`);
    if (preconditions?.uid !== undefined && preconditions.uid !== metadata.uid) throw wrong('UID', preconditions.uid, metadata.uid);
    if (preconditions?.resourceVersion !== undefined && preconditions.resourceVersion !== metadata.resourceVersion) throw wrong('ResourceVersion', preconditions.resourceVersion, metadata.resourceVersion);
    if (metadata.deletionTimestamp) return false;
    metadata.deletionTimestamp = formatTime(nowMs);
    if (!metadata.finalizers?.includes(cleanupFinalizer)) metadata.finalizers = [...(metadata.finalizers ?? []), cleanupFinalizer];
    Object.assign(object, withCondition(object as Published, { type: 'Terminating', status: 'True', reason: 'InstanceDeletionPending', message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon' }, nowMs));
    return true;
  },
  prepareForCreate: recordStorageVersion,
  prepareForUpdate(object, _, { subresource }) {
    if (subresource === '') recordStorageVersion(object);
  },
  validate(object) {
    const errors: FieldError[] = [];
    const wanted = `${object.spec.names.plural}.${object.spec.group}`;
    validateObjectMeta(errors, object.metadata, { name: (name, prefix) => [...nameIsDnsSubdomain(name, prefix), ...(name === wanted ? [] : ['must be spec.names.plural+"."+spec.group'])], namespaced: false, kubeFinalizers: false });
    validateSpec(errors, object, undefined);
    validateRest(errors, object, undefined);
    return errors;
  },
  validateUpdate(object, old) {
    const errors: FieldError[] = [];
    const { spec } = object;
    validateObjectMetaUpdate(errors, object.metadata, old.metadata, { kubeFinalizers: false });
    validateSpec(errors, object, old);
    if (isEstablished(old)) {
      immutable(errors, spec.scope, old.spec.scope, 'spec.scope');
      immutable(errors, spec.names.kind, old.spec.names.kind, 'spec.names.kind');
    }
    immutable(errors, spec.group, old.spec.group, 'spec.group');
    immutable(errors, spec.names.plural, old.spec.names.plural, 'spec.names.plural');
    validateRest(errors, object, old);
    return errors;
  },
  warnings: (object, old) => definitionWarnings(object.spec.versions ?? [], old?.spec.versions),
  validateStatusUpdate(object, old) {
    const errors: FieldError[] = [];
    validateObjectMetaUpdate(errors, object.metadata, old.metadata, { kubeFinalizers: false });
    if (object.status.acceptedNames) validateNames(errors, object.status.acceptedNames, 'status.acceptedNames');
    return errors;
  },
};

export const customResourceDefinitions = defineResource<any>(type, { storagePrefix: 'apiextensions.k8s.io/customresourcedefinitions', strategy });
