import type { PersistentVolume } from '@pilothouse/api-schemas/types/core/v1';
import { nodes, persistentVolumeClaims, persistentVolumes, pods, storageClasses } from '@pilothouse/apimachinery';
import { afterEach, describe, expect, test } from 'vitest';
import { bench, bound, closeBenches, condition, eventsOf, get, node_, pod_ } from './suite/scheduler-bench.ts';

afterEach(closeBenches);

describe('the scheduler', () => {
  test('binds a pod to a node and says so', async () => {
    const b = await bench();
    await b.client.create(pods, pod_('web'));
    expect((await bound(b, 'web')).spec?.nodeName).toBe('node-1');
    const event = await b.until(async () => (await eventsOf(b, 'web'))[0]);
    expect(event).toMatchObject({ type: 'Normal', reason: 'Scheduled', message: 'Successfully assigned default/web to node-1', action: 'Binding', reportingComponent: 'default-scheduler', reportingInstance: 'default-scheduler-test' });
  });

  test('says why a pod fits nowhere, and binds it once a node comes that it fits', async () => {
    const b = await bench();
    await b.client.create(pods, pod_('big', '3'));
    const message = '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.';
    expect(await condition(b, 'big')).toMatchObject({ reason: 'Unschedulable', message });
    const event = await b.until(async () => (await eventsOf(b, 'big'))[0]);
    expect(event).toMatchObject({ type: 'Warning', reason: 'FailedScheduling', message });
    const large = node_('node-2', '8');
    await b.client.create(nodes, large);
    await b.client.updateStatus(nodes, { ...(await b.client.get(nodes, 'node-2')), status: large.status });
    expect((await bound(b, 'big')).spec?.nodeName).toBe('node-2');
  });

  test('leaves pods of other schedulers alone', async () => {
    const b = await bench();
    await b.client.create(pods, pod_('other', '1', { schedulerName: 'someone-else' }));
    await b.advance(5000);
    expect((await get(b, 'other')).spec?.nodeName).toBeUndefined();
  });

  test('tells a cluster without nodes from one that is full', async () => {
    const b = await bench({ nodes: [] });
    await b.client.create(pods, pod_('web'));
    expect(await condition(b, 'web')).toMatchObject({ reason: 'Unschedulable', message: 'no nodes available to schedule pods' });
  });

  test('schedules a gated pod once its gates are gone', async () => {
    const b = await bench();
    await b.client.create(pods, pod_('gated', '1', { schedulingGates: [{ name: 'example.com/wait' }] }));
    await b.advance(3000);
    expect((await get(b, 'gated')).spec?.nodeName).toBeUndefined();
    await b.client.patch(pods, 'gated', [{ op: 'remove', path: '/spec/schedulingGates' }], { namespace: 'default', type: 'json' });
    expect((await bound(b, 'gated')).spec?.nodeName).toBe('node-1');
  });

  test('counts pods it has assumed but not seen bound yet', async () => {
    const b = await bench({ nodes: [node_('node-1'), node_('node-2')] });
    for (let i = 0; i < 5; i++) await b.client.create(pods, pod_(`p${i}`));
    for (let i = 0; i < 4; i++) await bound(b, `p${i}`);
    expect((await condition(b, 'p4')).message).toContain('0/2 nodes are available: 2 Insufficient cpu.');
    const all = (await b.client.list(pods, { namespace: 'default' })).items;
    expect(all.filter((p) => p.spec?.nodeName === 'node-1')).toHaveLength(2);
    expect(all.filter((p) => p.spec?.nodeName === 'node-2')).toHaveLength(2);
  });

  test('evicts pods of lower priority for one that needs the room', async () => {
    const b = await bench();
    await b.client.create(pods, pod_('low', '2', { priority: 0 }));
    await bound(b, 'low');
    await b.client.create(pods, pod_('high', '2', { priority: 1000 }));
    const gone = await b.until(async () => {
      const low = await get(b, 'low').catch(() => undefined);
      return !low || low.metadata.deletionTimestamp ? { low } : undefined;
    });
    const marked = gone.low?.status?.conditions?.find((c) => c.type === 'DisruptionTarget');
    if (gone.low) expect(marked).toMatchObject({ status: 'True', reason: 'PreemptionByScheduler', message: 'default-scheduler: preempting to accommodate a higher priority pod' });
    if (gone.low) {
      expect((await get(b, 'high')).status?.nominatedNodeName).toBe('node-1');
      await b.client.delete(pods, 'low', { namespace: 'default', gracePeriodSeconds: 0 });
    }
    expect((await bound(b, 'high')).spec?.nodeName).toBe('node-1');
  });

  test('takes up where another left off', async () => {
    const b = await bench();
    await b.client.create(pods, pod_('one'));
    await bound(b, 'one');
    await b.restart();
    await b.client.create(pods, pod_('two'));
    await bound(b, 'two');
    await b.client.create(pods, pod_('three'));
    expect((await condition(b, 'three')).message).toContain('1 Insufficient cpu');
  });

  test('a binding that fails gives the room back and is tried again', async () => {
    let refusals = 1;
    const b = await bench({
      wrap: (client) => ({
        ...client,
        createSubresource: (type, name, subresource, body, options) => (subresource === 'binding' && refusals-- > 0 ? Promise.reject(new Error('the wire broke')) : client.createSubresource(type, name, subresource, body, options)) as never,
      }),
    });
    await b.client.create(pods, pod_('web', '2'));
    expect(await condition(b, 'web')).toMatchObject({ reason: 'SchedulerError', message: 'running Bind plugin "DefaultBinder": the wire broke' });
    expect(b.scheduler.cache.sizes).toEqual({ nodes: 1, pods: 0, assumed: 0 });
    expect((await bound(b, 'web')).spec?.nodeName).toBe('node-1');
  });

  test('binds a volume that waits for its first consumer before the pod', async () => {
    const b = await bench({ nodes: [node_('node-1'), node_('node-2')] });
    await b.client.create(storageClasses, { metadata: { name: 'local' }, provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'WaitForFirstConsumer' });
    const volume: PersistentVolume = {
      metadata: { name: 'pv' },
      spec: {
        capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], storageClassName: 'local', local: { path: '/mnt' },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['node-2'] }] }] } },
      },
    };
    await b.client.create(persistentVolumes, volume);
    await b.client.updateStatus(persistentVolumes, { ...(await b.client.get(persistentVolumes, 'pv')), status: { phase: 'Available' } });
    await b.client.create(persistentVolumeClaims, { metadata: { name: 'claim', namespace: 'default' }, spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'local', resources: { requests: { storage: '1Gi' } } } });
    await b.client.create(pods, pod_('db', '1', { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'claim' } }] }));
    const taken = await b.until(async () => {
      const pv = await b.client.get(persistentVolumes, 'pv');
      return pv.spec?.claimRef && pv;
    });
    expect(taken).toMatchObject({ metadata: { annotations: { 'pv.kubernetes.io/bound-by-controller': 'yes' } }, spec: { claimRef: { name: 'claim', namespace: 'default' } } });
    expect((await get(b, 'db')).status?.nominatedNodeName).toBe('node-2');
    await b.advance(3000);
    expect((await get(b, 'db')).spec?.nodeName).toBeUndefined();
    const claim = await b.client.get(persistentVolumeClaims, 'claim', { namespace: 'default' });
    await b.client.update(persistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } }, spec: { ...claim.spec!, volumeName: 'pv' } });
    expect((await bound(b, 'db')).spec?.nodeName).toBe('node-2');
  });

  test('extenders filter, score, choose victims and bind', async () => {
    const asked: string[] = [];
    const answers: Record<string, (body: any) => unknown> = {
      filter: ({ NodeNames }) => ({ NodeNames: NodeNames.filter((n: string) => n !== 'node-1'), FailedNodes: { 'node-1': 'not this one' } }),
      score: ({ NodeNames }) => NodeNames.map((host: string) => ({ Host: host, Score: host === 'node-3' ? 10 : 0 })),
      preempt: ({ NodeNameToMetaVictims }) => ({ nodeNameToMetaVictims: { 'node-3': NodeNameToMetaVictims['node-3'] } }),
      bind: () => ({ error: '' }),
    };
    const b = await bench({
      nodes: [node_('node-1'), node_('node-2'), node_('node-3')],
      config: { extenders: [{ urlPrefix: 'http://extender/v1', filterVerb: 'filter', prioritizeVerb: 'score', weight: 5, preemptVerb: 'preempt', bindVerb: 'bind', nodeCacheCapable: true }] },
      postJson: async (url, body: any) => {
        const verb = url.split('/').at(-1)!;
        asked.push(verb);
        if (verb === 'bind') await b.client.createSubresource(pods, body.PodName, 'binding', { apiVersion: 'v1', kind: 'Binding', metadata: { name: body.PodName }, target: { kind: 'Node', name: body.Node } }, { namespace: body.PodNamespace });
        return answers[verb](body);
      },
    });
    await b.client.create(pods, pod_('one', '2'));
    expect((await bound(b, 'one')).spec?.nodeName).toBe('node-3');
    expect(asked).toEqual(['filter', 'score', 'bind']);
    await b.client.create(pods, pod_('two', '2'));
    expect((await bound(b, 'two')).spec?.nodeName).toBe('node-2');
    await b.client.create(pods, pod_('high', '2', { priority: 10 }));
    expect((await condition(b, 'high')).message).toBe('0/3 nodes are available: 1 not this one, 2 Insufficient cpu.');
    expect((await get(b, 'high')).status?.nominatedNodeName).toBe('node-3');
  });

  test('follows the profile that the pod names', async () => {
    const config = { apiVersion: 'kubescheduler.config.k8s.io/v1', kind: 'KubeSchedulerConfiguration', profiles: [{ schedulerName: 'default-scheduler' }, { schedulerName: 'packer', pluginConfig: [{ name: 'NodeResourcesFit', args: { scoringStrategy: { type: 'MostAllocated' } } }] }] };
    const b = await bench({ config, nodes: [node_('node-1', '8'), node_('node-2', '8')] });
    await b.client.create(pods, pod_('first', '1', { nodeSelector: { 'kubernetes.io/hostname': 'node-2' } }));
    await bound(b, 'first');
    await b.client.create(pods, pod_('spread'));
    expect((await bound(b, 'spread')).spec?.nodeName).toBe('node-1');
    await b.client.create(pods, pod_('third', '2', { nodeSelector: { 'kubernetes.io/hostname': 'node-2' } }));
    await bound(b, 'third');
    await b.client.create(pods, pod_('packed', '1', { schedulerName: 'packer' }));
    expect((await bound(b, 'packed')).spec?.nodeName).toBe('node-2');
  });
});
