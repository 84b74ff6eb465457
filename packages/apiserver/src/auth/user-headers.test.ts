import { expect, test } from 'vitest';
import { separateHeaders, unescapeExtraKey } from './headers.ts';
import { escapeExtraKey, userHeaders, withoutIdentity } from './user-headers.ts';

test('whoever is told of in headers is read from them again', () => {
  const headers = userHeaders({ name: 'jürgen', uid: 'u', groups: ['a, b', 'Söhne'], extra: { 'example.com/why': ['1', '2'], none: [] } });
  expect(Object.keys(headers)).toEqual(['x-remote-user', 'x-remote-uid', 'x-remote-group', 'x-remote-extra-example.com%2fwhy']);
  const raw = Object.entries(headers).flatMap(([name, value]) => [value].flat().flatMap((one) => [name, one]));
  expect(separateHeaders(headers, raw)).toEqual({ 'x-remote-user': ['jürgen'], 'x-remote-uid': ['u'], 'x-remote-group': ['a, b', 'Söhne'], 'x-remote-extra-example.com%2fwhy': ['1', '2'] });
  for (const key of ['a/b', '100%', 'ü']) expect(unescapeExtraKey(escapeExtraKey(key))).toBe(key);
});

test('nothing that would begin another header gets into one', () => {
  expect(() => userHeaders({ name: 'a\r\nx-remote-group: system:masters', groups: [] })).toThrow('net/http: invalid header field value for "X-Remote-User"');
  expect(() => userHeaders({ name: 'a', groups: ['\0'] })).toThrow('"X-Remote-Group"');
});

test('what a client says of itself does not go on', () => {
  expect(withoutIdentity({ authorization: 'x', 'impersonate-user': 'x', 'x-remote-user': 'x', 'x-remote-extra-a': 'x', accept: 'a' })).toEqual({ accept: 'a' });
});
