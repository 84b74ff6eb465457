/** The OpenAPI v2 document of the whole API. Parameters stand in each operation. */
import { describeParameter, type DocumentInput } from './v3.ts';
import { groupVersionPaths, type Operation, type Parameter, type PathItem, tagOf } from './operations.ts';
import { type JsonSchema, typeSchema } from './schemas.ts';

const produces: Record<Operation['produces'], string[]> = {
  object: ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'],
  list: ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf', 'application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'],
  log: ['text/plain', 'application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'],
  any: ['*/*'],
  json: ['application/json'],
  jwks: ['application/jwk-set+json'],
  custom: ['application/json', 'application/yaml'],
};
const patchTypes = ['application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json', 'application/apply-patch+yaml'];
const schemaOf = (type: string): JsonSchema => (type === 'string' ? { type: 'string' } : { $ref: `#/definitions/${type}` });

/** What a custom resource's version adds to the document. */
export interface CustomPart {
  group: string;
  version: string;
  items: readonly PathItem[];
  schemas: ReadonlyMap<string, JsonSchema>;
}

/** `groups`: every served group version, in discovery's order; `typeNames`: the types to define. */
export function swaggerDocument(groups: readonly DocumentInput[], typeNames: Iterable<string>, custom: readonly CustomPart[]): JsonSchema {
  const paths: JsonSchema = {};
  const add = (items: readonly PathItem[], tag: string, input: DocumentInput): void => {
    for (const item of items) {
      const entry: JsonSchema = {};
      for (const operation of item.operations) entry[operation.method] = operationObject(operation, tag, input);
      if (item.parameters.length) entry.parameters = item.parameters.map((p) => parameterObject(p, item.operations[0], input));
      paths[item.path] = entry;
    }
  };
  for (const input of groups) add(groupVersionPaths(input.group, input.version, input.facts, input.typeName), tagOf(input.group, input.version), input);
  for (const { group, version, items } of custom) add(items, tagOf(group, version), groups[0]);
  const definitions: JsonSchema = {};
  const customSchemas = new Map(custom.flatMap(({ schemas }) => [...schemas]));
  for (const name of [...typeNames, ...customSchemas.keys()].sort()) definitions[name] = customSchemas.get(name) ?? typeSchema(name, 'v2', groups[0].descriptions, groups[0].gvksOf);
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
    consumes: operation.consumes ?? (operation.method === 'patch' && operation.body ? patchTypes : ['*/*']),
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
