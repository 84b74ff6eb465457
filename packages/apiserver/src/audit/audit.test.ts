import { type ApiRequest, encodeProtobuf, type StatusError, unauthorizedError } from '@pilothouse/apimachinery';
import { fakeClock } from '@pilothouse/base';
import { expect, test } from 'vitest';
import { resourceRequest } from '../auth/testing.ts';
import type { AuditEvent } from '../options.ts';
import { createAudit, parseAuditPolicy } from './index.ts';
import { decideAudit } from './policy.ts';

const policy = parseAuditPolicy(`
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, users: ['system:kube-proxy'], verbs: [watch]}
- {level: Metadata, resources: [{group: '', resources: [secrets, 'pods/log']}]}
- {level: None, nonResourceURLs: ['/healthz*']}
- {level: RequestResponse, namespaces: [a], omitManagedFields: true}
- {level: Metadata}
`);
const jane = { name: 'jane', groups: ['dev'] };

function recorded(attributes: AuditEvent['attributes'], { long = false, impersonated, ...request }: Partial<ApiRequest> & Pick<Partial<AuditEvent>, 'long' | 'impersonated'> = {}, response: any = { status: 200, headers: {} }, failure?: StatusError) {
  const lines: any[] = [];
  const audit = createAudit({ clock: fakeClock() }, policy, { write: (line) => void lines.push(JSON.parse(line)), close: async () => {} });
  const event: AuditEvent = { id: 'the-id', long, ...(impersonated && { impersonated }), request: { method: 'GET', url: '/x', headers: { 'user-agent': 'kubectl' }, peer: { address: '10.0.0.9' }, signal: new AbortController().signal, ...request }, attributes, startMs: 0, decision: { decision: 'allow', reason: 'because' } };
  if (attributes.user.name) audit.received(event);
  return { lines, answer: audit.completed(event, response, failure) };
}

function record(...of: Parameters<typeof recorded>): any {
  const { lines } = recorded(...of);
  expect(lines.length).toBeLessThan(2);
  return lines[0];
}

test('the first rule that matches says how much is noted', () => {
  expect(record(resourceRequest({ name: 'system:kube-proxy', groups: [] }, 'watch', 'services'))).toBeUndefined();
  expect(record({ ...resourceRequest(jane, 'get', ''), isResource: false, path: '/healthz/ping' })).toBeUndefined();
  expect(record({ ...resourceRequest(jane, 'get', ''), isResource: false, path: '/metrics' }).level).toBe('Metadata');
  expect(record(resourceRequest(jane, 'get', 'secrets', { namespace: 'a' }), {}, { status: 200, headers: {}, object: { secret: 1 } })).not.toHaveProperty('responseObject');
  expect(record(resourceRequest(jane, 'get', 'pods/log', { namespace: 'a' })).level).toBe('Metadata');
  expect(record(resourceRequest(jane, 'get', 'pods', { namespace: 'a' })).level).toBe('RequestResponse');
});

test('an event names who, what, from where and with what result', () => {
  const created = { metadata: { name: 'p', managedFields: [{}] } };
  const event = record(resourceRequest(jane, 'create', 'pods', { namespace: 'a' }), { method: 'POST', body: Buffer.from('{"metadata":{"name":"p"}}') }, { status: 201, headers: {}, object: created });
  expect(event).toMatchObject({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    stage: 'ResponseComplete',
    verb: 'create',
    user: { username: 'jane', groups: ['dev'] },
    sourceIPs: ['10.0.0.9'],
    userAgent: 'kubectl',
    objectRef: { resource: 'pods', namespace: 'a', name: 'p', apiVersion: 'v1' },
    auditID: 'the-id',
    responseStatus: { code: 201 },
    requestObject: { metadata: { name: 'p' } },
    responseObject: { metadata: { name: 'p' } },
    annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': 'because' },
  });
  expect(event.responseObject.metadata).not.toHaveProperty('managedFields');
});

test('a policy that cannot be followed is refused', () => {
  for (const [text, message] of [['kind: X', 'must be of kind Policy'], ['{apiVersion: audit.k8s.io/v1, kind: Policy}', 'at least one rule'], ['{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: All}]}', 'rules[0].level: "All" is none of']]) expect(() => parseAuditPolicy(text)).toThrow(message);
});

test('credentials that nobody knows are noted as they are refused', () => {
  const error = unauthorizedError();
  const event = record(resourceRequest({ name: '', groups: [] }, 'list', 'pods'), {}, { status: 401, headers: {} }, error);
  expect(event).toMatchObject({ stage: 'ResponseStarted', user: {}, responseStatus: { metadata: {}, status: 'Failure', message: 'Unauthorized', reason: 'Unauthorized', code: 401 } });
});

test('whoever acts as another is noted with the other, and judged by the policy as himself', () => {
  const event = record(resourceRequest(jane, 'list', 'pods'), { impersonated: { user: { name: 'bob', groups: [] }, constraint: 'impersonate:user-info' } });
  expect(event).toMatchObject({ user: { username: 'jane' }, impersonatedUser: { username: 'bob' }, authenticationMetadata: { impersonationConstraint: 'impersonate:user-info' } });
});

test('a watch is noted when it starts and when it ends', async () => {
  const body = (async function* () {
    yield Buffer.from('{}');
  })();
  const { lines, answer } = recorded(resourceRequest(jane, 'watch', 'pods'), { long: true }, { status: 200, headers: {}, body });
  expect(lines.map((line) => line.stage)).toEqual(['ResponseStarted']);
  for await (const _ of answer.body as AsyncIterable<Uint8Array>) expect(lines).toHaveLength(1);
  expect(lines.map((line) => line.stage)).toEqual(['ResponseStarted', 'ResponseComplete']);
});

test('protobuf is noted as JSON, addresses of proxies come before the last one, and outcomes are told in full', () => {
  const namespaced = { namespace: 'a', name: 'p' };
  const pod = { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'p', uid: 'u' } };
  const written = record(resourceRequest(jane, 'update', 'pods', namespaced), { body: Buffer.from(encodeProtobuf(pod)), headers: { 'x-forwarded-for': '1.1.1.1, nonsense', 'x-real-ip': '2.2.2.2', 'user-agent': 'a'.repeat(1_100) } }, { status: 200, headers: {}, body: Buffer.from(encodeProtobuf(pod)) });
  expect(written).toMatchObject({ sourceIPs: ['1.1.1.1', '2.2.2.2', '10.0.0.9'], userAgent: `${'a'.repeat(1_024)}...TRUNCATED`, objectRef: { uid: 'u' }, requestObject: { metadata: { name: 'p' } }, responseObject: { metadata: { uid: 'u' } } });
  const deleted = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details: { name: 'p', kind: 'pods' } };
  expect(record(resourceRequest(jane, 'delete', 'pods', namespaced), {}, { status: 200, headers: {}, body: Buffer.from(JSON.stringify(deleted)) }).responseStatus).toEqual({ metadata: {}, status: 'Success', details: { name: 'p', kind: 'pods' }, code: 200 });
});

test('a rule for all groups is one for each', () => {
  const all = parseAuditPolicy("{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: Metadata, resources: [{group: '*', resources: ['deployments']}]}]}");
  expect(decideAudit(all, resourceRequest(jane, 'get', 'deployments', { group: 'apps' })).level).toBe('Metadata');
});
