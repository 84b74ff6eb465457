import { realRuntime } from '@pilothouse/base';
import { expect, test } from 'vitest';
import { memoryObjects } from '../auth/testing.ts';
import type { Authorizer, RequestAttributes, VirtualHandler } from '../contract.ts';
import { startTestApi } from '../handlers/testing.ts';
import { localSubjectAccessReview } from './local-subject-access-review.ts';
import { selfSubjectAccessReview } from './self-subject-access-review.ts';
import { selfSubjectReview } from './self-subject-review.ts';
import { selfSubjectRulesReview } from './self-subject-rules-review.ts';
import { subjectAccessReview } from './subject-access-review.ts';

const asked: RequestAttributes[] = [];
const authorizer: Authorizer = {
  name: 'test',
  authorize(a) {
    asked.push(a);
    return a.verb === 'get' ? { decision: 'allow', reason: 'because' } : { decision: 'no-opinion' };
  },
  rulesFor: () => ({ resourceRules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }], nonResourceRules: [], incomplete: false }),
};
const user = { name: 'jane', uid: 'u', groups: ['dev'], extra: { k: ['v'] } };
const ask = (handler: VirtualHandler, object: object, namespace = ''): Promise<any> => handler.create({ ...realRuntime(), request: { method: 'POST', url: '', headers: {}, signal: new AbortController().signal }, user, namespace, name: '', object, dryRun: false, read: memoryObjects(), admit: async () => {} });

test('a review tells what the authorizers say, about the one who is meant', async () => {
  const resourceAttributes = { verb: 'get', resource: 'pods', subresource: 'log', namespace: 'a', name: 'p' };
  expect((await ask(subjectAccessReview(authorizer), { spec: { user: 'bob', groups: ['g'], uid: '1', resourceAttributes } })).status).toEqual({ allowed: true, reason: 'because' });
  expect(asked.at(-1)).toMatchObject({ user: { name: 'bob', uid: '1', groups: ['g'] }, isResource: true, ...resourceAttributes });
  expect((await ask(selfSubjectAccessReview(authorizer), { spec: { nonResourceAttributes: { verb: 'put', path: '/x' } } })).status).toEqual({ allowed: false });
  expect(asked.at(-1)).toMatchObject({ user, isResource: false, path: '/x' });
  expect((await ask(selfSubjectAccessReview(authorizer), { spec: { resourceAttributes: { verb: 'list', resource: 'pods', labelSelector: { rawSelector: 'a in (b' } } } })).status.evaluationError).toBe('spec.resourceAttributes.labelSelector ignored due to parse error');
  expect((await ask(selfSubjectRulesReview(authorizer), { spec: { namespace: 'a' } })).status.resourceRules).toHaveLength(1);
  expect((await ask(selfSubjectReview, { metadata: { name: 'dropped' } })).status.userInfo).toEqual({ username: 'jane', uid: 'u', groups: ['dev'], extra: { k: ['v'] } });
});

test('a review that asks nothing, or too much, is refused with upstream\'s words', async () => {
  const prefix = '.authorization.k8s.io "" is invalid: ';
  const pods = { verb: 'get', resource: 'pods' };
  const path = { verb: 'get', path: '/x' };
  const cases: [VirtualHandler, object, string][] = [
    [subjectAccessReview(authorizer), {}, `${prefix}[spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified, spec.user: Invalid value: "": at least one of user or group must be specified]`],
    [subjectAccessReview(authorizer), { user: 'u', resourceAttributes: pods, nonResourceAttributes: path }, `${prefix}spec.nonResourceAttributes: Invalid value: {"Path":"/x","Verb":"get"}: cannot be specified in combination with resourceAttributes`],
    [subjectAccessReview(authorizer), { user: 'u', resourceAttributes: { ...pods, fieldSelector: { rawSelector: 'a=b', requirements: [{ key: 'a', operator: 'In', values: ['b'] }] } } }, `${prefix}spec.resourceAttributes.fieldSelector.rawSelector: Invalid value: "a=b": may not specified at the same time as requirements`],
    [localSubjectAccessReview(authorizer), { user: 'u', resourceAttributes: { ...pods, namespace: 'other' } }, `${prefix}spec.resourceAttributes.namespace: Invalid value: "other": must match metadata.namespace`],
    [localSubjectAccessReview(authorizer), { user: 'u', nonResourceAttributes: path }, `${prefix}spec.nonResourceAttributes: Invalid value: {"Path":"/x","Verb":"get"}: disallowed on this kind of request`],
    [selfSubjectRulesReview(authorizer), {}, 'no namespace on request'],
  ];
  for (const [handler, spec, message] of cases) await expect(ask(handler, { metadata: {}, spec }, 'a'), message).rejects.toThrow(message);
});

