import { configMaps as configMapType, mutatingWebhookConfigurations, namespaces, StatusError, validatingWebhookConfigurations } from '@pilothouse/apimachinery';
import { describe, expect, test } from 'vitest';
import { memoryObjects } from '../../auth/testing.ts';
import type { AdmissionAttributes } from '../../contract.ts';
import type { ResourceRegistry } from '../../registry.ts';
import { configMaps } from '../../resources/core/configmaps.ts';
import { type Attempt, attempt, run } from '../testing.ts';
import { mutatingWebhooks, validatingWebhooks } from './index.ts';

const registry = { all: () => [], find: () => undefined } as unknown as ResourceRegistry;
const rules = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['configmaps'], scope: '*' }];

interface Call {
  url: string;
  request: any;
  timeoutMs: number;
}
/** What a webhook answers: a response without uid, or an error of the connection. */
type Reply = object | Error | ((call: Call) => object | Error);

function world() {
  const read = memoryObjects();
  read.put(namespaces, { metadata: { name: 'ns', labels: { env: 'prod' } } });
  const calls: Call[] = [];
  const replies = new Map<string, Reply>();
  const parts = {
    registry,
    callWebhook: async (target: { url?: string }, body: any, { timeoutMs }: { timeoutMs: number }) => {
      const call = { url: target.url!, request: structuredClone(body.request), timeoutMs };
      calls.push(call);
      const reply = replies.get(target.url!);
      const said = typeof reply === 'function' ? (reply as (call: Call) => object | Error)(call) : reply;
      if (said instanceof Error) throw said;
      return { apiVersion: body.apiVersion, kind: 'AdmissionReview', response: { uid: body.request.uid, ...said } };
    },
  };
  const mutating = mutatingWebhooks(read, parts);
  const validating = validatingWebhooks(read, parts);
  const hook = (kind: 'mutating' | 'validating', name: string, reply: Reply, more: object = {}): void => {
    const url = `https://${name}/`;
    replies.set(url, reply);
    const webhook = { name, admissionReviewVersions: ['v1'], sideEffects: 'None', failurePolicy: 'Fail', matchPolicy: 'Equivalent', timeoutSeconds: 10, rules, clientConfig: { url }, namespaceSelector: {}, objectSelector: {}, ...more };
    read.put((kind === 'mutating' ? mutatingWebhookConfigurations : validatingWebhookConfigurations) as never, { metadata: { name }, webhooks: [webhook] } as never);
  };
  const create = async (data: Record<string, string> = {}, more: Attempt = {}): Promise<any> => {
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'ns', labels: { app: 'x' } }, data };
    const a: AdmissionAttributes = attempt(configMapType, object, read, { resource: configMaps as AdmissionAttributes['resource'], ...more });
    try {
      await run(mutating, a);
      await run(validating, a);
      return a.object.data;
    } catch (error) {
      return (error as StatusError).status;
    }
  };
  return { calls, hook, create };
}

