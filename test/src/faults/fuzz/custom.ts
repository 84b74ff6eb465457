/** A custom resource for the cases to be about, beside the built-in ones. */
import type { ResourceFacts } from '@pilothouse/api-schemas';

export const things: ResourceFacts = { group: 'things.example.com', version: 'v1', name: 'things', singularName: 'thing', kind: 'Thing', namespaced: true, verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] };

const text = { type: 'string' };
const spec = {
  type: 'object',
  properties: {
    size: { type: 'integer', minimum: 0, maximum: 1_000, default: 1 },
    ratio: { type: 'number' },
    on: { type: 'boolean', nullable: true },
    name: { ...text, maxLength: 20, pattern: '^[a-z-]*$' },
    port: { 'x-kubernetes-int-or-string': true },
    tags: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
    parts: { type: 'array', items: { type: 'object', required: ['id'], properties: { id: text, n: { type: 'integer' } } }, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['id'] },
    map: { type: 'object', additionalProperties: text },
    any: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    raw: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
  },
};

/** What defines it. */
export const thingsDefinition = {
  metadata: { name: 'things.things.example.com' },
  spec: { group: things.group, scope: 'Namespaced', names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' }, versions: [{ name: 'v1', served: true, storage: true, subresources: { status: {} }, schema: { openAPIV3Schema: { type: 'object', properties: { spec, status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } } } }] },
};

/** A thing that is accepted. */
export const thing = { spec: { size: 3, ratio: 0.5, on: true, name: 'a-b', port: 'http', tags: ['a', 'b'], parts: [{ id: 'x', n: 1 }], map: { k: 'v' }, any: { deep: [{ a: 1 }] }, raw: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } } } };
