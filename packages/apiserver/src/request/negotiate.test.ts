import { StatusError } from '@pilothouse/apimachinery';
import { expect, test } from 'vitest';
import { negotiate, parseAccept, statusFormat } from './negotiate.ts';
import { statusAnswer } from './respond.ts';

const shown = (accept: string, query = '', agent = 'test/1', protobuf = true): string => {
  try {
    const { format, pretty, as } = negotiate({ accept, 'user-agent': agent }, new URLSearchParams(query), true, protobuf);
    return `${format}${pretty ? ' pretty' : ''}${as ? ` ${as.kind} ${as.version}` : ''}`;
  } catch (error) {
    return (error as StatusError).status.message!.split('\n')[0];
  }
};
const none = 'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf';

test.each([
  ['', 'json'],
  ['*/*', 'json'],
  ['application/yaml', 'yaml'],
  ['application/json;q=0.5, application/yaml', 'yaml'],
  // What names a type goes before a wildcard, whatever their quality.
  ['*/*, application/yaml;q=0.1', 'yaml'],
  ['text/html, */*;q=0.1', 'json'],
  ['text/html', '406: Not Acceptable'],
  ['application/*', '406: Not Acceptable'],
  ['application/cbor', '406: Not Acceptable'],
  ['application/cbor, application/json;as=Nothing;v=v1;g=meta.k8s.io', none],
  ['application/json;as=Table;v=v1;g=meta.k8s.io', 'json Table v1'],
  ['application/json;as=Table;v=v2;g=meta.k8s.io,application/json', 'json'],
  ['application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json', 'json'],
  ['*/*;as=Table;v=v1;g=meta.k8s.io', 'json Table v1'],
  ['application/json;stream=watch', 'json'],
  ['application/json;stream=other', none],
  ['application/yaml;stream=watch', none],
  ['application/json;sv=v1', 'json'],
  ['application/json;sv=v2', none],
  ['application/json;pretty=1', 'json pretty'],
])('Accept: %s is answered with %s', (accept, wanted) => {
  expect(shown(accept)).toBe(wanted);
});

test.each([
  ['pretty=true', 'test/1', 'json pretty'],
  ['pretty=1', 'test/1', 'json pretty'],
  ['pretty=yes', 'test/1', 'json'],
  ['pretty=', 'test/1', 'json'],
  ['', 'curl/8', 'json pretty'],
  ['pretty=', 'curl/8', 'json pretty'],
  ['pretty=false', 'curl/8', 'json'],
])('?%s from %s is %s', (query, agent, wanted) => {
  expect(shown('application/json', query, agent)).toBe(wanted);
});

test('custom objects have no protobuf form, their metadata has', () => {
  expect(shown('application/vnd.kubernetes.protobuf', '', 'test/1', false)).toBe(none);
  expect(shown('*/*', '', 'test/1', false)).toBe('json');
  expect(shown('application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;v=v1;g=meta.k8s.io', '', 'test/1', false)).toBe('protobuf PartialObjectMetadata v1');
});

test('what is no clause is left out', () => {
  expect(parseAccept('json, a/b/c, *, a/b;q').map((clause) => clause.type)).toEqual(['a/b', '*/*']);
});

test('a failure is told in a form the client takes, and in indented JSON where it takes none', () => {
  const error = new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'no', reason: 'TooManyRequests', details: { retryAfterSeconds: 3 }, code: 429 });
  const answered = (accept: string, url = '/api', agent = 'test/1') => {
    const { headers, body } = statusAnswer(error, { headers: { accept, 'user-agent': agent }, url });
    return { headers, text: Buffer.from(body as Uint8Array).toString() };
  };
  expect(statusFormat('application/json;as=Table;v=v1;g=meta.k8s.io')).toBeUndefined();
  expect(answered('application/json;as=Table;v=v1;g=meta.k8s.io').text).toMatch(/^{\n {2}"kind": "Status",[\s\S]*}$/);
  expect(answered('application/yaml').text).toContain('code: 429');
  expect(answered('').text).toMatch(/^{"kind"/);
  expect(answered('', '/api?pretty=true').text).toMatch(/^{\n/);
  expect(answered('', '/api', 'curl/8').text).toMatch(/^{\n/);
  expect(answered('').headers['retry-after']).toBe('3');
});
