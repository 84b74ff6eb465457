import { typeOfKind, type TypeSchema } from '@pilothouse/api-schemas';
import type { ManagedFieldsEntry } from '@pilothouse/api-schemas/types/meta/v1';
import { describe, expect, test } from 'vitest';
import { decodeObject } from '../schema/index.ts';
import { StatusError } from '../status.ts';
import { CreatedFieldSets } from './create.ts';
import { applyServerSide, deducedValue, excludeFields, type FieldSet, fieldTypeOf, fieldTypeOfCustomResource, includeFields, keepTimesOfNoChange, type ManagedObject, type OwnershipContext, pathsOf, readFieldSet, type UpdateOwnership, updateManagedFields } from './index.ts';

const time = '2026-01-01T00:00:00Z';
const later = '2026-01-01T00:01:00Z';
const podType = typeOfKind('', 'v1', 'Pod') as TypeSchema;
const mapType = typeOfKind('', 'v1', 'ConfigMap') as TypeSchema;
const emptyOf = (type: TypeSchema) => decodeObject(type, {}).object as ManagedObject;

const configMap = (data: Record<string, string> | undefined, managedFields?: ManagedFieldsEntry[]): ManagedObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: 'y', uid: 'u', ...(managedFields && { managedFields }) } as ManagedObject['metadata'] & object, ...(data && { data }) });
const entry = (manager: string, operation: string, fieldsV1: unknown, more: Partial<ManagedFieldsEntry> = {}): ManagedFieldsEntry => ({ manager, operation, apiVersion: 'v1', time, fieldsType: 'FieldsV1', fieldsV1, ...more });
const context = (type: TypeSchema = mapType): OwnershipContext => ({ type: fieldTypeOf(type), apiVersion: 'v1', time: later, filter: excludeFields(['status']) });
const update = (live: ManagedObject, updated: ManagedObject, manager: string, more: Partial<UpdateOwnership> = {}) => updateManagedFields({ ...context(), live, updated, manager, ...more });
const owners = (entries: ManagedFieldsEntry[] | undefined) => Object.fromEntries((entries ?? []).map((e) => [`${e.manager}/${e.operation}${e.subresource ? `/${e.subresource}` : ''}`, pathsOf(e.fieldsV1 as FieldSet)]));

