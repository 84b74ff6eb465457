import { podTemplateStructs } from '@pilothouse/api-schemas';
import type { PodTemplateSpec } from '@pilothouse/api-schemas/types/core/v1';
import { expect, test } from 'vitest';
import { dumpQuantity } from './quantity-dump.ts';
import { dumpTemplate } from './template-dump.ts';
import { fnv32a, safeEncode, templateHash } from './values.ts';

type Rows = (readonly string[])[];
type Table = Record<string, Rows>;
const v136: Table = Object.fromEntries(Object.entries(podTemplateStructs).map(([name, rows]) => [name, [...rows]]));
const drop = (table: Table, struct: string, ...fields: string[]): Table => ({ ...table, [struct]: table[struct].filter(([field]) => !fields.includes(field)) });
/** Structs of earlier versions, whose names are widely published. */
const v134 = drop(v136, 'PodSpec', 'SchedulingGroup');
const v135: Table = { ...v134, PodSpec: [...v134.PodSpec, ['WorkloadRef', 'workloadRef', '*v1.WorkloadReference', '*string']] };
const v133 = drop(drop(v134, 'PodSpec', 'HostnameOverride'), 'Container', 'RestartPolicyRules');
const hash = (template: PodTemplateSpec, table: Table) => safeEncode(String(fnv32a(Buffer.from(dumpTemplate(template, table as never)))));

const podDefaults = { restartPolicy: 'Always', terminationGracePeriodSeconds: 30, dnsPolicy: 'ClusterFirst', securityContext: {}, schedulerName: 'default-scheduler' };
const containerDefaults = { resources: {}, terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File', imagePullPolicy: 'Always' };
/** `kubectl create deployment nginx --image=nginx` */
const nginx: PodTemplateSpec = { metadata: { labels: { app: 'nginx' } }, spec: { ...podDefaults, containers: [{ ...containerDefaults, name: 'nginx', image: 'nginx' }] } };
/** The Deployment of Kubernetes' documentation. */
const documented: PodTemplateSpec = { metadata: { labels: { app: 'nginx' } }, spec: { ...podDefaults, containers: [{ ...containerDefaults, name: 'nginx', image: 'nginx:1.14.2', imagePullPolicy: 'IfNotPresent', ports: [{ containerPort: 80, protocol: 'TCP' }] }] } };
const probeDefaults = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 };
/** kubeadm's CoreDNS: quantities, probes with named ports, affinity, tolerations, a config map as volume. */
const coreDns = (image: string): PodTemplateSpec => ({
  metadata: { labels: { 'k8s-app': 'kube-dns' } },
  spec: {
    ...podDefaults, dnsPolicy: 'Default', priorityClassName: 'system-cluster-critical', serviceAccountName: 'coredns', serviceAccount: 'coredns',
    affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: { labelSelector: { matchExpressions: [{ key: 'k8s-app', operator: 'In', values: ['kube-dns'] }] }, topologyKey: 'kubernetes.io/hostname' } }] } },
    tolerations: [{ key: 'CriticalAddonsOnly', operator: 'Exists' }, { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }],
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    containers: [{
      ...containerDefaults, name: 'coredns', image, imagePullPolicy: 'IfNotPresent',
      resources: { limits: { memory: '170Mi' }, requests: { cpu: '100m', memory: '70Mi' } },
      args: ['-conf', '/etc/coredns/Corefile'],
      volumeMounts: [{ name: 'config-volume', mountPath: '/etc/coredns', readOnly: true }],
      ports: [{ containerPort: 53, name: 'dns', protocol: 'UDP' }, { containerPort: 53, name: 'dns-tcp', protocol: 'TCP' }, { containerPort: 9153, name: 'metrics', protocol: 'TCP' }, { containerPort: 8080, name: 'liveness-probe', protocol: 'TCP' }, { containerPort: 8181, name: 'readiness-probe', protocol: 'TCP' }],
      livenessProbe: { ...probeDefaults, httpGet: { path: '/health', port: 'liveness-probe', scheme: 'HTTP' }, initialDelaySeconds: 60, timeoutSeconds: 5, failureThreshold: 5 },
      readinessProbe: { ...probeDefaults, httpGet: { path: '/ready', port: 'readiness-probe', scheme: 'HTTP' } },
      securityContext: { allowPrivilegeEscalation: false, capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] }, readOnlyRootFilesystem: true },
    }],
    volumes: [{ name: 'config-volume', configMap: { name: 'coredns', items: [{ key: 'Corefile', path: 'Corefile' }], defaultMode: 420 } }],
  },
});

test.each<[string, string, PodTemplateSpec, Table]>([
  ['v1.33', '5869d7778c', nginx, v133],
  ['v1.34', '66686b6766', nginx, v134],
  ['v1.35', '56c45fd5ff', nginx, v135],
  ['v1.36', '7f8fbb96d', nginx, v136],
  ['v1.34', 'bf744486c', documented, v134],
  ['v1.34', '66bc5c9577', coreDns('registry.k8s.io/coredns/coredns:v1.12.1'), v134],
])("the hash of a template is the one in names that clusters of %s publish: %s", (_, expected, template, table) => {
  expect(hash(template, table)).toBe(expected);
});

test('collisions change the hash; what protobuf does not tell apart leaves it', () => {
  expect(templateHash(nginx, undefined)).toBe('7f8fbb96d');
  expect(templateHash(nginx, 1)).not.toBe('7f8fbb96d');
  expect(templateHash({ ...nginx, metadata: { ...nginx.metadata, annotations: {}, finalizers: [] } }, undefined)).toBe('7f8fbb96d');
});

const small = (value: string, scale: number, text: string, format: string) => `{i:(resource.int64Amount){value:(int64)${value} scale:(resource.Scale)${scale}} d:(resource.infDecAmount){Dec:(*inf.Dec)<nil>} s:(string)${text} Format:(resource.Format)${format}}`;

test.each([
  ['0', small('0', 0, '0', 'DecimalSI')],
  ['100m', small('100', -3, '100m', 'DecimalSI')],
  ['2', small('2', 0, '2', 'DecimalSI')],
  ['10k', small('10', 3, '10k', 'DecimalSI')],
  ['12e6', small('12', 6, '12e6', 'DecimalExponent')],
  ['170Mi', small('178257920', 0, '170Mi', 'BinarySI')],
  ['512Mi', small('536870912', 0, '', 'BinarySI')],
])('the quantity %s', (text, expected) => {
  expect(dumpQuantity(text)).toBe(expected);
});

test('a quantity beyond 64 bits is a decimal of nine places, in words of 64 bits', () => {
  const [, low, high] = /\{unscaled:\(big.Int\)\{neg:\(bool\)false abs:\(big.nat\)\[(\d+) (\d+)\]\} scale:\(inf.Scale\)9\}/.exec(dumpQuantity('1Pi'))!;
  expect(BigInt(low) + (BigInt(high) << 64n)).toBe(2n ** 50n * 10n ** 9n);
});
