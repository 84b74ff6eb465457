import { typeOfKind, type TypeSchema } from '@pilothouse/api-schemas';
import { describe, expect, test } from 'vitest';
import { StatusError } from '../status.ts';
import { applyJsonPatch, readJsonPatch } from './json-patch.ts';
import { applyMergePatch } from './merge-patch.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';

const codeOf = (work: () => unknown): number => {
  try {
    work();
    return 200;
  } catch (error) {
    if (error instanceof StatusError) return error.code;
    throw error;
  }
};
const frozen = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null) for (const child of Object.values(Object.freeze(value))) frozen(child);
  return value;
};

describe('a JSON patch', () => {
  const doc = frozen({ a: { b: [1, 2, 3] }, 'x/y': 1, 'm~n': 2 });
  test.each([
    [[{ op: 'add', path: '/a/b/1', value: 9 }], { ...doc, a: { b: [1, 9, 2, 3] } }],
    [[{ op: 'add', path: '/a/b/-', value: 4 }], { ...doc, a: { b: [1, 2, 3, 4] } }],
    [[{ op: 'remove', path: '/a/b/-1' }], { ...doc, a: { b: [1, 2] } }],
    [[{ op: 'replace', path: '/x~1y', value: 5 }, { op: 'replace', path: '/m~0n', value: 6 }], { a: doc.a, 'x/y': 5, 'm~n': 6 }],
    [[{ op: 'replace', path: '/new', value: 1 }], { ...doc, new: 1 }],
    [[{ op: 'move', from: '/a/b', path: '/c' }], { a: {}, 'x/y': 1, 'm~n': 2, c: [1, 2, 3] }],
    [[{ op: 'copy', from: '/a', path: '/c' }, { op: 'add', path: '/c/b/0', value: 0 }, { op: 'add', path: '/a/z', value: 1 }], { ...doc, a: { b: [1, 2, 3], z: 1 }, c: { b: [0, 1, 2, 3] } }],
    [[{ op: 'test', path: '/a', value: { b: [1, 2, 3] } }], doc],
  ])('%j is carried out without touching the original', (operations, wanted) => {
    expect(applyJsonPatch(doc, operations)).toEqual(wanted);
  });
  test.each([
    [{ op: 'test', path: '/a/b/0', value: 2 }], [{ op: 'remove', path: '/none' }], [{ op: 'remove', path: '/a/b/3' }], [{ op: 'add', path: '/no/deep', value: 1 }], [{ op: 'add', path: '/a/b/5', value: 1 }], [{ op: 'move', path: '/x' }], [{ op: 'what', path: '/x' }], [{ path: '/x' }],
  ])('%j cannot be applied: 422', (operation) => {
    expect(codeOf(() => applyJsonPatch(doc, [operation]))).toBe(422);
  });
  test('a body of another shape is a bad request, too many operations are too large, unknown keys are strict findings', () => {
    expect(() => readJsonPatch({})).toThrow('error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp');
    expect(() => readJsonPatch([1])).toThrow('json: cannot unmarshal number into Go value of type handlers.jsonPatchOp');
    expect(codeOf(() => readJsonPatch(Array.from({ length: 10_001 }, () => ({ op: 'test' }))))).toBe(413);
    expect(readJsonPatch([{ op: 'add', path: '/a', val: 1 }]).strictErrors).toEqual(['unknown field "[0].val"']);
  });
});

describe('a merge patch', () => {
  test.each([
    [{ a: { b: 1, c: 2 }, l: [1] }, { a: { b: null, d: { e: null, f: 1 } }, l: [{ x: null }, null] }, { a: { c: 2, d: { f: 1 } }, l: [{}, null] }],
    [{ a: 1 }, { a: { b: null } }, { a: {} }],
    [{ a: {} }, { a: [1] }, { a: [1] }],
  ])('of %j with %j gives %j', (doc, patch, wanted) => {
    expect(applyMergePatch(frozen(doc) as Record<string, unknown>, patch)).toEqual(wanted);
  });
  test.each([[null], [[]], ['x'], [1]])('%j is a bad request', (patch) => {
    expect(codeOf(() => applyMergePatch({}, patch))).toBe(400);
  });
});