describe('an update', () => {
  test('of a new pod owns what it sets, in the order in which Kubernetes writes it', () => {
    const pod = decodeObject(podType, {
      apiVersion: 'v1', kind: 'Pod',
      metadata: { name: 'p', namespace: 'n', labels: { b: '1', a: '2' }, finalizers: ['x/b', 'x/a'] },
      spec: { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 8080 }, { containerPort: 80, protocol: 'UDP' }] }], tolerations: [{ key: 'k' }], nodeSelector: { z: 'z' } },
    }).object as ManagedObject;
    const entries = updateManagedFields({ ...context(podType), live: emptyOf(podType), isNew: true, updated: pod, manager: '' });
    expect(JSON.stringify(entries)).toBe(
      JSON.stringify([
        {
          manager: 'unknown', operation: 'Update', apiVersion: 'v1', time: later, fieldsType: 'FieldsV1',
          fieldsV1: {
            'f:metadata': { 'f:finalizers': { '.': {}, 'v:"x/a"': {}, 'v:"x/b"': {} }, 'f:labels': { '.': {}, 'f:a': {}, 'f:b': {} } },
            'f:spec': {
              'f:containers': { 'k:{"name":"c"}': { '.': {}, 'f:image': {}, 'f:name': {}, 'f:ports': { '.': {}, 'k:{"containerPort":80,"protocol":"UDP"}': { '.': {}, 'f:containerPort': {}, 'f:protocol': {} }, 'k:{"containerPort":8080,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } }, 'f:resources': {} } },
              'f:nodeSelector': {},
              'f:tolerations': {},
            },
          },
        },
      ]),
    );
  });

  test('of new objects is the same when remembered by shape, and shared by objects of one shape', () => {
    const made = (labels: object, spec: object) => decodeObject(podType, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', labels }, spec }).object as ManagedObject;
    const sets = new CreatedFieldSets(3);
    const one = { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80 }] }] };
    const shapes = [[{ a: '1' }, one], [{ a: '2' }, one], [{ b: '1' }, one], [{}, one], [{ a: '1' }, { ...one, nodeName: 'n', tolerations: [] }], [{ a: '1' }, { containers: [{ name: 'c' }, { name: 'c' }] }], [{ 'a}f:b': '1' }, {}]] as const;
    for (const [labels, spec] of [...shapes, ...shapes]) {
      const change = { ...context(podType), live: emptyOf(podType), isNew: true, updated: made(labels, spec), manager: 'm' };
      expect(JSON.stringify(sets.entriesOf(change))).toBe(JSON.stringify(updateManagedFields(change)));
    }
    const entriesOf = (label: string) => sets.entriesOf({ ...context(podType), live: emptyOf(podType), isNew: true, updated: made({ a: label }, one), manager: 'm' });
    expect(entriesOf('x')?.[0].fieldsV1).toBe(entriesOf('y')?.[0].fieldsV1);
  });

  const first = entry('one', 'Update', { 'f:data': { '.': {}, 'f:a': {}, 'f:b': {} } });

  test('takes fields that it changes from their owners and forgets those it removes', () => {
    const live = configMap({ a: '1', b: '2' }, [first]);
    const entries = update(live, configMap({ a: '1', b: '3', c: '4' }, [first]), 'two');
    expect(owners(entries)).toEqual({ 'one/Update': ['.data', '.data.a'], 'two/Update': ['.data.b', '.data.c'] });
    expect(entries?.map((e) => e.time)).toEqual([time, later]);
    expect(owners(update(live, configMap(undefined, [first]), 'two'))).toEqual({});
  });

  test('that changes nothing leaves every entry as it was', () => {
    const live = configMap({ a: '1', b: '2' }, [first]);
    expect(update(live, configMap({ a: '1', b: '2' }, [first]), 'one')).toEqual([first]);
  });

  test('without entries of its own keeps the stored ones; an empty entry resets them; what cannot be read is ignored', () => {
    const live = configMap({ a: '1' }, [first]);
    expect(owners(update(live, configMap({ a: '2' }), 'two'))).toEqual({ 'one/Update': ['.data', '.data.b'], 'two/Update': ['.data.a'] });
    expect(update(live, configMap({ a: '2' }, [{}]), 'two')).toBeUndefined();
    expect(owners(update(live, configMap({ a: '1' }, [{ ...first, operation: 'Nope' }]), 'two'))).toEqual({ 'one/Update': ['.data', '.data.a', '.data.b'] });
  });

  test('through a subresource is an entry of its own and owns only what may be set there', () => {
    const live = { ...decodeObject(podType, { metadata: { name: 'p', uid: 'u' }, spec: { containers: [] } }).object, metadata: { name: 'p', uid: 'u', managedFields: [entry('one', 'Update', { 'f:spec': { 'f:nodeName': {} } })] } } as ManagedObject;
    const updated = { ...live, spec: { containers: [], nodeName: 'changed' }, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } };
    const entries = updateManagedFields({ ...context(podType), subresource: 'status', filter: excludeFields(['spec']), live, updated, manager: 'kubelet' });
    expect(owners(entries)).toEqual({ 'one/Update': ['.spec.nodeName'], 'kubelet/Update/status': ['.status.conditions', '.status.phase', '.status.conditions[type="Ready"]', '.status.conditions[type="Ready"].status', '.status.conditions[type="Ready"].type'] });
  });

  test('of an eleventh manager merges the oldest into one', () => {
    const many = Array.from({ length: 11 }, (_, i) => entry(`m${String(i).padStart(2, '0')}`, 'Update', { 'f:data': { [`f:k${i}`]: {} } }, { time: `2026-01-01T00:00:${String(i).padStart(2, '0')}Z` }));
    const data = Object.fromEntries(many.map((_, i) => [`k${i}`, 'v']));
    const entries = update(configMap(data, many), configMap({ ...data, extra: '1' }, many), 'last');
    expect(entries?.map((e) => e.manager)).toEqual(['ancient-changes', 'm03', 'm04', 'm05', 'm06', 'm07', 'm08', 'm09', 'm10', 'last']);
    expect(owners(entries)['ancient-changes/Update']).toEqual(['.data.k0', '.data.k1', '.data.k2']);
  });

  test('that changed only times is no change', () => {
    const stored = [first];
    const next = [{ ...first, time: later }];
    expect(keepTimesOfNoChange(next, stored, () => true)).toBe(stored);
    expect(keepTimesOfNoChange(next, stored, () => false)).toBe(next);
  });
});

