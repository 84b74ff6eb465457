import { type ChildProcess, spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, program } from '../golden/cluster.ts';
import { clusterForTest, eventually, kubectlFor, lacking } from './tools.ts';

describe.skipIf(lacking({ commands: ['kubectl'] }))('hollow nodes with a metrics server beside them', () => {
  let kubectl: ReturnType<typeof kubectlFor>;
  let server: ChildProcess;
  beforeAll(async () => {
    const cluster = await clusterForTest();
    kubectl = kubectlFor(cluster.kubeconfig);
    server = spawn(process.execPath, [program, 'metrics-server', '--kubeconfig', cluster.kubeconfig, '--secure-port', String(await freePort()), '--metric-resolution', '2s'], { stdio: 'inherit' });
  });
  afterAll(() => void server.kill());

  test('an autoscaler follows the load that pods share; kubectl top shows it', async () => {
    await kubectl('create deployment web --image=nginx');
    await kubectl('set resources deployment web --requests=cpu=200m --limits=cpu=1');
    await kubectl('expose deployment web --port=80');
    await kubectl('annotate service web pilothouse.dev/load=cpu=650m');
    await kubectl('autoscale deployment web --cpu-percent=50 --min=1 --max=8');
    await eventually('usage of the pod', () => kubectl('top pods --no-headers'), (text) => /^web-\S+ +6\d\dm +8Mi/.test(text));
    expect(await kubectl('top nodes --no-headers')).toMatch(/^hollow-node-\d +\d+m +\d+% +\d+Mi +\d+%/);
    expect(await kubectl('get apiservice v1beta1.metrics.k8s.io')).toContain('True');
    // 650m over a target of 100m a pod: seven, reached in steps of at most double.
    await eventually('seven replicas', () => kubectl(['get', 'hpa', 'web', '-o', 'jsonpath={.status.desiredReplicas} {.status.conditions[?(@.type=="ScalingActive")].reason}']), (text) => text === '7 ValidMetricFound', 90_000);
    expect(await kubectl(['get', 'events', '--field-selector', 'reason=SuccessfulRescale', '-o', 'jsonpath={.items[0].message}'])).toBe('New size: 4; reason: cpu resource utilization (percentage of request) above target');
    await kubectl('annotate service web pilothouse.dev/load=cpu=0 --overwrite');
    await kubectl(['patch', 'hpa', 'web', '-p', JSON.stringify({ spec: { behavior: { scaleDown: { stabilizationWindowSeconds: 0 } } } })]);
    await eventually('one replica again', () => kubectl(['get', 'hpa', 'web', '-o', 'jsonpath={.status.desiredReplicas}']), (text) => text === '1', 90_000);
  }, 240_000);
});
