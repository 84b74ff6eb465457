/** The group's OpenAPI v3 document, made of the shapes. */
import { resources } from './discovery.ts';
import { kinds, listOf } from './schemas.ts';
import type { Shape } from './shape.ts';
import { labGroup, labVersion } from './types.ts';

const prefix = 'dev.pilothouse.lab.v1.';
const gvk = (kind: string) => ({ group: labGroup, version: labVersion, kind });
const reference = (name: string) => ({ $ref: `#/components/schemas/${prefix}${name}` });

type Schema = Record<string, unknown>;

function schemaOf(shape: Shape, components: Map<string, Schema>): Schema {
  switch (shape.t) {
    case 'string':
      return { type: 'string', ...(shape.oneOf && { enum: [...shape.oneOf] }), ...(shape.format && { format: shape.format }) };
    case 'integer':
      return { type: 'integer', format: 'int64' };
    case 'number':
      return { type: 'number', format: 'double' };
    case 'boolean':
      return { type: 'boolean' };
    case 'any':
    case 'kubernetes':
      return { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    case 'list':
      return { type: 'array', items: schemaOf(shape.of, components) };
    case 'map':
      return { type: 'object', additionalProperties: schemaOf(shape.of, components) };
    case 'object':
      component(shape, components);
      return reference(shape.name);
  }
}

function component(shape: Extract<Shape, { t: 'object' }>, components: Map<string, Schema>): void {
  const name = prefix + shape.name;
  if (components.has(name)) return;
  const schema: Schema = { type: 'object' };
  components.set(name, schema);
  const required = Object.entries(shape.fields).filter(([, f]) => f.required).map(([n]) => n);
  if (required.length) schema.required = required;
  schema.properties = Object.fromEntries(Object.entries(shape.fields).map(([n, f]) => {
    const inner = schemaOf(f.shape, components);
    return [n, '$ref' in inner ? { description: f.text, allOf: [inner] } : { ...inner, description: f.text }];
  }));
}

const about: Readonly<Record<string, string>> = {
  SchedulingTrace: 'SchedulingTrace is one attempt of the scheduler to schedule one pod: what it came to, and why.',
  QueuedPod: 'QueuedPod is a pod in the scheduling queue: its lane, since when, and why.',
  SchedulingReview: 'SchedulingReview asks what the scheduler would do for a pod, with edits to the cluster. It creates nothing.',
  SchedulingBreakpoint: 'SchedulingBreakpoint holds the scheduling cycles of pods of its namespace that match.',
  HeldCycle: 'HeldCycle is a scheduling cycle at a breakpoint.',
  CycleCommand: 'CycleCommand steps, edits, resumes, aborts or renews a held cycle.',
};

const actionOf: Readonly<Record<string, { readonly method: string; readonly action: string }>> = {
  get: { method: 'get', action: 'get' }, list: { method: 'get', action: 'list' }, create: { method: 'post', action: 'post' }, update: { method: 'put', action: 'put' }, patch: { method: 'patch', action: 'patch' }, delete: { method: 'delete', action: 'delete' }, deletecollection: { method: 'delete', action: 'deletecollection' },
};

/** By the group version's path, as `/openapi/v3` lists documents. */
export function openApiDocuments(): ReadonlyMap<string, object> {
  const components = new Map<string, Schema>();
  for (const [kind, shape] of Object.entries(kinds)) {
    component(shape, components);
    Object.assign(components.get(prefix + kind)!, { description: about[kind], 'x-kubernetes-group-version-kind': [gvk(kind)] });
  }
  for (const { name, kind, verbs } of resources) {
    if (!verbs.includes('list') || name.includes('/')) continue;
    const shape = listOf(kind, kinds[kind]);
    component(shape, components);
    Object.assign(components.get(prefix + shape.name)!, { description: `${kind}List is a list of ${kind}.`, 'x-kubernetes-group-version-kind': [gvk(`${kind}List`)] });
  }
  const paths: Record<string, Record<string, unknown>> = {};
  const add = (path: string, verb: string, kind: string, of: string) => {
    const { method, action } = actionOf[verb];
    const item = (paths[path] ??= {});
    item[method] = {
      operationId: `${verb}LabPilothouseDevV1${of}`, tags: ['labPilothouseDev_v1'],
      ...(['post', 'put', 'patch'].includes(method) && { parameters: [{ name: 'dryRun', in: 'query', schema: { type: 'string' } }, { name: 'fieldValidation', in: 'query', schema: { type: 'string' } }], requestBody: { content: { [method === 'patch' ? 'application/merge-patch+json' : 'application/json']: { schema: reference(kind) } } } }),
      responses: { [method === 'post' ? '201' : '200']: { description: 'OK', content: { 'application/json': { schema: reference(verb === 'list' ? `${kind}List` : kind) } } } },
      'x-kubernetes-action': action, 'x-kubernetes-group-version-kind': gvk(kind),
    };
  };
  const root = `/apis/${labGroup}/${labVersion}`;
  for (const { name, kind, verbs } of resources) {
    const [plural, sub] = name.split('/');
    const collection = `${root}/namespaces/{namespace}/${plural}`;
    for (const verb of verbs) {
      if (!actionOf[verb]) continue;
      const single = ['get', 'delete', 'update', 'patch'].includes(verb) || sub;
      add(single ? `${collection}/{name}${sub ? `/${sub}` : ''}` : collection, verb, kind, `Namespaced${kind}`);
      if (verb === 'list') add(`${root}/${plural}`, 'list', kind, `${kind}ForAllNamespaces`);
    }
  }
  const document = { openapi: '3.0.0', info: { title: 'Pilothouse scheduler lab', version: labVersion }, paths, components: { schemas: Object.fromEntries([...components].sort(([a], [b]) => (a < b ? -1 : 1))) } };
  return new Map([[`apis/${labGroup}/${labVersion}`, document]]);
}
