import { expect, test } from 'vitest';
import { keepPaths, mergeSwagger } from './merge-swagger.ts';

const refersTo = (name: string) => ({ get: { responses: { 200: { schema: { $ref: `#/definitions/${name}` } } } } });
const gvk = (kind: string) => ({ 'x-kubernetes-group-version-kind': [{ group: 'g', kind, version: 'v1' }] });

test('only the paths that are wanted stay, with the definitions they use; what nobody used stays too', () => {
  const document = { paths: { '/apis/g/v1/a': refersTo('A'), '/apis/h/v1/b': refersTo('B') }, definitions: { A: { properties: { inner: { $ref: '#/definitions/Inner' } } }, B: {}, Inner: {}, Unused: {} } };
  expect(keepPaths(document, (path) => path.startsWith('/apis/g/v1/'))).toEqual({ paths: { '/apis/g/v1/a': refersTo('A') }, definitions: { A: document.definitions.A, Inner: {}, Unused: {} } });
});

test('paths that are there stay as they are; definitions of another meaning get another name, everywhere', () => {
  const into: any = { paths: { '/x': refersTo('X') }, definitions: { X: { type: 'object' }, Same: { type: 'string', ...gvk('Same') }, X_v2: { type: 'number' } } };
  mergeSwagger(into, { paths: { '/x': refersTo('Other'), '/y': refersTo('X') }, definitions: { X: { type: 'string', properties: { self: { $ref: '#/definitions/X' } } }, Same: { type: 'string', ...gvk('Other') }, Other: {} } });
  expect(into.paths).toEqual({ '/x': refersTo('X'), '/y': refersTo('X_v3') });
  expect(into.definitions).toEqual({ X: { type: 'object' }, X_v2: { type: 'number' }, X_v3: { type: 'string', properties: { self: { $ref: '#/definitions/X_v3' } } }, Same: { type: 'string', 'x-kubernetes-group-version-kind': [...gvk('Same')['x-kubernetes-group-version-kind'], ...gvk('Other')['x-kubernetes-group-version-kind']] } });
});

test('a name given before is given again to the same definition; a document without new paths adds nothing', () => {
  const into: any = { paths: {}, definitions: { X: { type: 'object' }, X_v2: { type: 'number' } } };
  mergeSwagger(into, { paths: { '/y': refersTo('X') }, definitions: { X: { type: 'number' } } });
  expect([into.paths, Object.keys(into.definitions)]).toEqual([{ '/y': refersTo('X_v2') }, ['X', 'X_v2']]);
  mergeSwagger(into, { paths: { '/y': refersTo('Z') }, definitions: { Z: {} } });
  expect(Object.keys(into.definitions)).toEqual(['X', 'X_v2']);
});
