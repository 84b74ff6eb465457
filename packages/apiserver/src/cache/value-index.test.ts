import { expect, test } from 'vitest';
import { ResourceCache } from './resource-cache.ts';

const value = (name: string, labels: Record<string, string>) => Buffer.from(JSON.stringify({ kind: 'Pod', apiVersion: 'v1', metadata: { name, namespace: 'ns', uid: name, labels } }));

test('an index made by the first selection follows every later change', () => {
  const cache = new ResourceCache({ prefix: '/registry/pods/', namespaced: true, indexer: { fields: {}, parsed() {} }, reader: { head: Buffer.from('{'), foreign: (value) => JSON.parse(value.toString()) }, clock: { now: () => 0 } });
  let revision = 0;
  const put = (name: string, labels: Record<string, string>) => cache.apply({ type: 'put', key: `/registry/pods/ns/${name}`, value: value(name, labels), revision: ++revision, createRevision: revision });
  const selected = () => cache.withValue('ns', { kind: 'label', name: 'app', value: 'a' }).map((object) => object.name);
  put('z', { app: 'a' });
  put('b', { app: 'b' });
  expect(selected()).toEqual(['z']);
  put('b', { app: 'a' });
  put('c', { app: 'a' });
  expect(selected()).toEqual(['b', 'c', 'z']);
  put('z', {});
  cache.apply({ type: 'delete', key: '/registry/pods/ns/c', value: Buffer.alloc(0), revision: ++revision, createRevision: 0 });
  expect(selected()).toEqual(['b']);
  expect(cache.withValue('other', { kind: 'label', name: 'app', value: 'a' })).toEqual([]);
});