test.each([
  [{ fieldSelector: { rawSelector: 'a' } }, undefined, undefined, 'spec.resourceAttributes.fieldSelector ignored due to parse error'],
  [{ fieldSelector: { rawSelector: 'spec.nodeName==n' } }, 'spec.nodeName=n', undefined, undefined],
  [{ fieldSelector: { requirements: [{ key: 'a', operator: 'In', values: ['b', 'c'] }, { key: 'd', operator: 'NotIn', values: ['e'] }] } }, 'd!=e', undefined, 'spec.resourceAttributes.fieldSelector partially ignored due to parse error'],
  [{ fieldSelector: { requirements: [{ key: 'a', operator: 'Exists' }] }, labelSelector: { requirements: [{ key: 'a', operator: 'Odd' }] } }, undefined, undefined, 'spec.resourceAttributes.fieldSelector ignored due to parse error; spec.resourceAttributes.labelSelector ignored due to parse error'],
  [{ labelSelector: { requirements: [{ key: 'a', operator: 'In', values: ['c', 'b'] }, { key: 'x', operator: 'DoesNotExist' }] } }, undefined, 'a in (b,c),!x', undefined],
])('the selectors %j of a review are understood as far as they can be', async (selectors, fieldSelector, labelSelector, evaluationError) => {
  const { status } = await ask(selfSubjectAccessReview(authorizer), { spec: { resourceAttributes: { verb: 'list', resource: 'pods', ...selectors } } });
  expect([asked.at(-1)!.fieldSelector, asked.at(-1)!.labelSelector, status.evaluationError]).toEqual([fieldSelector, labelSelector, evaluationError]);
});

test.each([
  [{ fieldSelector: { requirements: [{ operator: 'In' }] } }, '[spec.resourceAttributes.fieldSelector.requirements[0].key: Required value: must be specified, spec.resourceAttributes.fieldSelector.requirements[0].values: Required value: must be specified when `operator` is \'In\' or \'NotIn\']'],
  [{ fieldSelector: { requirements: [{ key: 'a', operator: 'Exists', values: ['b'] }] } }, "spec.resourceAttributes.fieldSelector.requirements[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"],
  [{ labelSelector: { requirements: [{ key: '-', operator: 'Odd', values: ['a b'] }] } }, 'spec.resourceAttributes.labelSelector.requirements[0].key: Invalid value: "-": name part must consist of'],
  [{ labelSelector: {} }, 'spec.resourceAttributes.labelSelector.requirements: Required value: when spec.resourceAttributes.labelSelector is specified, requirements or rawSelector is required'],
])('the selectors %j of a review are refused', async (selectors, message) => {
  await expect(ask(selfSubjectAccessReview(authorizer), { spec: { resourceAttributes: { verb: 'list', resource: 'pods', ...selectors } } })).rejects.toThrow(message);
});

test('the metadata of a review must be empty', async () => {
  const spec = { user: 'u', resourceAttributes: { verb: 'get', resource: 'pods', namespace: 'a' } };
  await expect(ask(subjectAccessReview(authorizer), { metadata: { name: 'x' }, spec })).rejects.toThrow(/metadata: Invalid value: .*: must be empty$/);
  await expect(ask(localSubjectAccessReview(authorizer), { metadata: { name: 'x' }, spec }, 'a')).rejects.toThrow(/: must be empty except for namespace$/);
});

test('the answer begins as kube-apiserver\'s does, whatever was sent', async () => {
  const api = await startTestApi({ virtualHandlers: [subjectAccessReview(authorizer)] });
  const { body } = await api.call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', { spec: { user: 'u', resourceAttributes: { verb: 'get', resource: 'pods' } } });
  expect([Object.keys(body), Object.keys(body.metadata)]).toEqual([['kind', 'apiVersion', 'metadata', 'spec', 'status'], ['managedFields']]);
  await api.close();
});
