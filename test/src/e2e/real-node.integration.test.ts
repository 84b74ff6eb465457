import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { freePort, type TestCluster } from '../golden/cluster.ts';
import { clusterForTest, eventually, kubectlFor, lacking, run } from './tools.ts';

const image = 'docker.io/library/busybox:1.36';
const web = (replicas: number) => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: c
        image: ${image}
        command: ["sh", "-c", "mkdir -p /w; hostname > /w/index.html; httpd -f -v -p 8080 -h /w"]
        ports: [{containerPort: 8080}]
        readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}
`;
const shell = `
apiVersion: v1
kind: Pod
metadata: {name: shell}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: c, image: "${image}", command: ["sh", "-c", "while true; do date +%s; sleep 1; done"]}
`;

describe.skipIf(lacking({ commands: ['kubectl'], realNode: true }))('a node that runs containers, by kubectl', () => {
  let cluster: TestCluster;
  let kubectl: ReturnType<typeof kubectlFor>;
  beforeAll(async () => {
    cluster = await clusterForTest({ realNode: true, flags: ['--service-lb-pool', '198.19.1.0/28'] });
    kubectl = kubectlFor(cluster.kubeconfig);
    await kubectl('apply -f -', { input: web(2) });
    await kubectl('apply -f -', { input: shell });
    await kubectl('rollout status deployment/web --timeout=60s', { limitMs: 70_000 });
    await kubectl('wait pod/shell --for=condition=Ready --timeout=30s');
  });
  const fetchBody = async (url: string) => (await fetch(url, { signal: AbortSignal.timeout(3000) })).text();

  test('a service answers at its node port, and inside the cluster by name', async () => {
    await kubectl('expose deployment web --port=80 --target-port=8080 --type=NodePort');
    const port = await kubectl(['get', 'service', 'web', '-o', 'jsonpath={.spec.ports[0].nodePort}']);
    await eventually('an answer at the node port', () => fetchBody(`http://127.0.0.1:${port}/`), (text) => text.startsWith('web-'));
    await eventually('an answer by name', () => kubectl('exec shell -- timeout 4 wget -qO- http://web.default.svc.cluster.local'), (text) => text.startsWith('web-'));
    expect(await kubectl('exec shell -- nslookup kubernetes.default.svc.cluster.local')).toContain('10.96.0.1');
  });

  test('a load balancer\'s address comes from the pool, the node answers for it, and gives it up', async () => {
    await kubectl('expose deployment web --name=balanced --port=80 --target-port=8080 --type=LoadBalancer');
    const address = await eventually('an address', () => kubectl(['get', 'service', 'balanced', '-o', 'jsonpath={.status.loadBalancer.ingress[0].ip}']), (text) => text.startsWith('198.19.1.'));
    const onLoopback = async () => (await run('ip', ['-4', 'address', 'show', 'dev', 'lo'])).stdout.includes(`${address}/32`);
    await eventually('the node to have it', onLoopback, (there) => there);
    await eventually('an answer', () => fetchBody(`http://${address}/`), (text) => text.startsWith('web-'));
    await kubectl('delete service balanced');
    await eventually('the node to give it up', onLoopback, (there) => !there);
  });

  test('a claim gets a directory of the node out of the box, which outlives its pod and goes with the claim', async () => {
    const user = (name: string, command: string) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  securityContext: {runAsUser: 1000}
  containers: [{name: c, image: "${image}", command: ["sh", "-c", "${command}"], volumeMounts: [{name: data, mountPath: /data}]}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
`;
    await kubectl('apply -f -', { input: `apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n---${user('writer', 'echo kept > /data/note')}` });
    await kubectl('wait pod/writer --for=jsonpath={.status.phase}=Succeeded --timeout=60s', { limitMs: 70_000 });
    const volume = await kubectl(['get', 'pvc', 'data', '-o', 'jsonpath={.spec.volumeName}']);
    const path = await kubectl(['get', 'pv', volume, '-o', 'jsonpath={.spec.hostPath.path}']);
    expect(readFileSync(join(path, 'note'), 'utf8')).toBe('kept\n');
    await kubectl('delete pod writer');
    await kubectl('apply -f -', { input: user('reader', 'cat /data/note') });
    await kubectl('wait pod/reader --for=jsonpath={.status.phase}=Succeeded --timeout=60s', { limitMs: 70_000 });
    expect(await kubectl('logs reader')).toBe('kept');
    await kubectl('delete pod/reader pvc/data');
    await eventually('no volume', () => kubectl('get pv -o name'), (text) => text === '');
    expect(existsSync(path)).toBe(false);
  });

  test('scaling changes the endpoints, and a deleted pod is replaced', async () => {
    await kubectl('scale deployment web --replicas=5');
    await kubectl('rollout status deployment/web --timeout=60s', { limitMs: 70_000 });
    const first = (await kubectl('get pods -l app=web -o name')).split('\n')[0];
    await kubectl(`delete ${first} --wait=false`);
    await eventually('five ready pods without the deleted one', () => kubectl('get pods -l app=web --no-headers'), (text) => !text.includes(first.slice(4)) && text.split('\n').filter((l) => / 1\/1 +Running /.test(l)).length === 5, 60_000);
    await kubectl('scale deployment web --replicas=2');
  });

  test('exec passes standard input, output and the exit code', async () => {
    expect(await kubectl('exec -i shell -- cat', { input: 'over the wire' })).toBe('over the wire');
    const large = 'x'.repeat(2_000_000);
    expect(await kubectl('exec -i shell -- cat', { input: large })).toBe(large);
    await expect(kubectl(['exec', 'shell', '--', 'sh', '-c', 'exit 7'])).rejects.toThrow('exit code 7');
  });

  test('logs are read, tailed and followed', async () => {
    await eventually('some lines', () => kubectl('logs shell --tail=2'), (text) => text.split('\n').length === 2);
    const followed = await run('kubectl', ['--kubeconfig', cluster.kubeconfig, 'logs', '-f', 'shell', '--tail=1'], { limitMs: 3500 });
    expect(followed.stdout.trim().split('\n').length).toBeGreaterThanOrEqual(3);
  });

  test('attach shows what the process writes', async () => {
    const attached = await run('kubectl', ['--kubeconfig', cluster.kubeconfig, 'attach', 'shell'], { limitMs: 3500 });
    expect(attached.stdout).toMatch(/\d{10}/);
  });

  test('port-forward reaches a container', async () => {
    const local = await freePort();
    const child = spawn('kubectl', ['--kubeconfig', cluster.kubeconfig, 'port-forward', 'deployment/web', `${local}:8080`]);
    try {
      await eventually('an answer through the tunnel', () => fetchBody(`http://127.0.0.1:${local}/`), (text) => text.startsWith('web-'));
      for (let i = 0; i < 5; i++) expect(await fetchBody(`http://127.0.0.1:${local}/`)).toMatch(/^web-/);
    } finally {
      child.kill();
    }
  });

  test('cp copies both ways', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'cp-'));
    try {
      writeFileSync(join(dir, 'a.txt'), 'carried\n');
      await kubectl(['cp', join(dir, 'a.txt'), 'shell:/tmp/b.txt']);
      expect(await kubectl('exec shell -- cat /tmp/b.txt')).toBe('carried');
      await kubectl(['cp', 'shell:/tmp/b.txt', join(dir, 'c.txt')]);
      expect(readFileSync(join(dir, 'c.txt'), 'utf8')).toBe('carried\n');
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  test('a taint keeps pods away, and the event says so', async () => {
    await kubectl('taint node node-1 maintenance=yes:NoSchedule');
    await kubectl(`run tainted --image=${image} --restart=Never -- true`);
    await eventually('the FailedScheduling event', () => kubectl(['get', 'events', '--field-selector', 'involvedObject.name=tainted', '-o', 'jsonpath={.items[*].message}']), (text) => text.includes('0/1 nodes are available: 1 node(s) had untolerated taint(s)'));
    await kubectl('taint node node-1 maintenance-');
    await eventually('the pod to complete', () => kubectl(['get', 'pod', 'tainted', '-o', 'jsonpath={.status.phase}']), (text) => text === 'Succeeded');
  });

  test('describe tells of pod, node, service and deployment', async () => {
    expect(await kubectl('describe pod shell')).toMatch(/Container ID: +containerd:\/\//);
    expect(await kubectl('describe node node-1')).toMatch(/KubeletReady/);
    expect(await kubectl('describe service web')).toMatch(/Endpoints: +10\.244\./);
    expect(await kubectl('describe deployment web')).toMatch(/NewReplicaSetAvailable/);
  });

  test('the pods outlive a crash of everything else, and are adopted', async () => {
    const before = await kubectl(['get', 'pod', 'shell', '-o', 'jsonpath={.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}']);
    await kubectl('set env deployment/web CHANGED=yes');
    await cluster.crashAndRestart();
    await kubectl('rollout status deployment/web --timeout=60s', { limitMs: 70_000 });
    expect(await kubectl(['get', 'pod', 'shell', '-o', 'jsonpath={.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}'])).toBe(before);
  });

  test('a namespace takes its pods along', async () => {
    await kubectl('create namespace short');
    await kubectl(['-n', 'short', 'run', 'p', `--image=${image}`, '--', 'sh', '-c', 'trap "exit 0" TERM; sleep 600 & wait']);
    await kubectl('-n short wait pod/p --for=condition=Ready --timeout=30s');
    await kubectl('delete namespace short --timeout=90s', { limitMs: 100_000 });
    await expect(kubectl('get namespace short')).rejects.toThrow('NotFound');
  });
});
