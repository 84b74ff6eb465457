import { describe, expect, test } from 'vitest';
import { PodInfo } from '../pod/pod-info.ts';
import { node, pod } from '../testing/bench.ts';
import { ClusterSnapshot } from './cluster-snapshot.ts';

const inZone = (name: string, zone?: string) => node(name, { labels: zone ? { 'topology.kubernetes.io/zone': zone } : {} });
const names = (s: ClusterSnapshot) => Array.from(s.list(), (i) => s.names[i]);

describe('the snapshot', () => {
  test('goes through the nodes zone by zone in turn, in the order they came', () => {
    const s = new ClusterSnapshot();
    for (const [name, zone] of [['a1', 'a'], ['a2', 'a'], ['b1', 'b'], ['a3', 'a'], ['n', undefined], ['b2', 'b']] as const) s.setNode(inZone(name, zone));
    expect(names(s)).toEqual(['a1', 'b1', 'n', 'a2', 'b2', 'a3']);
    s.setNode(inZone('a1', 'b'));
    expect(names(s)).toEqual(['a2', 'b1', 'n', 'a3', 'b2', 'a1']);
    s.removeNode('n');
    expect(names(s)).toEqual(['a2', 'b1', 'a3', 'b2', 'a1']);
  });

  test('adds up what pods take, and takes it back', () => {
    const s = new ClusterSnapshot();
    const i = s.setNode(node('n'));
    const info = new PodInfo(pod('p', { requests: { cpu: '500m', memory: '1Gi', 'example.com/gpu': '2' }, spec: { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] } }));
    const before = s.generation[i];
    s.addPod(info, 'n');
    expect([s.cpuRequested[i], s.memoryRequested[i], s.scalar('example.com/gpu')!.requested[i], s.claimInUse('default/c')]).toEqual([500, 2 ** 30, 2, true]);
    expect(s.generation[i]).not.toBe(before);
    s.removePod(info.uid, 'default');
    expect([s.cpuRequested[i], s.memoryRequested[i], s.scalar('example.com/gpu')!.requested[i], s.claimInUse('default/c'), s.pods[i].length]).toEqual([0, 0, 0, false, 0]);
  });

  test('keeps pods of a node that is not there yet, or no more', () => {
    const s = new ClusterSnapshot();
    const info = new PodInfo(pod('early', { requests: { cpu: '1' } }));
    s.addPod(info, 'n');
    expect([s.size, s.indexOf('n')]).toEqual([0, -1]);
    const i = s.setNode(node('n'));
    expect([s.size, s.cpuRequested[i]]).toEqual([1, 1000]);
    s.removeNode('n');
    expect(s.size).toBe(0);
    s.removePod(info.uid, 'default');
    expect(s.setNode(node('m'))).toBe(i);
    expect(s.cpuRequested[i]).toBe(0);
  });

  test('changes on scratch leave the node as it is', () => {
    const s = new ClusterSnapshot();
    const i = s.setNode(inZone('n', 'a'));
    const info = new PodInfo(pod('p', { requests: { cpu: '1' } }));
    s.addPod(info, 'n');
    const scratch = s.copyToScratch(i, 0);
    s.changeScratch(scratch, info, -1);
    expect([s.cpuRequested[scratch], s.pods[scratch].length, s.cpuRequested[i], s.pods[i].length]).toEqual([0, 0, 1000, 1]);
    expect(s.label('topology.kubernetes.io/zone').codes[scratch]).toBe(s.label('topology.kubernetes.io/zone').codes[i]);
  });

  test('grows with the cluster, labels and extended resources too', () => {
    const s = new ClusterSnapshot();
    s.label('topology.kubernetes.io/zone');
    for (let n = 0; n < 300; n++) s.setNode(node(`n${n}`, { labels: { 'topology.kubernetes.io/zone': `z${n % 7}` }, allocatable: { 'example.com/gpu': String(n) } }));
    const i = s.indexOf('n299');
    const zone = s.label('topology.kubernetes.io/zone');
    expect([s.size, s.cpuAllocatable[i], s.scalar('example.com/gpu')!.allocatable[i], zone.values[zone.codes[i]]]).toEqual([300, 4000, 299, 'z5']);
  });
});
