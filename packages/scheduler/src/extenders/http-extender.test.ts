import { fakeClock } from '@pilothouse/base/clock';
import { PodInfo } from '@pilothouse/scheduler-framework';
import { node, pod } from '@pilothouse/scheduler-framework/testing/bench';
import { describe, expect, test } from 'vitest';
import { httpExtender } from './http-extender.ts';

const clock = fakeClock();
const [n1, n2] = [node('n1'), node('n2')];
const p = pod('p', { meta: { uid: 'u' } });
const victim = new PodInfo(pod('low', { meta: { uid: 'v' } }));
const candidate = { node: 'n1', victims: [victim], pdbViolations: 1 };

/** An extender that notes what it is sent and answers as told. */
function extender(answer: unknown, more: object = {}) {
  const sent: { url: string; body: any }[] = [];
  const made = httpExtender({ urlPrefix: 'http://x/api/', filterVerb: 'f', prioritizeVerb: 'p', preemptVerb: 'e', bindVerb: 'b', weight: 1, ...more }, clock, async (url, body) => {
    sent.push({ url, body });
    return answer;
  });
  return { ...made, sent };
}

describe('an extender', () => {
  test('is sent fields as Go names them, and understood however it spells them', async () => {
    const whole = extender({ nodes: { items: [n1] }, failedNodes: { n2: 'no' } });
    expect(await whole.filter(p, [n1, n2])).toEqual({ nodes: ['n1'], failed: { n2: 'no' }, unresolvable: {} });
    expect(whole.sent).toEqual([{ url: 'http://x/api/f', body: { Pod: p, Nodes: { metadata: {}, items: [n1, n2] }, NodeNames: null } }]);
    const named = extender({ NodeNames: ['n2'], FailedAndUnresolvableNodes: { n1: 'never' } }, { nodeCacheCapable: true });
    expect(await named.filter(p, [n1, n2])).toEqual({ nodes: ['n2'], failed: {}, unresolvable: { n1: 'never' } });
    expect(named.sent[0].body).toEqual({ Pod: p, Nodes: null, NodeNames: ['n1', 'n2'] });
    expect(await extender([{ Host: 'n1', Score: 3 }, { host: 'n2', score: 4 }]).prioritize(p, [n1, n2])).toEqual([{ host: 'n1', score: 3 }, { host: 'n2', score: 4 }]);
    const preempts = extender({ NodeNameToMetaVictims: { n1: { Pods: [{ UID: 'v' }], NumPDBViolations: 2 } } }, { nodeCacheCapable: true });
    expect(await preempts.preempt(p, [candidate])).toEqual([{ node: 'n1', victims: [victim], pdbViolations: 2 }]);
    expect(preempts.sent[0].body).toEqual({ Pod: p, NodeNameToVictims: null, NodeNameToMetaVictims: { n1: { Pods: [{ UID: 'v' }], NumPDBViolations: 1 } } });
    const binds = extender({});
    await binds.bind(p, 'n1');
    expect(binds.sent[0].body).toEqual({ PodName: 'p', PodNamespace: 'default', PodUID: 'u', Node: 'n1' });
  });

  test('that says what cannot be fails in so many words', async () => {
    await expect(extender({ Error: 'out of order' }).filter(p, [n1])).rejects.toThrow('out of order');
    await expect(extender({ NodeNames: ['n9'] }, { nodeCacheCapable: true }).filter(p, [n1])).rejects.toThrow('extender "http://x/api/" claims a filtered node "n9" which is not found in the input node list');
    await expect(extender({ NodeNameToMetaVictims: { n1: { Pods: [{ UID: 'w' }] } } }).preempt(p, [candidate])).rejects.toThrow('extender: http://x/api/ claims to preempt pod (UID: &{w}) on node: n1, but the pod is not found on that node');
    await expect(extender({ error: 'no' }).bind(p, 'n1')).rejects.toThrow('no');
  });

  test('that does not answer is given up after its time', async () => {
    const hangs = httpExtender({ urlPrefix: 'http://x', filterVerb: 'f', httpTimeout: '200ms' }, clock, (_url, _body, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))));
    const asked = expect(hangs.filter(p, [n1])).rejects.toThrow('Post "http://x/f": context deadline exceeded (Client.Timeout exceeded while awaiting headers)');
    await clock.advanceAsync(200);
    await asked;
    expect(clock.pending()).toBe(0);
  });

  test('is asked only for pods with its resources', () => {
    const gpu = extender({}, { managedResources: [{ name: 'example.com/gpu' }] });
    expect([gpu.isInterested(p), gpu.isInterested(pod('g', { requests: { 'example.com/gpu': '1' } }))]).toEqual([false, true]);
  });
});
