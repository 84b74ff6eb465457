/** How custom resources behave: the same for all of them, by their definitions. Facts: apiextensions registry/customresource. */
import type { RuleSet } from '@pilothouse/cel';
import type { CustomResourceSubresourceScale } from '@pilothouse/api-schemas/types/apiextensions/v1';
import { apiVersionOf, equalJson, type FieldError, forbiddenError, invalid, type KubeObject, nameIsDnsSubdomain, qualifiedName, type ResourceType } from '@pilothouse/apimachinery';
import { compileValidator, fieldErrors, isSchema, type JSONSchemaProps, validateListTypes } from '@pilothouse/apimachinery/structural/index';
import type { Strategy } from '../contract.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../resources/validation/object-meta.ts';
import type { CustomSchema } from './codec.ts';
import { validateEmbedded } from './embedded.ts';
import { validateScaleSpec, validateScaleStatus } from './scale.ts';

export interface CustomBehaviour {
  type: ResourceType;
  schema: CustomSchema;
  /** Whether writes of the object leave its status alone. */
  hasStatus: boolean;
  scale: CustomResourceSubresourceScale | undefined;
  rules: RuleSet | undefined;
  /** Whether the definition is going away. */
  terminating(): boolean;
}

type Json = Record<string, unknown>;

/** Everything but the metadata: what a change of raises the generation. */
function withoutMetadata(object: KubeObject): Json {
  const { metadata: _, ...rest } = object;
  return rest as Json;
}

const standardFinalizers = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);

function finalizerWarnings({ metadata }: KubeObject, old: KubeObject | undefined): string[] {
  const held = new Set(old?.metadata.finalizers);
  const warnings: string[] = [];
  for (const name of [...new Set(metadata.finalizers)].sort()) {
    if (held.has(name)) continue;
    const lead = `metadata.finalizers: ${JSON.stringify(name)}: `;
    warnings.push(...qualifiedName(name).map((text) => lead + text));
    if (name.includes('/') || standardFinalizers.has(name)) continue;
    warnings.push(`${lead}prefer a domain-qualified finalizer name ${name.includes('.') ? 'including a path (/) ' : ''}to avoid accidental conflicts with other finalizer writers`);
  }
  return warnings;
}

/** Findings after which rules are not asked: the values they read may be of any form. */
const blocking = new Set<FieldError['reason']>(['FieldValueNotSupported', 'FieldValueRequired', 'FieldValueTooLong', 'FieldValueTooMany', 'FieldValueTypeInvalid']);
const unchecked = invalid('<nil>', null, 'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation');

/** Owner references are told without their index, and what they lack is invalid rather than required, as upstream's rules for metadata of any form have it. */
function asAnyMeta(errors: FieldError[]): FieldError[] {
  return errors.map((error) => {
    const part = /^metadata\.ownerReferences\[\d+\]\.(\w+)$/.exec(error.field);
    if (part && error.reason === 'FieldValueRequired') return invalid(`metadata.ownerReferences.${part[1]}`, '', part[1] === 'apiVersion' ? 'version must not be empty' : 'must not be empty');
    return error;
  });
}

export function customStrategy({ type, schema, hasStatus, scale, rules, terminating }: CustomBehaviour): Strategy<KubeObject> {
  const apiVersion = apiVersionOf(type.group, type.version);
  const validate = compileValidator(schema.schema);
  const statusSchema: JSONSchemaProps | undefined = schema.schema.properties?.status;
  const validateStatus = isSchema(statusSchema) ? compileValidator(statusSchema) : undefined;
  const { structural } = schema;

  const typeErrors = (object: KubeObject): FieldError[] => [
    ...(object.kind === type.kind ? [] : [invalid('kind', object.kind ?? '', `must be ${type.kind}`)]),
    ...(object.apiVersion === apiVersion ? [] : [invalid('apiVersion', object.apiVersion ?? '', `must be ${apiVersion}`)]),
  ];
  const listErrors = (object: KubeObject, old: KubeObject | undefined): FieldError[] => {
    const errors = validateListTypes(object, structural);
    return errors.length && old && validateListTypes(old, structural).length ? [] : errors;
  };
  /** Rules that an update breaks no more than its object did before. */
  const tolerated = new WeakMap<KubeObject, string[]>();
  const withRules = (errors: FieldError[], object: KubeObject, old: KubeObject | undefined): FieldError[] => {
    if (!rules) return errors;
    if (errors.some(({ reason }) => blocking.has(reason))) return [...errors, unchecked];
    const found = rules.validate(object, old);
    if (found.warnings.length) tolerated.set(object, found.warnings);
    return [...errors, ...found.errors];
  };

  return {
    allowUnconditionalUpdate: false,
    generation: (object, old) => !equalJson(withoutMetadata(object), withoutMetadata(old)),
    prepareForCreate(object) {
      object.metadata.generation = 1;
      if (hasStatus) delete (object as Json & KubeObject).status;
    },
    prepareForUpdate(object, old, { subresource }) {
      if (!hasStatus || subresource === 'status') return;
      const { status } = old as Json & KubeObject;
      if (status === undefined) delete (object as Json & KubeObject).status;
      else (object as Json & KubeObject).status = status;
    },
    validate(object) {
      const wrong = typeErrors(object);
      if (wrong.length) return wrong;
      const meta: FieldError[] = [];
      validateObjectMeta(meta, object.metadata, { name: nameIsDnsSubdomain, namespaced: type.namespaced, kubeFinalizers: false });
      const errors = [...asAnyMeta(meta), ...fieldErrors(validate(object, undefined, '').errors), ...validateScaleSpec(object, scale), ...validateScaleStatus(object, scale), ...validateEmbedded(object, structural), ...listErrors(object, undefined)];
      return withRules(errors, object, undefined);
    },
    validateUpdate(object, old) {
      const wrong = typeErrors(object);
      if (wrong.length) return wrong;
      const meta: FieldError[] = [];
      validateObjectMetaUpdate(meta, object.metadata, old.metadata, { kubeFinalizers: false });
      const errors = [...asAnyMeta(meta), ...fieldErrors(validate(object, { value: old }, '').errors), ...validateScaleSpec(object, scale), ...validateScaleStatus(object, scale), ...validateEmbedded(object, structural), ...listErrors(object, old)];
      return withRules(errors, object, old);
    },
    validateStatusUpdate(object, old) {
      const wrong = typeErrors(object);
      if (wrong.length) return wrong;
      const meta: FieldError[] = [];
      validateObjectMetaUpdate(meta, object.metadata, old.metadata, { kubeFinalizers: false });
      const { status } = object as Json & KubeObject;
      const before = (old as Json & KubeObject).status;
      const found = status === undefined || !validateStatus ? [] : fieldErrors(validateStatus(status, before === undefined ? undefined : { value: before }, '').errors, 'status');
      return withRules([...asAnyMeta(meta), ...found, ...validateScaleStatus(object, scale), ...listErrors(object, old)], object, old);
    },
    warnings: (object, old) => [...finalizerWarnings(object, old), ...(tolerated.get(object) ?? [])],
    async begin(object, old) {
      if (!old && terminating()) throw forbiddenError(type, object.metadata.name ?? '', 'create not allowed while custom resource definition is terminating');
      return undefined;
    },
  };
}
