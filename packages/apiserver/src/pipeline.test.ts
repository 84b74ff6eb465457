import { expect, test } from 'vitest';
import { startTestApi } from './handlers/testing.ts';

test('every answer over a wire says under which id it is audited: the client’s own, or a new one', async () => {
  const api = await startTestApi();
  const id = async (url: string, headers?: Record<string, string>) => (await api.call('GET', url, undefined, headers)).headers['audit-id'];
  expect(await id('/api/v1/pods', { 'audit-id': 'mine' })).toBe('mine');
  const [one, other] = [await id('/api/v1/pods'), await id('/api/v1/namespaces/default/pods/none')];
  expect(one).toMatch(/^[0-9a-f-]{36}$/);
  expect(other).not.toBe(one);
  const seen = await api.server.handle({ method: 'GET', url: '/api/v1/pods', headers: {}, wantObjects: true, signal: new AbortController().signal });
  expect(seen.headers).toEqual({});
  await api.close();
});

test.each([
  ['/api/v1/watch', 500, 'Internal Server Error: "/api/v1/watch": failed to create RequestInfo: unable to determine kind and namespace from url, /api/v1/watch\n'],
  ['/api/v1/pods/%zz', 400, '400 Bad Request'],
])('the path %s is answered %i before anything is asked', async (url, status, text) => {
  const api = await startTestApi({ authorizers: [{ name: 'none', authorize: () => ({ decision: 'deny' }) }] });
  const answer = await api.call('GET', url);
  expect([answer.status, answer.body]).toEqual([status, text]);
  await api.close();
});

test('only verbs on many objects are authorized by selectors', async () => {
  const asked: unknown[] = [];
  const api = await startTestApi({ authorizers: [{ name: 'note', authorize: ({ verb, fieldSelector, name }) => (asked.push([verb, name, fieldSelector]), { decision: 'deny' }) }] });
  const selector = 'fieldSelector=metadata.name%3Da';
  for (const url of [`/api/v1/pods?${selector}`, `/api/v1/pods?watch=1&${selector}`, `/api/v1/namespaces/n/pods/a?${selector}`, `/api/v1/watch/pods?${selector}`]) await api.call('GET', url);
  expect(asked).toEqual([
    ['list', 'a', 'metadata.name=a'],
    ['watch', 'a', 'metadata.name=a'],
    ['get', 'a', undefined],
    ['watch', '', undefined],
  ]);
  await api.close();
});
