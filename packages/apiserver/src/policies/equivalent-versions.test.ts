import { afterEach, beforeEach, expect, test } from 'vitest';
import { mutatingPolicies } from '../admission/mutating-policies.ts';
import { validatingPolicies } from '../admission/validating-policies.ts';
import { mutatingWebhooks, validatingWebhooks } from '../admission/webhooks/index.ts';
import { settle, startTestApi, type TestApi } from '../handlers/testing.ts';

let api: TestApi;
let reviews: any[];
/** What the mutating webhook answers with. */
let patch: object[];
beforeEach(async () => {
  reviews = [];
  patch = [];
  const callWebhook = async (_: unknown, body: any): Promise<unknown> => {
    reviews.push(body.request);
    return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid: body.request.uid, allowed: true, ...(patch.length && { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }) } };
  };
  api = await startTestApi({ admission: ({ read, registry }) => [mutatingPolicies(read, registry), mutatingWebhooks(read, { registry, callWebhook }), validatingPolicies(read, registry), validatingWebhooks(read, { registry, callWebhook })] });
  for (const name of ['ns', 'default']) await api.call('POST', '/api/v1/namespaces', { metadata: { name } });
});
afterEach(() => api.close());

const group = '/apis/admissionregistration.k8s.io/v1';
const rules = (apiGroups: string[], apiVersions: string[], resources: string[]) => [{ apiGroups, apiVersions, operations: ['*'], resources }];
async function policy(kind: 'Validating' | 'Mutating', name: string, matchConstraints: object, spec: object): Promise<void> {
  const plural = kind.toLowerCase();
  const made = await api.call('POST', `${group}/${plural}admissionpolicies`, { metadata: { name }, spec: { matchConstraints, ...spec } });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  await api.call('POST', `${group}/${plural}admissionpolicybindings`, { metadata: { name }, spec: { policyName: name, ...(kind === 'Validating' && { validationActions: ['Deny'] }) } });
  await settle();
}
const hpas = (version: string) => `/apis/autoscaling/${version}/namespaces/ns/horizontalpodautoscalers`;
const v1 = (name: string, target = 80) => ({ metadata: { name }, spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }, maxReplicas: 3, targetCPUUtilizationPercentage: target } });

test('a validating policy sees the object in the version that its rules name', async () => {
  await policy('Validating', 'p', { resourceRules: rules(['autoscaling'], ['v2'], ['horizontalpodautoscalers']) }, { validations: [{ expression: "object.spec.metrics[0].resource.target.averageUtilization < 90 && (oldObject == null || oldObject.apiVersion == 'autoscaling/v2')", messageExpression: "object.apiVersion + ' ' + request.kind.version + ' ' + request.requestKind.version + ' ' + request.resource.version" }] });
  expect((await api.call('POST', hpas('v1'), v1('a'))).status).toBe(201);
  const refused = await api.call('POST', hpas('v1'), v1('b', 95));
  expect([refused.status, refused.body.message]).toEqual([422, expect.stringContaining('denied request: autoscaling/v2 v2 v1 v2')]);
  expect((await api.call('PATCH', `${hpas('v1')}/a`, { spec: { maxReplicas: 5 } }, { 'content-type': 'application/merge-patch+json' })).status).toBe(200);
});

test('with matchPolicy Exact a request in another version is none of the policy\'s', async () => {
  await policy('Validating', 'p', { matchPolicy: 'Exact', resourceRules: rules(['autoscaling'], ['v2'], ['horizontalpodautoscalers']) }, { validations: [{ expression: 'false' }] });
  expect((await api.call('POST', hpas('v1'), v1('a'))).status).toBe(201);
});

test('what a mutating policy makes of the other version becomes the request\'s again', async () => {
  await policy('Mutating', 'm', { resourceRules: rules(['autoscaling'], ['v2'], ['horizontalpodautoscalers']) }, { reinvocationPolicy: 'Never', mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: "[JSONPatch{op: 'replace', path: '/spec/metrics/0/resource/target/averageUtilization', value: 42}]" } }, { patchType: 'ApplyConfiguration', applyConfiguration: { expression: "Object{metadata: Object.metadata{labels: {'seen': string(object.spec.metrics[0].resource.target.averageUtilization)}}}" } }] });
  const { status, body } = await api.call('POST', hpas('v1'), v1('a'));
  expect([status, body.apiVersion, body.spec.targetCPUUtilizationPercentage, body.metadata.labels]).toEqual([201, 'autoscaling/v1', 42, { seen: '42' }]);
});

test('webhooks are sent the version of their rules, for the status too; their patches are of it', async () => {
  patch = [{ op: 'add', path: '/metadata/labels', value: { hooked: 'yes' } }];
  await api.call('POST', `${group}/mutatingwebhookconfigurations`, { metadata: { name: 'w' }, webhooks: [{ name: 'w.example.com', admissionReviewVersions: ['v1'], sideEffects: 'None', clientConfig: { url: 'https://x' }, rules: rules(['autoscaling'], ['v2'], ['horizontalpodautoscalers', 'horizontalpodautoscalers/status']) }] });
  await settle();
  const { status, body } = await api.call('POST', hpas('v1'), v1('a'));
  expect([status, body.apiVersion, body.metadata.labels, body.spec.targetCPUUtilizationPercentage]).toEqual([201, 'autoscaling/v1', { hooked: 'yes' }, 80]);
  expect(reviews[0]).toMatchObject({ kind: { group: 'autoscaling', version: 'v2', kind: 'HorizontalPodAutoscaler' }, requestKind: { version: 'v1' }, resource: { version: 'v2' }, requestResource: { version: 'v1' }, object: { apiVersion: 'autoscaling/v2', spec: { metrics: [{ type: 'Resource' }] } } });
  patch = [];
  expect((await api.call('PUT', `${hpas('v1')}/a/status`, { ...body, status: { currentReplicas: 1, desiredReplicas: 1, currentCPUUtilizationPercentage: 7 } })).status).toBe(200);
  expect(reviews[1]).toMatchObject({ kind: { version: 'v2' }, subResource: 'status', object: { apiVersion: 'autoscaling/v2', status: { currentMetrics: [{ resource: { current: { averageUtilization: 7 } } }] } } });
});

test('events of one group are the other\'s too', async () => {
  await policy('Validating', 'p', { resourceRules: rules([''], ['v1'], ['events']) }, { validations: [{ expression: "object.involvedObject.name != 'bad'", messageExpression: "request.kind.group + '|' + request.requestKind.group" }] });
  const event = (name: string) => ({ metadata: { name: `e-${name}`, namespace: 'default' }, eventTime: '2026-01-01T00:00:00.000000Z', reportingController: 'a/b', reportingInstance: 'c', action: 'x', reason: 'y', type: 'Normal', regarding: { kind: 'Node', name } });
  expect((await api.call('POST', '/apis/events.k8s.io/v1/namespaces/default/events', event('good'))).status).toBe(201);
  expect((await api.call('POST', '/apis/events.k8s.io/v1/namespaces/default/events', event('bad'))).body.message).toContain('denied request: |events.k8s.io');
});
