import { describe, expect, test } from 'vitest';
import type { PriorityLevelConfiguration } from '@pilothouse/api-schemas/types/flowcontrol/v1';
import { startTestApi, settle } from '../handlers/testing.ts';
import { requestInfo } from '../request/info.ts';
import { dealHand, FairQueues } from './fair-queues.ts';
import { compileSchema, inOrder } from './schemas.ts';
import { Seats } from './seats.ts';

const level = (name: string, nominalConcurrencyShares: number, limited: object = {}): PriorityLevelConfiguration => ({ metadata: { name }, spec: { type: 'Limited', limited: { nominalConcurrencyShares, limitResponse: { type: 'Reject' }, ...limited } } });
const queuing = { limitResponse: { type: 'Queue', queuing: { queues: 8, handSize: 2, queueLengthLimit: 2 } } };

describe('a schema matches', () => {
  const schema = compileSchema({
    metadata: { name: 's' },
    spec: {
      priorityLevelConfiguration: { name: 'l' },
      rules: [
        {
          subjects: [{ kind: 'Group', group: { name: 'g' } }, { kind: 'User', user: { name: 'u' } }, { kind: 'ServiceAccount', serviceAccount: { namespace: 'n', name: '*' } }],
          resourceRules: [{ verbs: ['get', 'list'], apiGroups: ['apps'], resources: ['deployments/scale', 'deployments'], namespaces: ['n'] }, { verbs: ['*'], apiGroups: [''], resources: ['nodes'], clusterScope: true }],
          nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/logs/*'] }],
        },
      ],
    },
  });
  test.each([
    ['u', 'GET', '/apis/apps/v1/namespaces/n/deployments', true],
    ['u', 'GET', '/apis/apps/v1/namespaces/n/deployments/d/scale', true],
    ['u', 'GET', '/apis/apps/v1/namespaces/n/deployments/d/status', false],
    ['u', 'POST', '/apis/apps/v1/namespaces/n/deployments', false],
    ['u', 'GET', '/apis/apps/v1/namespaces/m/deployments', false],
    ['u', 'GET', '/apis/apps/v1/deployments', false],
    ['u', 'DELETE', '/api/v1/nodes/x', true],
    ['v', 'DELETE', '/api/v1/nodes/x', false],
    ['v:g', 'DELETE', '/api/v1/nodes/x', true],
    ['system:serviceaccount:n:a', 'DELETE', '/api/v1/nodes/x', true],
    ['system:serviceaccount:nn:a', 'DELETE', '/api/v1/nodes/x', false],
    ['u', 'GET', '/healthz', true],
    ['u', 'GET', '/healthz/etcd', true],
    ['u', 'GET', '/logs/a/b', true],
    ['u', 'GET', '/metrics', false],
  ])('%s %s %s: %s', (who, method, url, wanted) => {
    const name = who === 'v:g' ? 'v' : who;
    expect(schema.matches(requestInfo(method, url), { name, groups: who === 'v:g' ? ['g'] : [] })).toBe(wanted);
  });

  test('the lowest precedence is asked first, then the first name', () => {
    const of = (name: string, matchingPrecedence: number) => compileSchema({ metadata: { name }, spec: { matchingPrecedence, priorityLevelConfiguration: { name: 'l' } } });
    expect(inOrder([of('c', 9), of('b', 5), of('a', 9)]).map((s) => s.name)).toEqual(['b', 'a', 'c']);
  });
});

test('a hand is of different queues, the same for the same flow', () => {
  const shape = { queues: 16, handSize: 6, queueLengthLimit: 1 };
  for (let i = 0; i < 200; i++) {
    const hand = dealHand(`flow ${i}`, shape);
    expect(new Set(hand).size).toBe(6);
    expect(hand.every((card) => card >= 0 && card < 16)).toBe(true);
    expect(dealHand(`flow ${i}`, shape)).toEqual(hand);
  }
});

test('a flow with little waiting is not held up by one with much', () => {
  const queues = new FairQueues({ queues: 64, handSize: 1, queueLengthLimit: 50 });
  const order: string[] = [];
  for (let i = 0; i < 6; i++) queues.add('much', { start: () => order.push('much') });
  queues.add('little', { start: () => order.push('little') });
  for (let next = queues.next(); next; next = queues.next()) next.start();
  expect(order.indexOf('little')).toBeLessThan(2);
  expect(order).toHaveLength(7);
});

describe('seats', () => {
  const taken = (seats: Seats, name: string) => {
    let count = 0;
    while (count < 100 && seats.tryTake(seats.levels.get(name)!)) count++;
    return count;
  };

  test('are shared out by nominal shares, rounded up', () => {
    const seats = new Seats(10);
    seats.configure([level('a', 1), level('b', 2, { lendablePercent: 50, borrowingLimitPercent: 100 })]);
    expect([...seats.levels.values()].map(({ nominal, min, max }) => [nominal, min, max])).toEqual([[4, 4, 14], [7, 3, 14]]);
  });

  test('idle ones that may be lent are lent; the others stay with their level', () => {
    const seats = new Seats(20);
    seats.configure([level('a', 10), level('b', 10, { lendablePercent: 60 })]);
    expect(taken(seats, 'a')).toBe(16);
    expect(taken(seats, 'b')).toBe(4);
  });

  test('no more are borrowed than the level may', () => {
    const seats = new Seats(20);
    seats.configure([level('a', 10, { borrowingLimitPercent: 20 }), level('b', 10, { lendablePercent: 100 })]);
    expect(taken(seats, 'a')).toBe(12);
  });

  test('one that was given back goes to who waits with the smallest part of its share', () => {
    const seats = new Seats(4);
    seats.configure([level('a', 2, { ...queuing, lendablePercent: 100 }), level('b', 2, { ...queuing, lendablePercent: 100 })]);
    const [a, b] = [seats.levels.get('a')!, seats.levels.get('b')!];
    expect(taken(seats, 'a')).toBe(4);
    const started: string[] = [];
    a.queues!.add('x', { start: () => started.push('a') });
    b.queues!.add('x', { start: () => started.push('b') });
    seats.leave(a);
    expect(started).toEqual(['b']);
    seats.leave(a);
    expect(started).toEqual(['b', 'a']);
    expect([a.running, b.running]).toEqual([3, 1]);
  });
});

describe('the server', () => {
  const everything = [{ subjects: [{ kind: 'Group', group: { name: '*' } }], resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }] }];
  const group = '/apis/flowcontrol.apiserver.k8s.io/v1';
  const start = async (limited: object) => {
    let answer: (() => void) | undefined;
    const api = await startTestApi({
      priorityAndFairness: true,
      maxReadsInFlight: 1,
      maxWritesInFlight: 0,
      authorizers: [{ name: 'slow', authorize: (attributes) => (attributes.name === 'slow' ? new Promise((resolve) => (answer = () => resolve({ decision: 'allow' }))) : { decision: 'allow' }) }],
    });
    const made = await api.call('POST', `${group}/prioritylevelconfigurations`, level('l', 1, limited));
    const schema = await api.call('POST', `${group}/flowschemas`, { metadata: { name: 's' }, spec: { priorityLevelConfiguration: { name: 'l' }, matchingPrecedence: 5, rules: everything } });
    await settle();
    return { api, release: () => answer?.(), headers: { 'x-kubernetes-pf-flowschema-uid': schema.body.metadata.uid, 'x-kubernetes-pf-prioritylevel-uid': made.body.metadata.uid } };
  };

  test('says what a request was taken for, and refuses what finds no seat', async () => {
    const { api, release, headers } = await start({});
    expect((await api.call('GET', '/api/v1/nodes/none')).headers).toMatchObject(headers);
    const slow = api.call('GET', '/api/v1/nodes/slow');
    await settle();
    const refused = await api.call('GET', '/api/v1/nodes');
    expect([refused.status, refused.headers]).toMatchObject([429, { ...headers, 'retry-after': '1' }]);
    release();
    expect((await slow).status).toBe(404);
    expect((await api.call('GET', '/api/v1/nodes')).status).toBe(200);
    await api.close();
  });

  test('lets requests wait where the level has queues, but not for ever', async () => {
    const { api, release } = await start(queuing);
    const slow = api.call('GET', '/api/v1/nodes/slow');
    await settle();
    const [first, second] = [api.call('GET', '/api/v1/nodes'), api.call('GET', '/api/v1/nodes')];
    await settle();
    release();
    expect((await Promise.all([slow, first, second])).map(({ status }) => status)).toEqual([404, 200, 200]);
    const again = api.call('GET', '/api/v1/nodes/slow');
    await settle();
    const late = api.call('GET', '/api/v1/nodes');
    await settle();
    api.clock.advance(15_000);
    expect((await late).status).toBe(429);
    release();
    await again;
    await api.close();
  });

  test('tells what runs and waits', async () => {
    const { api, release } = await start(queuing);
    const slow = api.call('GET', '/api/v1/nodes/slow');
    await settle();
    const waiting = api.call('GET', '/api/v1/nodes');
    await settle();
    const table = async (name: string) => String((await api.call('GET', `/debug/api_priority_and_fairness/${name}`)).body).split('\n').map((row) => row.split(/, +/));
    expect(await table('dump_priority_levels')).toEqual([
      ['PriorityLevelName', 'ActiveQueues', 'IsIdle', 'IsQuiescing', 'WaitingRequests', 'ExecutingRequests', 'DispatchedRequests', 'RejectedRequests', 'TimedoutRequests', 'CancelledRequests'],
      ['l', '1', 'false', 'false', '1', '1', '1', '0', '0', '0'],
      [''],
    ]);
    const queues = await table('dump_queues');
    expect(queues).toHaveLength(10);
    expect(queues.filter(([, , pending]) => pending === '1').map((row) => row.slice(2))).toEqual([['1', '0', '0', '0.00000000ss', '1', '1', '1.00000000ss']]);
    const requests = await table('dump_requests?includeRequestDetails=1');
    expect(requests[1]).toEqual(['l', 's', '-1', '-1', '', expect.stringMatching(/Z$/), '1', '0', '0s', expect.stringMatching(/Z$/), expect.any(String), 'get', '/api/v1/nodes/slow', '', 'slow', 'v1', 'nodes', '']);
    expect(requests[2].slice(0, 12)).toEqual(['l', 's', expect.stringMatching(/^\d$/), '0', '', expect.stringMatching(/Z$/), '1', '0', '0s', '0001-01-01T00:00:00Z', expect.any(String), 'list']);
    release();
    await Promise.all([slow, waiting]);
    await api.close();
  });
});
