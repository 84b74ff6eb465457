/** OpenAPI v3 documents: one per group version, and the index that names them. @see https://kep.k8s.io/2896 */
import type { ResourceFacts } from '@pilothouse/api-schemas';
import { groupVersionPaths, type Operation, type Parameter, type PathItem, tagOf, type TypeNames } from './operations.ts';
import { type Descriptions, type JsonSchema, references, typeSchema } from './schemas.ts';

const mediaTypes: Record<Operation['produces'], string[]> = {
  object: ['application/json', 'application/vnd.kubernetes.protobuf', 'application/yaml'],
  list: ['application/json', 'application/json;stream=watch', 'application/vnd.kubernetes.protobuf', 'application/vnd.kubernetes.protobuf;stream=watch', 'application/yaml'],
  log: ['application/json', 'application/vnd.kubernetes.protobuf', 'application/yaml', 'text/plain'],
  any: ['*/*'],
  json: ['application/json'],
  jwks: ['application/jwk-set+json'],
  custom: ['application/json', 'application/yaml'],
};
const patchTypes = ['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json'];
const schemaOf = (type: string): JsonSchema => (type === 'string' ? { type: 'string' } : { $ref: `#/components/schemas/${type}` });

export interface DocumentInput {
  group: string;
  version: string;
  facts: readonly ResourceFacts[];
  typeName: TypeNames;
  gvksOf: (name: string) => { group: string; version: string; kind: string }[];
  descriptions: Descriptions;
  /** Text for a parameter of an operation. */
  parameterText: (operation: string, parameter: string) => string | undefined;
}

/** The document of a group version. */
export function groupVersionDocument(input: DocumentInput): JsonSchema {
  const items = groupVersionPaths(input.group, input.version, input.facts, input.typeName);
  return document(items, tagOf(input.group, input.version), input);
}

/** A document over given paths. `custom`: schemas of types that are not built in, whose documents have a title of their own. */
export function document(items: readonly PathItem[], tag: string, input: Pick<DocumentInput, 'gvksOf' | 'descriptions' | 'parameterText'>, custom?: ReadonlyMap<string, JsonSchema>): JsonSchema {
  const paths: JsonSchema = {};
  for (const item of items) {
    const entry: JsonSchema = {};
    for (const operation of item.operations) entry[operation.method] = operationObject(operation, tag, input);
    if (item.parameters.length) entry.parameters = item.parameters.map((p) => parameterObject(p, item.operations[0], input));
    paths[item.path] = entry;
  }
  const schemas: JsonSchema = {};
  const pending = [...references(paths)];
  for (let name = pending.pop(); name; name = pending.pop()) {
    if (name in schemas) continue;
    schemas[name] = custom?.get(name) ?? typeSchema(name, 'v3', input.descriptions, input.gvksOf);
    pending.push(...references(schemas[name]));
  }
  return {
    openapi: '3.0.0',
    info: custom ? { title: 'Kubernetes CRD Swagger', version: 'v0.1.0' } : { title: 'Kubernetes', version: 'v1.36.2' },
    paths,
    components: {
      ...(Object.keys(schemas).length && { schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1))) }),
      ...(!custom && { securitySchemes: { BearerToken: { type: 'apiKey', description: 'Bearer Token authentication', name: 'authorization', in: 'header' } } }),
    },
  };
}

function parameterObject(p: Parameter, operation: Operation, input: Pick<DocumentInput, 'parameterText'>): JsonSchema {
  const description = describeParameter(p, operation, input);
  return { name: p.name, in: p.in, ...(description && { description }), ...(p.required && { required: true }), schema: { type: p.type, uniqueItems: true } };
}

/** Path parameters have texts of their own; the rest come from the client's documentation. */
export function describeParameter(p: Parameter, operation: Operation, input: Pick<DocumentInput, 'parameterText'>): string | undefined {
  if (p.in === 'path' && p.name === 'name') return `name of the ${operation.gvk?.kind}`;
  if (p.in === 'path' && p.name === 'namespace') return 'object name and auth scope, such as for teams and projects';
  if (p.in === 'path' && p.name === 'path') return 'path to the resource';
  // The client's documentation calls the second `path` of an operation `path2`.
  // Operations of custom resources are documented as those of built-in ones.
  const operationId = operation.produces === 'custom' && operation.method === 'patch' ? 'patchCoreV1NamespacedConfigMap' : operation.operationId;
  return input.parameterText(operationId, p.name === 'path' && operation.operationId.endsWith('WithPath') ? 'path2' : p.name);
}

function operationObject(operation: Operation, tag: string, input: Pick<DocumentInput, 'parameterText'>): JsonSchema {
  const responses: JsonSchema = {};
  const words: Record<string, string> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };
  for (const [code, type] of Object.entries(operation.responses)) {
    responses[code] = { description: words[code], content: Object.fromEntries(mediaTypes[operation.produces].map((media) => [media, { schema: schemaOf(type) }])) };
  }
  responses[401] = { description: 'Unauthorized' };
  const bodyTypes = operation.consumes ?? (operation.method === 'patch' && operation.body ? patchTypes : ['*/*']);
  return {
    tags: [tag],
    description: operation.description,
    operationId: operation.operationId,
    ...(operation.parameters.length && { parameters: operation.parameters.map((p) => parameterObject(p, operation, input)) }),
    ...(operation.body && { requestBody: { content: Object.fromEntries(bodyTypes.map((media) => [media, { schema: schemaOf(operation.body!.type) }])), ...(operation.body.required && { required: true }) } }),
    responses,
    ...(operation.action && { 'x-kubernetes-action': operation.action }),
    ...(operation.gvk && { 'x-kubernetes-group-version-kind': operation.gvk }),
  };
}
