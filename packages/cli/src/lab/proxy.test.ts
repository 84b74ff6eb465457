import { describe, expect, test } from 'vitest';
import { refusal } from './proxy.ts';

const ok = { host: '127.0.0.1:8001' };
const cases: [string, Record<string, string>, string, string, number | undefined][] = [
  ['a page of its own', { ...ok, origin: 'http://127.0.0.1:8001', 'sec-fetch-site': 'same-origin' }, 'POST', '/api/v1/namespaces', undefined],
  ['localhost by name', { host: 'localhost:8001' }, 'GET', '/api/v1/nodes', undefined],
  ['a link followed from elsewhere to the page', { ...ok, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, 'GET', '/lab/', undefined],
  ['a link followed from elsewhere to the API', { ...ok, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, 'GET', '/api/v1/nodes', 403],
  ['a name that was made to mean loopback', { host: 'lab.evil.example:8001' }, 'GET', '/api/v1/nodes', 403],
  ['no host', {}, 'GET', '/api/v1/nodes', 403],
  ['another port of loopback', { ...ok, origin: 'http://127.0.0.1:9999' }, 'DELETE', '/api/v1/nodes/a', 403],
  ['a form of another site', { ...ok, 'sec-fetch-site': 'cross-site' }, 'POST', '/api/v1/namespaces', 403],
  ['a page without origin', { ...ok, origin: 'null' }, 'POST', '/api/v1/namespaces', 403],
  ['exec', ok, 'GET', '/api/v1/namespaces/a/pods/b/exec', 403],
  ['a node\'s proxy', ok, 'GET', '/api/v1/nodes/a/proxy/logs', 403],
];

describe('whom the lab on loopback answers', () => {
  test.each(cases)('%s', (_name, headers, method, path, status) => {
    expect(refusal(headers, method, path, 8001)?.status).toBe(status);
  });
});
