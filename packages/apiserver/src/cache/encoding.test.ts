import { expect, test } from 'vitest';
import { encodeStored, findSplice, fromStore, lengthWithRevision, headOf, replaceRevision, withRevision } from './encoding.ts';

const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { labels: { b: 'ü' }, uid: 'u-1', name: 'a', resourceVersion: '9', ownerReferences: [{ uid: 'other' }] }, data: { x: '"uid":"no"' } } as any;

const readerOf = (kind: string) => ({ head: headOf('v1', kind), foreign: (value: Buffer) => JSON.parse(value.toString()) });

test('the store keeps no revision; one is spliced in behind the uid, and can be replaced', () => {
  const stored = encodeStored(object);
  expect(stored.bytes.toString()).not.toContain('resourceVersion');
  expect(findSplice(stored.bytes)).toBe(stored.splice);
  const spliced = withRevision(stored, 12);
  expect(spliced.toString()).toContain('"uid":"u-1","resourceVersion":"12","labels"');
  expect(lengthWithRevision(stored, 12)).toBe(spliced.length);
  expect(JSON.parse(replaceRevision(spliced, stored.splice, 1234).toString()).metadata.resourceVersion).toBe('1234');
  expect(fromStore({ key: '/a', value: stored.bytes }, 12, readerOf('ConfigMap')).bytes.equals(spliced)).toBe(true);
});

test.each([
  ['fields sorted by name, as custom resources of kube-apiserver', '{"apiVersion":"v1","kind":"X","metadata":{"annotations":{"uid":"no"},"name":"a","uid":"yes"}}'],
  ['a revision left inside', '{"kind":"X","apiVersion":"v1","metadata":{"name":"a","uid":"yes","resourceVersion":"3"}}'],
  ['a line\'s end behind it', '{"kind":"X","apiVersion":"v1","metadata":{"name":"a","uid":"yes"}}\n'],
])('%s is read all the same', (_, text) => {
  expect(JSON.parse(fromStore({ key: '/a', value: Buffer.from(text) }, 7, readerOf('X')).bytes.toString()).metadata).toMatchObject({ uid: 'yes', resourceVersion: '7' });
});

test('an object ends with one line\'s end, whoever wrote it', () => {
  const { bytes } = fromStore({ key: '/a', value: Buffer.from('{"kind":"X","apiVersion":"v1","metadata":{"name":"a","uid":"u"}}\n') }, 7, readerOf('X'));
  expect(bytes.toString()).toBe('{"kind":"X","apiVersion":"v1","metadata":{"name":"a","uid":"u","resourceVersion":"7"}}\n');
});

test('names of any letters do not shift the place of the revision', () => {
  const stored = encodeStored({ ...object, metadata: { name: '\u202eñ\u{1F600}', uid: 'u-1' } });
  const spliced = withRevision(stored, 12);
  expect(JSON.parse(spliced.toString()).metadata).toEqual({ name: '\u202eñ\u{1F600}', uid: 'u-1', resourceVersion: '12' });
  expect(lengthWithRevision(stored, 12)).toBe(spliced.length);
  expect(JSON.parse(replaceRevision(spliced, stored.splice, 1234).toString()).metadata.resourceVersion).toBe('1234');
});