const patch = (...operations: object[]) => ({ allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') });
const add = (key: string, value = 'yes') => patch({ op: 'add', path: `/data/${key}`, value });

describe('a validating webhook', () => {
  test('is told of the request, and lets it pass', async () => {
    const { calls, hook, create } = world();
    hook('validating', 'one.example.com', { allowed: true });
    expect(await create({ k: 'v' })).toEqual({ k: 'v' });
    expect(calls).toEqual([{ url: 'https://one.example.com/', timeoutMs: 10_000, request: expect.objectContaining({ operation: 'CREATE', name: 'a', namespace: 'ns', resource: { group: '', version: 'v1', resource: 'configmaps' }, kind: { group: '', version: 'v1', kind: 'ConfigMap' }, userInfo: { username: 'jane', groups: ['system:authenticated'] }, object: expect.objectContaining({ data: { k: 'v' } }), oldObject: null, dryRun: false }) }]);
  });

  test.each([
    ['with a message', { allowed: false, status: { message: 'not today', code: 403, reason: 'Forbidden' } }, { code: 403, reason: 'Forbidden', message: 'admission webhook "h" denied the request: not today' }],
    ['with a reason', { allowed: false, status: { reason: 'Because', code: 200, status: 'Success' } }, { code: 400, status: 'Failure', message: 'admission webhook "h" denied the request: Because' }],
    ['without a word', { allowed: false }, { code: 400, message: 'admission webhook "h" denied the request without explanation' }],
    ['by an answer to something else', { allowed: true, uid: 'other' }, { code: 500, message: expect.stringMatching(/^Internal error occurred: failed calling webhook "h": expected response.uid="[-0-9a-f]+", got "other"$/) }],
    ['by failing', new Error('Post "https://h/?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused'), { code: 500, reason: 'InternalError', message: 'Internal error occurred: failed calling webhook "h": failed to call webhook: Post "https://h/?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused' }],
  ])('refuses %s', async (_, reply, status) => {
    const { hook, create } = world();
    hook('validating', 'h', reply);
    expect(await create()).toMatchObject(status);
  });

  test('that fails is ignored where its policy says so; one that refuses is not', async () => {
    const { hook, create } = world();
    hook('validating', 'h', new Error('gone'), { failurePolicy: 'Ignore' });
    expect(await create()).toEqual({});
    hook('validating', 'h', { allowed: false }, { failurePolicy: 'Ignore' });
    expect(await create()).toMatchObject({ code: 400 });
  });

  test.each([
    ['namespace', { namespaceSelector: { matchLabels: { env: 'test' } } }],
    ['object', { objectSelector: { matchLabels: { app: 'y' } } }],
    ['rules', { rules: [{ ...rules[0], operations: ['DELETE'] }] }],
    ['condition', { matchConditions: [{ name: 'c', expression: "object.metadata.name != 'a'" }] }],
  ])('is not asked about another %s', async (_, more) => {
    const { calls, hook, create } = world();
    hook('validating', 'h', { allowed: false }, more);
    expect(await create()).toEqual({});
    expect(calls).toEqual([]);
  });

  test('with a condition that fails refuses, or is ignored', async () => {
    const { hook, create } = world();
    const matchConditions = [{ name: 'boom', expression: "object.data['none'] == 'x'" }];
    hook('validating', 'h', { allowed: true }, { matchConditions });
    expect(await create()).toMatchObject({ code: 403, message: `configmaps "a" is forbidden: expression 'object.data['none'] == 'x'' resulted in error: no such key: none` });
    hook('validating', 'h', { allowed: true }, { matchConditions, failurePolicy: 'Ignore' });
    expect(await create()).toEqual({});
  });

  test('with side effects is not asked in a dry run', async () => {
    const { calls, hook, create } = world();
    hook('validating', 'h', { allowed: true }, { sideEffects: 'Some' });
    expect(await create({}, { dryRun: true })).toMatchObject({ code: 400, message: 'admission webhook "h" does not support dry run' });
    expect(calls).toEqual([]);
  });

  test('warns the client', async () => {
    const { hook, create } = world();
    const warnings: string[] = [];
    hook('validating', 'h', { allowed: true, warnings: ['careful'] });
    await create({}, { warnings });
    expect(warnings).toEqual(['careful']);
  });
});

describe('mutating webhooks', () => {
  test('change the object one after the other, by the names of their configurations', async () => {
    const { calls, hook, create } = world();
    hook('mutating', 'b', add('b'));
    hook('mutating', 'a', add('a'));
    expect(await create()).toEqual({ a: 'yes', b: 'yes' });
    expect(calls.map(({ url, request }) => [url, Object.keys(request.object.data)])).toEqual([['https://a/', []], ['https://b/', ['a']]]);
  });

  test('are asked again where a later one changed the object and they wish so', async () => {
    const { calls, hook, create } = world();
    hook('mutating', 'a', ({ request }) => add('seen', String(Object.keys(request.object.data).length)), { reinvocationPolicy: 'IfNeeded' });
    hook('mutating', 'b', add('b'));
    expect(await create()).toEqual({ seen: '2', b: 'yes' });
    expect(calls).toHaveLength(3);
  });

  test.each([
    ['a patch of no type', { allowed: true, patch: 'W10=' }, 'failed calling webhook "h": webhook returned response.patch but not response.patchType'],
    ['a patch of another type', { allowed: true, patch: 'W10=', patchType: 'Magic' }, 'failed calling webhook "h": webhook returned invalid response.patchType of "Magic"'],
  ])('that answer with %s fail', async (_, reply, why) => {
    const { hook, create } = world();
    hook('mutating', 'h', reply);
    expect(await create()).toMatchObject({ code: 500, message: `Internal error occurred: ${why}` });
  });

  test('whose patch does not fit fail the request', async () => {
    const { hook, create } = world();
    hook('mutating', 'h', patch({ op: 'remove', path: '/data/none' }));
    expect(await create()).toMatchObject({ code: 500, reason: 'InternalError' });
  });
});
