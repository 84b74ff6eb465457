/** Objects that the benchmarks make. */

/** A pod of ordinary size (about 3.7 kB as stored), one of `pods` in 100 applications on 50 nodes. */
export const pod = (i: number) => ({
  apiVersion: 'v1', kind: 'Pod',
  metadata: { name: `pod-${i}`, namespace: 'default', labels: { app: `app-${i % 100}`, tier: 'bench', 'pod-template-hash': '5d4f8c7b9d' }, annotations: { 'bench.pilothouse.dev/note': 'a pod of ordinary size '.repeat(8) } },
  spec: {
    nodeName: `node-${i % 50}`, automountServiceAccountToken: false,
    containers: [{ name: 'main', image: 'registry.example.com/team/service:v1.2.3', ports: [{ containerPort: 8080, name: 'http' }], env: Array.from({ length: 8 }, (_, n) => ({ name: `SETTING_${n}`, value: `value ${n} of this setting` })), resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } }, readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 10 } }],
  },
});

export const node = (i: number) => ({
  apiVersion: 'v1', kind: 'Node',
  metadata: { name: `node-${i}`, labels: { 'kubernetes.io/hostname': `node-${i}`, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64', 'topology.kubernetes.io/zone': `zone-${i % 3}` } },
  spec: { podCIDR: `10.${(i >> 8) & 255}.${i & 255}.0/24` },
  status: { capacity: { cpu: '32', memory: '256Gi', pods: '110' }, allocatable: { cpu: '32', memory: '256Gi', pods: '110' }, conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }] },
});
