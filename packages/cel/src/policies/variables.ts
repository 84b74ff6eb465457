/** What expressions of policies and match conditions may name, and of which types. Facts: apiserver/pkg/admission/plugin/cel. */
import type { Environment, TypeProvider } from '../check/declarations.ts';
import { MapValue, type Value } from '../eval/values.ts';
import { kubernetesEnvironment } from '../kubernetes.ts';
import { authorizerType, resourceCheckType } from '../library/authorization.ts';
import { jsonPatchLibrary } from '../library/formats.ts';
import type { RuleSchema } from '../rules/contract.ts';
import { declareType, provideTypes } from '../schema/declared-type.ts';
import { dynType, listOf, nullType, stringType, structOf, type Type } from '../types.ts';

const text: RuleSchema = { type: 'string' };
const time: RuleSchema = { type: 'string', format: 'date-time' };
const object = (properties: Record<string, RuleSchema>): RuleSchema => ({ type: 'object', properties });
const texts: RuleSchema = { type: 'array', items: text };
const textMap: RuleSchema = { type: 'object', additionalProperties: text };
const anything: RuleSchema = { 'x-kubernetes-int-or-string': true };

/** What the request was: AdmissionRequest without the objects. */
export const requestSchema = object({
  kind: object({ group: text, version: text, kind: text }),
  resource: object({ group: text, version: text, resource: text }),
  subResource: text,
  requestKind: object({ group: text, version: text, kind: text }),
  requestResource: object({ group: text, version: text, resource: text }),
  requestSubResource: text,
  name: text,
  namespace: text,
  operation: text,
  userInfo: object({ username: text, uid: text, groups: texts, extra: { type: 'object', additionalProperties: texts } }),
  dryRun: { type: 'boolean' },
  options: anything,
});
/** What is shown of the request's namespace. */
export const namespaceSchema = object({
  metadata: object({ name: text, generateName: text, namespace: text, labels: textMap, annotations: textMap, UID: text, creationTimestamp: time, deletionGracePeriodSeconds: { type: 'integer' }, deletionTimestamp: time, generation: { type: 'integer' }, resourceVersion: text, finalizers: texts }),
  spec: object({ finalizers: texts }),
  status: object({ phase: text, conditions: { type: 'array', items: object({ status: text, type: text, lastTransitionTime: time, message: text, reason: text }) } }),
});

const request = declareType(requestSchema, { name: 'kubernetes.AdmissionRequest' })!;
const namespace = declareType(namespaceSchema, { name: 'kubernetes.Namespace' })!;
const fixedTypes = provideTypes(request, namespace);

/** A program's own objects: `Object{…}`, `Object.spec{…}`, `JSONPatch{…}`. */
export class MadeObject extends MapValue {
  override readonly celType: Type;
  readonly fields: ReadonlyMap<string, Value>;
  constructor(type: string, fields: ReadonlyMap<string, Value>) {
    super();
    this.celType = structOf(type);
    this.fields = fields;
  }
  get size(): number {
    return this.fields.size;
  }
  find(key: Value): Value | undefined {
    return typeof key === 'string' ? this.fields.get(key) : undefined;
  }
  keys(): Iterable<Value> {
    return this.fields.keys();
  }
}

const patchFields: Record<string, Type> = { op: stringType, path: stringType, from: stringType, value: dynType };
const isPatchObject = (name: string): boolean => name === 'Object' || name.startsWith('Object.');
/** Types of patches: any field of any object, by its path. */
const patchTypes: TypeProvider = {
  hasStruct: (name) => name === 'JSONPatch' || isPatchObject(name),
  fieldType: (name, field) => (name === 'JSONPatch' ? patchFields[field] : dynType),
  construct: (name, fields) => new MadeObject(name, fields),
};

/** Names of the policy's own variables and their types. */
export class PolicyVariables implements TypeProvider {
  static readonly typeName = 'kubernetes.variables';
  readonly types = new Map<string, Type>();
  hasStruct(name: string): boolean {
    return name === PolicyVariables.typeName;
  }
  fieldType(_struct: string, field: string): Type | undefined {
    return this.types.get(field);
  }
}

/** Several providers as one; the first that knows a type has it. */
function together(...providers: TypeProvider[]): TypeProvider {
  const of = (name: string) => providers.find((provider) => provider.hasStruct(name));
  return {
    hasStruct: (name) => of(name) !== undefined,
    fieldType: (name, field) => of(name)?.fieldType(name, field),
    construct: (name, fields) => of(name)!.construct!(name, fields),
  };
}

export interface Offered {
  params: boolean;
  authorizer: boolean;
  /** Patches may be made. */
  patches?: boolean;
  variables?: PolicyVariables;
  /** The type of `object` and `oldObject`, and of `params`, where they are known (type checking). */
  object?: { type: Type; provider: TypeProvider };
  paramsType?: { type: Type; provider: TypeProvider };
}

/** What is known of patches is a library of its own. */
const withPatches = kubernetesEnvironment.withLibraries(jsonPatchLibrary);

export function policyEnvironment({ params, authorizer, patches, variables, object: typed, paramsType }: Offered): Environment {
  const providers: TypeProvider[] = [fixedTypes, ...(patches ? [patchTypes] : []), ...(variables ? [variables] : []), ...(typed ? [typed.provider] : []), ...(paramsType ? [paramsType.provider] : [])];
  return (patches ? withPatches : kubernetesEnvironment).extend(
    {
      object: typed?.type ?? dynType,
      oldObject: typed?.type ?? dynType,
      namespaceObject: namespace.type,
      request: request.type,
      ...(params && { params: paramsType?.type ?? dynType }),
      ...(authorizer && { authorizer: authorizerType, 'authorizer.requestResource': resourceCheckType }),
      ...(variables && { variables: structOf(PolicyVariables.typeName) }),
    },
    together(...providers),
  );
}

export const patchObjectType = structOf('Object');
export const jsonPatchType = listOf(structOf('JSONPatch'));
export const textOrNull = [stringType, nullType];