describe('an apply', () => {
  const apply = (live: ManagedObject | undefined, applied: object, manager: string, force = false, type = mapType) =>
    applyServerSide({ ...context(type), kind: type.gvk?.[0]?.kind ?? '', live: live ?? emptyOf(type), empty: emptyOf(type), applied: { apiVersion: 'v1', kind: type.gvk?.[0]?.kind, ...applied } as ManagedObject, manager, force }).object;
  const data = (values: Record<string, string>) => ({ metadata: { name: 'x' }, data: values });

  test('owns what it sets, and takes away what it sets no longer, unless somebody else owns it', () => {
    const one = apply(undefined, data({ a: '1', b: '1' }), 'm1');
    const two = apply({ ...one, metadata: { ...one.metadata, uid: 'u' } }, data({ b: '1', c: '1' }), 'm2');
    expect(owners(two.metadata?.managedFields as ManagedFieldsEntry[])).toEqual({ 'm1/Apply': ['.data.a', '.data.b'], 'm2/Apply': ['.data.b', '.data.c'] });
    const three = apply(two, data({ a: '1' }), 'm1');
    expect(three['data']).toEqual({ a: '1', b: '1', c: '1' });
    expect(apply(three, data({}), 'm2')['data']).toEqual({ a: '1' });
  });

  test('over values of others conflicts by field and manager, and wins when forced', () => {
    const live = configMap({ a: '1', b: '1' }, [entry('editor', 'Update', { 'f:data': { '.': {}, 'f:a': {} } }), entry('m1', 'Apply', { 'f:data': { 'f:b': {} } })]);
    let error: StatusError | undefined;
    try {
      apply(live, data({ a: '2', b: '2' }), 'm2');
    } catch (thrown) {
      error = thrown as StatusError;
    }
    expect(error?.status).toMatchObject({ code: 409, reason: 'Conflict', details: { causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "editor" using v1', field: '.data.a' }, { reason: 'FieldManagerConflict', message: 'conflict with "m1"', field: '.data.b' }] } });
    expect(error?.message).toBe('Apply failed with 2 conflicts: conflicts with "editor" using v1:\n- .data.a\nconflicts with "m1":\n- .data.b');
    const forced = apply(live, data({ a: '2' }), 'm2', true);
    expect(owners(forced.metadata?.managedFields as ManagedFieldsEntry[])).toEqual({ 'm1/Apply': ['.data.b'], 'm2/Apply': ['.data.a'], 'editor/Update': ['.data'] });
  });

  test('that takes back all it set leaves the object its name', () => {
    const one = apply(undefined, { metadata: { name: 'x', labels: { a: '1' } } }, 'm1');
    expect(apply(one, data({ a: '1' }), 'm1').metadata).toMatchObject({ name: 'x' });
  });

  test('to an object without managers notes what was there before', () => {
    const applied = apply(configMap({ a: '1' }), data({ b: '1' }), 'm');
    expect(owners(applied.metadata?.managedFields as ManagedFieldsEntry[])).toEqual({ 'm/Apply': ['.data.b'], 'before-first-apply/Update': ['.data', '.data.a'] });
  });

  test('merges lists by their keys in the applied order, and sets by their values', () => {
    const pod = (containers: object[], finalizers: string[]) => ({ metadata: { name: 'p', finalizers }, spec: { containers } });
    const one = apply(undefined, pod([{ name: 'a', image: '1' }, { name: 'b', image: '1' }], ['x/a']), 'm1', false, podType);
    const two = apply(one, pod([{ name: 'c', image: '1' }, { name: 'b', args: ['q'] }], ['x/b', 'x/a']), 'm2', false, podType);
    expect((two['spec'] as { containers: object[] }).containers).toEqual([{ name: 'a', image: '1' }, { name: 'c', image: '1' }, { name: 'b', image: '1', args: ['q'] }]);
    const three = apply(two, { metadata: { name: 'p' }, spec: { containers: [{ name: 'a', image: '1' }] } }, 'm1', false, podType);
    expect((three['spec'] as { containers: object[] }).containers).toEqual([{ name: 'a', image: '1' }, { name: 'c', image: '1' }, { name: 'b', args: ['q'] }]);
    expect((three.metadata as { finalizers?: string[] }).finalizers).toEqual(['x/b', 'x/a']);
  });

  test.each([
    [{ data: { a: 1 } }, 500, 'failed to create typed patch object (/x; /v1, Kind=ConfigMap): .data.a: expected string'],
    [{ nosuch: 1 }, 500, 'failed to create typed patch object (/x; /v1, Kind=ConfigMap): .nosuch: field not declared in schema'],
    [{ metadata: { name: 'x', finalizers: ['a/b', 'a/b'] } }, 500, 'failed to create typed patch object (/x; /v1, Kind=ConfigMap): .metadata.finalizers: duplicate entries for key [="a/b"]'],
    [{ metadata: { name: 'x', managedFields: [] } }, 400, 'metadata.managedFields must be nil'],
    [{ kind: 'Secret' }, 400, 'invalid object type: /v1, Kind=Secret'],
  ])('of %j is refused', (applied, code, message) => {
    const attempt = () => apply(undefined, { metadata: { name: 'x' }, ...applied }, 'm');
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code }));
  });

  test('of kubectl over its own client-side configuration is no conflict, and the annotation follows', () => {
    const configuration = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: 'y' }, data: { a: '1' } };
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(configuration) };
    const live = configMap({ a: '1' }, [entry('kubectl-client-side-apply', 'Update', { 'f:data': { '.': {}, 'f:a': {} } })]);
    const applied = apply({ ...live, metadata: { ...live.metadata, annotations } as ManagedObject['metadata'] & object }, data({ a: '2' }), 'kubectl');
    expect(applied['data']).toEqual({ a: '2' });
    expect(JSON.parse((applied.metadata as { annotations: Record<string, string> }).annotations['kubectl.kubernetes.io/last-applied-configuration'] as string)).toMatchObject({ data: { a: '2' } });
  });
});

