/** The OpenAPI v2 document of the whole API. Parameters stand in each operation. */
import { describeParameter, type DocumentInput } from './v3.ts';
import { groupVersionPaths, type Operation, type Parameter, tagOf } from './operations.ts';
import { type JsonSchema, typeSchema } from './schemas.ts';

const produces: Record<Operation['produces'], string[]> = {
  object: ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'],
  list: ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf', 'application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'],
  log: ['text/plain', 'application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'],
  any: ['*/*'],
  json: ['application/json'],
  jwks: ['application/jwk-set+json'],
};
const patchTypes = ['application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json', 'application/apply-patch+yaml'];
const schemaOf = (type: string): JsonSchema => (type === 'string' ? { type: 'string' } : { $ref: `#/definitions/${type}` });

/** `groups`: every served group version, in discovery's order; `typeNames`: the types to define. */
export function swaggerDocument(groups: readonly DocumentInput[], typeNames: Iterable<string>): JsonSchema {
  const paths: JsonSchema = {};
  for (const input of groups) {
    const tag = tagOf(input.group, input.version);
    for (const item of groupVersionPaths(input.group, input.version, input.facts, input.typeName)) {
      const entry: JsonSchema = {};
      for (const operation of item.operations) entry[operation.method] = operationObject(operation, tag, input);
      if (item.parameters.length) entry.parameters = item.parameters.map((p) => parameterObject(p, item.operations[0], input));
      paths[item.path] = entry;
    }
  }
  const definitions: JsonSchema = {};
  for (const name of [...typeNames].sort()) definitions[name] = typeSchema(name, 'v2', groups[0].descriptions, groups[0].gvksOf);
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: 'v1.36.2' },
    paths,
    definitions,
    securityDefinitions: { BearerToken: { description: 'Bearer Token authentication', type: 'apiKey', name: 'authorization', in: 'header' } },
    security: [{ BearerToken: [] }],
  };
}

function parameterObject(p: Parameter, operation: Operation, input: DocumentInput): JsonSchema {
  const description = describeParameter(p, operation, input);
  return { uniqueItems: true, type: p.type, ...(description && { description }), name: p.name, in: p.in, ...(p.required && { required: true }) };
}

function operationObject(operation: Operation, tag: string, input: DocumentInput): JsonSchema {
  const words: Record<string, string> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };
  const responses: JsonSchema = {};
  for (const [code, type] of Object.entries(operation.responses)) responses[code] = { description: words[code], schema: schemaOf(type) };
  responses[401] = { description: 'Unauthorized' };
  const body = operation.body && { name: 'body', in: 'body', ...(operation.body.required && { required: true }), schema: schemaOf(operation.body.type) };
  const parameters = [...(body ? [body] : []), ...operation.parameters.map((p) => parameterObject(p, operation, input))];
  return {
    description: operation.description,
    consumes: operation.method === 'patch' && operation.body ? patchTypes : ['*/*'],
    produces: produces[operation.produces],
    schemes: ['https'],
    tags: [tag],
    operationId: operation.operationId,
    ...(parameters.length && { parameters }),
    responses,
    ...(operation.action && { 'x-kubernetes-action': operation.action }),
    ...(operation.gvk && { 'x-kubernetes-group-version-kind': operation.gvk }),
  };
}
