import type { ApiRequest } from '@pilothouse/apimachinery';
import { fakeClock, seededRandom } from '@pilothouse/base';
import { expect, test } from 'vitest';
import { resourceRequest } from '../auth/testing.ts';
import type { AuditEvent } from '../options.ts';
import { createAudit, parseAuditPolicy } from './index.ts';

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

function record(attributes: AuditEvent['attributes'], request: Partial<ApiRequest> = {}, response: any = { status: 200, headers: {} }): any {
  const lines: string[] = [];
  const audit = createAudit({ clock: fakeClock(), random: seededRandom(1) }, policy, { write: (line) => void lines.push(line), close: async () => {} });
  const event: AuditEvent = { request: { method: 'GET', url: '/x', headers: { 'user-agent': 'kubectl' }, peer: { address: '10.0.0.9' }, signal: new AbortController().signal, ...request }, attributes, startMs: 0, decision: { decision: 'allow', reason: 'because' } };
  audit.received!(event);
  audit.completed!(event, response, undefined);
  expect(lines.length).toBeLessThan(2);
  return lines[0] && JSON.parse(lines[0]);
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
    objectRef: { resource: 'pods', namespace: 'a', apiVersion: 'v1' },
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