test('custom resources follow their schema; without one lists are owned whole and maps key by key', () => {
  const schema = { type: 'object', properties: { spec: { type: 'object', properties: { items: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['id'], items: { type: 'object', properties: { id: { type: 'integer' }, v: { type: 'string' } } } }, open: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } } } };
  const object = { apiVersion: 'g/v1', kind: 'K', metadata: { name: 'a' }, spec: { items: [{ id: 1, v: 'x' }], open: { list: [1], map: { k: 'v' } } } } as ManagedObject;
  const created = (type: OwnershipContext['type']) => owners(updateManagedFields({ type, apiVersion: 'g/v1', time, live: { metadata: {} }, isNew: true, updated: object, manager: 'm' }))['m/Update'];
  expect(created(fieldTypeOfCustomResource(schema))).toEqual(['.spec', '.spec.items', '.spec.open', '.spec.items[id=1]', '.spec.items[id=1].id', '.spec.items[id=1].v', '.spec.open.list', '.spec.open.map', '.spec.open.map.k']);
  expect(created(fieldTypeOfCustomResource(undefined))).toEqual(['.spec', '.spec.items', '.spec.open', '.spec.open.list', '.spec.open.map', '.spec.open.map.k']);
  expect(deducedValue.list?.atomic).toBe(true);
});

test('sets that clients send are brought into one form; unknown kinds of elements are skipped', () => {
  expect(readFieldSet({ 'f:b': {}, 'f:a': { '.': {} }, 'k:{"b":1, "a":2}': {}, 'x:y': {} })).toEqual({ 'f:a': {}, 'f:b': {}, 'k:{"a":2,"b":1}': {} });
  expect(() => readFieldSet({ fa: {} })).toThrow('missing colon: fa');
  expect(() => readFieldSet({ 'f:a': 'x' })).toThrow();
  const only = includeFields(['spec', 'containers', '*', 'resources']);
  expect(only(readFieldSet({ 'f:spec': { 'f:containers': { 'k:{"name":"a"}': { '.': {}, 'f:image': {}, 'f:resources': { 'f:limits': {} } } }, 'f:nodeName': {} } }))).toEqual({ 'f:spec': { 'f:containers': { 'k:{"name":"a"}': { '.': {}, 'f:resources': { 'f:limits': {} } } } } });
});
