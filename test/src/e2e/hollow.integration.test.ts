import { beforeAll, describe, expect, test } from 'vitest';
import type { TestCluster } from '../golden/cluster.ts';
import { clusterForTest, eventually, kubectlFor, lacking } from './tools.ts';

const missing = lacking({ commands: ['kubectl'] });
describe.skipIf(missing)('a cluster of hollow nodes, by kubectl', () => {
  let cluster: TestCluster;
  let kubectl: ReturnType<typeof kubectlFor>;
  beforeAll(async () => {
    cluster = await clusterForTest();
    kubectl = kubectlFor(cluster.kubeconfig);
  });
  const available = (name: string, count: number) => eventually(`deployment ${name} with ${count} available`, () => kubectl(['get', 'deployment', name, '-o', 'jsonpath={.status.availableReplicas}/{.status.updatedReplicas}/{.status.replicas}']), (text) => text === `${count}/${count}/${count}`);

  test('its nodes become Ready', async () => {
    await eventually('three Ready nodes', () => kubectl('get nodes --no-headers'), (text) => text.split('\n').filter((l) => / Ready /.test(l)).length === 3, 5_000);
  });

  test('a deployment is created, scaled, exposed, updated, rolled back and deleted', async () => {
    await kubectl('create deployment web --image=nginx:1 --replicas=3');
    await available('web', 3);
    await kubectl('scale deployment web --replicas=5');
    await available('web', 5);
    await kubectl('expose deployment web --port=80');
    await eventually('five endpoints', () => kubectl(['get', 'endpointslices', '-l', 'kubernetes.io/service-name=web', '-o', 'jsonpath={.items[*].endpoints[*].conditions.ready}']), (text) => text.split(' ').filter((x) => x === 'true').length === 5);
    await kubectl('set image deployment/web nginx=nginx:2');
    expect(await kubectl('rollout status deployment/web --timeout=30s')).toContain('successfully rolled out');
    expect((await kubectl('rollout history deployment/web')).split('\n').filter((l) => /^\d/.test(l))).toHaveLength(2);
    await kubectl('rollout undo deployment/web');
    await kubectl('rollout status deployment/web --timeout=30s');
    expect(await kubectl(['get', 'deployment', 'web', '-o', 'jsonpath={.spec.template.spec.containers[0].image}'])).toBe('nginx:1');
    expect(await kubectl('describe deployment web')).toMatch(/Available +True/);
    await kubectl('delete deployment web');
    await eventually('no pods', () => kubectl('get pods -o name'), (text) => text === '');
  });

  test('a pod that no node takes says why', async () => {
    await kubectl(['run', 'big', '--image=nginx', '--overrides', JSON.stringify({ spec: { containers: [{ name: 'big', image: 'nginx', resources: { requests: { cpu: '100' } } }] } })]);
    await eventually('the FailedScheduling event', () => kubectl(['get', 'events', '--field-selector', 'reason=FailedScheduling', '-o', 'jsonpath={.items[*].message}']), (text) => text.includes('0/3 nodes are available: 3 Insufficient cpu.'));
  });

  test('a namespace takes everything in it along', async () => {
    await kubectl('create namespace short');
    await kubectl('-n short create configmap c --from-literal=a=b');
    await kubectl('-n short create deployment d --image=nginx');
    await kubectl('delete namespace short --timeout=30s');
    await expect(kubectl('get namespace short')).rejects.toThrow('NotFound');
  });

  test('bad input is answered in Kubernetes\' words and harms nobody', async () => {
    await expect(kubectl('apply -f -', { input: '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"},"spec":{"containers":[]}}' })).rejects.toThrow('spec.containers: Required value');
    await expect(kubectl('get nosuchthings')).rejects.toThrow('the server doesn\'t have a resource type "nosuchthings"');
    await expect(kubectl(['get', 'pods', '-l', 'a in (b'])).rejects.toThrow('unable to parse requirement');
    expect(await kubectl('get --raw /readyz')).toBe('ok');
  });
});

describe.skipIf(missing)('a crash', () => {
  test('in the middle of a rollout loses nothing and the rollout finishes', async () => {
    const cluster = await clusterForTest();
    const kubectl = kubectlFor(cluster.kubeconfig);
    await kubectl('create deployment web --image=nginx:1 --replicas=12');
    await kubectl('rollout status deployment/web --timeout=30s');
    await kubectl('set image deployment/web nginx=nginx:2');
    await cluster.crashAndRestart();
    expect(await kubectl('rollout status deployment/web --timeout=60s', { limitMs: 70_000 })).toContain('successfully rolled out');
    await eventually('twelve pods of the new image', () => kubectl(['get', 'pods', '-o', 'jsonpath={.items[*].spec.containers[0].image}']), (text) => text.split(' ').length === 12 && text.split(' ').every((i) => i === 'nginx:2'));
  });
});