describe('a strategic merge patch', () => {
  const podType = typeOfKind('', 'v1', 'Pod') as TypeSchema;
  const pod = frozen({
    metadata: { name: 'p', finalizers: ['a/1', 'a/2'], labels: { x: 'y' } },
    spec: {
      containers: [{ name: 'a', image: '1', env: [{ name: 'A', value: '1' }] }, { name: 'b', image: '2', args: ['x'] }],
      volumes: [{ name: 'v', emptyDir: {} }],
      nodeSelector: { z: '1' },
    },
  });
  type Pod = typeof pod & { spec: Record<string, unknown>; metadata: Record<string, unknown> };
  const patched = (patch: unknown): Pod => applyStrategicMergePatch(pod, frozen(patch), podType) as Pod;

  test('merges lists by key, new elements first unless an order is set', () => {
    expect(patched({ spec: { containers: [{ name: 'c', image: '3' }, { name: 'b', image: '9' }] } }).spec.containers.map((c) => [c.name, c.image])).toEqual([['c', '3'], ['a', '1'], ['b', '9']]);
    expect(patched({ spec: { '$setElementOrder/containers': [{ name: 'b' }, { name: 'c' }, { name: 'a' }], containers: [{ name: 'c', image: '3' }] } }).spec.containers.map((c) => c.name)).toEqual(['b', 'c', 'a']);
  });
  test('puts what stays before what is new where an element is deleted at the same time', () => {
    const change = { spec: { '$setElementOrder/containers': [{ name: 'c' }], containers: [{ name: 'c' }, { name: 'a', $patch: 'delete' }] } };
    expect(patched(change).spec.containers.map((c) => c.name)).toEqual(['b', 'c']);
  });
  test('replaces lists that have no merge strategy, and deletes with null', () => {
    const { spec } = patched({ spec: { containers: [{ name: 'b', args: ['y'], image: null }], nodeSelector: null } });
    expect(spec).toEqual({ ...pod.spec, containers: [pod.spec.containers[0], { name: 'b', args: ['y'] }], nodeSelector: undefined });
  });
  test('carries out $patch, $retainKeys and $deleteFromPrimitiveList', () => {
    expect(patched({ spec: { containers: [{ name: 'a', $patch: 'delete' }] } }).spec.containers.map((c) => c.name)).toEqual(['b']);
    expect(patched({ spec: { containers: [{ $patch: 'replace' }, { name: 'z', image: 'z' }] } }).spec.containers).toEqual([{ name: 'z', image: 'z' }]);
    expect(patched({ spec: { nodeSelector: { $patch: 'replace', new: '2' } } }).spec.nodeSelector).toEqual({ new: '2' });
    expect(patched({ spec: { volumes: [{ name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/x' } }] } }).spec.volumes).toEqual([{ name: 'v', hostPath: { path: '/x' } }]);
    expect(patched({ metadata: { '$deleteFromPrimitiveList/finalizers': ['a/1'], finalizers: ['a/3'] } }).metadata.finalizers).toEqual(['a/3', 'a/2']);
  });
  test.each([
    [{ spec: { containers: [{ image: 'x' }] } }, 500], [{ spec: { containers: [{ name: 'a', $patch: 'what' }] } }, 500], [{ spec: { $retainKeys: 'x' } }, 400], [{ spec: { volumes: [{ name: 'v', $retainKeys: ['name'], hostPath: {} }] } }, 400],
    [{ spec: { '$setElementOrder/containers': [{ name: 'q' }], containers: [{ name: 'c' }] } }, 500], [[], 400], ['x', 400],
  ])('%j is refused', (patch, code) => {
    expect(codeOf(() => patched(patch))).toBe(code);
  });
});
