import { expect, test } from 'vitest';
import { configMapKey, dns1035Label, dns1123Label, dns1123Subdomain, labelValue, nameIsDnsLabel, nameIsDnsSubdomain, nameIsPathSegment, portName, qualifiedName } from './names.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from './object-meta.ts';

test.each([
  [qualifiedName, 'a/b/c', ["a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]],
  [qualifiedName, 'example.com/x', []],
  [qualifiedName, 'a'.repeat(64), ['name part must be no more than 63 bytes']],
  [labelValue, '', []],
  [labelValue, 'x'.repeat(64), ['must be no more than 63 bytes']],
  [dns1123Label, 'a.b', ['must not contain dots']],
  [dns1123Subdomain, 'A', ["a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"]],
  [dns1035Label, '1a', ["a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"]],
  [portName, 'a--b', ['must not contain consecutive hyphens']],
  [configMapKey, '..', ["must not be '..'"]],
  [nameIsPathSegment, 'a/b%', ["may not contain '/'", "may not contain '%'"]],
])('%o of %j reports %j', (check: (value: string) => string[], value: string, texts: string[]) => {
  expect(check(value)).toEqual(texts);
});

test('a generateName may end in a dash', () => {
  expect(nameIsDnsLabel('web-', true)).toEqual([]);
  expect(nameIsDnsLabel('web-')).toHaveLength(1);
});

test('metadata of a new object is reported field by field, in a fixed order', () => {
  const errors = validateObjectMeta(
    {
      namespace: 'Default',
      labels: { ok: 'y', 'bad key': 'v' },
      annotations: { big: 'x'.repeat(256 * 1024) },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Event', name: '', uid: 'u', controller: true }, { apiVersion: 'a/b/c', kind: 'K', name: 'n', uid: 'u', controller: true }],
      finalizers: ['orphan', 'foregroundDeletion'],
    },
    { namespaced: true, name: nameIsDnsSubdomain },
  );
  expect(errors.map((e) => `${e.reason} ${e.field}`)).toEqual([
    'FieldValueRequired metadata.name', 'FieldValueInvalid metadata.namespace', 'FieldValueInvalid metadata.labels', 'FieldValueTooLong metadata.annotations',
    'FieldValueRequired metadata.ownerReferences[0].name', 'FieldValueInvalid metadata.ownerReferences[0]', 'FieldValueInvalid metadata.ownerReferences[1].apiVersion', 'FieldValueInvalid metadata.ownerReferences', 'FieldValueInvalid metadata.finalizers',
  ]);
  expect(validateObjectMeta({ name: 'x', namespace: 'y' }, { namespaced: false, name: nameIsDnsSubdomain })).toEqual([{ reason: 'FieldValueForbidden', field: 'metadata.namespace', message: 'Forbidden: not allowed on this type' }]);
});

test('identity may not change, and no finalizer is added to what is being deleted', () => {
  const old = { name: 'a', uid: '1', resourceVersion: '5', deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['x/y'] };
  expect(validateObjectMetaUpdate({ ...old, name: 'b', finalizers: ['x/y', 'x/z'] }, old)).toEqual([
    { reason: 'FieldValueForbidden', field: 'metadata.finalizers', message: 'Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"x/z"}' },
    { reason: 'FieldValueInvalid', field: 'metadata.name', message: 'Invalid value: "b": field is immutable' },
  ]);
});
