import { certificateSigningRequests, conflictError, events, ingressClasses, ingresses, limitRanges, namespaces, nodes, persistentVolumeClaims, pods, priorityClasses, resourceQuotas, runtimeClasses, secrets, serviceAccounts, storageClasses } from '@pilothouse/apimachinery';
import { fakeClock } from '@pilothouse/base';
import { beforeEach, expect, test } from 'vitest';
import { type MemoryObjects, memoryObjects } from '../auth/testing.ts';
import { defaultIngressClass } from './default-ingress-class.ts';
import { defaultTolerationSeconds } from './default-toleration-seconds.ts';
import { standardAdmission } from './index.ts';
import { eventRateLimit } from './event-rate-limit.ts';
import { limitRanger } from './limit-ranger.ts';
import { podNodeSelector, podTolerationRestriction } from './namespace-annotations.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { nodeDeclaredFeatureValidator, podResizeValidator } from './pod-resize.ts';
import { podSecurity } from './pod-security/index.ts';
import { priority } from './priority.ts';
import { resourceQuota } from './resource-quota/index.ts';
import { runtimeClass } from './runtime-class.ts';
import { serviceAccount } from './service-account.ts';
import { defaultStorageClass, persistentVolumeClaimResize, storageObjectInUseProtection } from './storage.ts';
import { taintNodesByCondition } from './taint-nodes-by-condition.ts';
import { attempt, run } from './testing.ts';

let objects: MemoryObjects;
beforeEach(() => {
  objects = memoryObjects();
  objects.put(namespaces, { metadata: { name: 'a' }, status: { phase: 'Active' } });
});

const pod = (spec: object = {}, container: object = {}, metadata: object = {}): any => ({ metadata: { name: 'p', namespace: 'a', ...metadata }, spec: { containers: [{ name: 'c', image: 'i', ...container }], ...spec } });
const create = (plugin: any, type: any, object: any, more = {}) => run(plugin, attempt(type, object, objects, more));

test('nothing is created in a namespace that is missing or going away', async () => {
  await create(namespaceLifecycle, pods, pod());
  await expect(create(namespaceLifecycle, pods, pod({}, {}, { namespace: 'none' }))).rejects.toThrow('namespaces "none" not found');
  objects.put(namespaces, { metadata: { name: 'a' }, status: { phase: 'Terminating' } });
  const refused: any = await create(namespaceLifecycle, pods, pod()).catch((e) => e);
  expect(refused.status).toMatchObject({ code: 403, message: 'pods "p" is forbidden: unable to create new content in namespace a because it is being terminated', details: { causes: [{ reason: 'NamespaceTerminating', message: 'namespace a is being terminated', field: 'metadata.namespace' }] } });
  await expect(run(namespaceLifecycle, attempt(namespaces, undefined, objects, { operation: 'DELETE', name: 'kube-system' }))).rejects.toThrow('namespaces "kube-system" is forbidden: this namespace may not be deleted');
});

test('a limit range fills in and bounds what containers ask for', async () => {
  objects.put(limitRanges, { metadata: { name: 'lr', namespace: 'a' }, spec: { limits: [{ type: 'Container', min: { cpu: '100m', memory: '16Mi' }, max: { cpu: '1', memory: '1Gi' }, default: { cpu: '1', memory: '1Gi' }, defaultRequest: { cpu: '1', memory: '1Gi' }, maxLimitRequestRatio: { cpu: '4' } }] } });
  const filled = await create(limitRanger, pods, pod());
  expect(filled.spec.containers[0].resources).toEqual({ requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } });
  expect(filled.metadata.annotations).toEqual({ 'kubernetes.io/limit-ranger': 'LimitRanger plugin set: cpu, memory request for container c; cpu, memory limit for container c' });
  const cases: [object, string][] = [
    [{ limits: { cpu: '3', memory: '1Gi' }, requests: { cpu: '1', memory: '1Gi' } }, 'pods "p" is forbidden: maximum cpu usage per Container is 1, but limit is 3'],
    [{ requests: { cpu: '10m', memory: '16Mi' }, limits: { cpu: '40m', memory: '16Mi' } }, 'pods "p" is forbidden: minimum cpu usage per Container is 100m, but request is 10m'],
    [{ requests: { cpu: '100m' }, limits: { cpu: '900m' } }, 'pods "p" is forbidden: cpu max limit to request ratio per Container is 4, but provided ratio is 9.000000'],
    [{ requests: { cpu: '3', memory: '3Gi' }, limits: { cpu: '3', memory: '3Gi' } }, 'pods "p" is forbidden: [maximum cpu usage per Container is 1, but limit is 3, maximum memory usage per Container is 1Gi, but limit is 3Gi]'],
  ];
  for (const [resources, message] of cases) await expect(create(limitRanger, pods, pod({}, { resources })), message).rejects.toThrow(message);
  objects.put(limitRanges, { metadata: { name: 'lr', namespace: 'a' }, spec: { limits: [{ type: 'PersistentVolumeClaim', min: { storage: '2Gi' } }] } });
  await expect(create(limitRanger, persistentVolumeClaims, { metadata: { name: 'c', namespace: 'a' }, spec: { resources: { requests: { storage: '1Gi' } } } })).rejects.toThrow('persistentvolumeclaims "c" is forbidden: minimum storage usage per PersistentVolumeClaim is 2Gi, but request is 1Gi');
});

test('a pod runs as a service account and finds a token', async () => {
  objects.put(serviceAccounts, { metadata: { name: 'default', namespace: 'a' }, imagePullSecrets: [{ name: 'pull' }] });
  const admitted = await create(serviceAccount, pods, pod());
  const [volume] = admitted.spec.volumes;
  expect(volume.name).toMatch(/^kube-api-access-[a-z0-9]{5}$/);
  expect(volume.projected.sources.map((s: object) => Object.keys(s)[0])).toEqual(['serviceAccountToken', 'configMap', 'downwardAPI']);
  expect(admitted.spec).toMatchObject({ serviceAccountName: 'default', serviceAccount: 'default', imagePullSecrets: [{ name: 'pull' }], containers: [{ volumeMounts: [{ name: volume.name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }] }] });
  expect((await create(serviceAccount, pods, pod({ automountServiceAccountToken: false }))).spec.volumes).toBeUndefined();
  await expect(create(serviceAccount, pods, pod({ serviceAccountName: 'nobody' }))).rejects.toThrow('pods "p" is forbidden: error looking up service account a/nobody: serviceaccount "nobody" not found');
  objects.put(serviceAccounts, { metadata: { name: 'strict', namespace: 'a', annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' } }, secrets: [{ name: 'ok' }] });
  await expect(create(serviceAccount, pods, pod({ serviceAccountName: 'strict', volumes: [{ name: 'v', secret: { secretName: 'no' } }] }))).rejects.toThrow('pods "p" is forbidden: volume with secret.secretName="no" is not allowed because service account strict does not reference that secret');
  const secretive = { env: [{ name: 'E', valueFrom: { secretKeyRef: { name: 'no', key: 'k' } } }] };
  const patched = pod({ serviceAccountName: 'strict', ephemeralContainers: [{ name: 'e', ...secretive }] });
  await expect(create(serviceAccount, pods, patched, { operation: 'UPDATE', subresource: 'ephemeralcontainers', old: patched })).rejects.toMatchObject({ status: { code: 500, message: 'ephemeral container e with envVar E referencing secret.secretName="no" is not allowed because service account strict does not reference that secret' } });
  await expect(create(serviceAccount, pods, pod({}, secretive, { annotations: { 'kubernetes.io/config.mirror': 'x' } }))).rejects.toThrow('a mirror pod may not reference secrets');
  await expect(create(serviceAccount, pods, pod({ serviceAccountName: 'default' }, {}, { annotations: { 'kubernetes.io/config.mirror': 'x' } }))).rejects.toThrow('a mirror pod may not reference service accounts');
});

test('a priority class becomes a number', async () => {
  objects.put(priorityClasses, { metadata: { name: 'high' }, value: 1000, preemptionPolicy: 'Never' });
  expect((await create(priority, pods, pod())).spec).toMatchObject({ priority: 0, preemptionPolicy: 'PreemptLowerPriority' });
  expect((await create(priority, pods, pod({ priorityClassName: 'high' }))).spec).toMatchObject({ priority: 1000, preemptionPolicy: 'Never' });
  expect((await create(priority, pods, pod({ priorityClassName: 'system-node-critical' }))).spec.priority).toBe(2000001000);
  await expect(create(priority, pods, pod({ priorityClassName: 'none' }))).rejects.toThrow('pods "p" is forbidden: no PriorityClass with name none was found');
  await expect(create(priority, pods, pod({ priority: 7 }))).rejects.toThrow('the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 0 from the given PriorityClass name');
  objects.put(priorityClasses, { metadata: { name: 'base' }, value: 5, globalDefault: true });
  expect((await create(priority, pods, pod())).spec).toMatchObject({ priority: 5, priorityClassName: 'base' });
  await expect(create(priority, priorityClasses, { metadata: { name: 'other' }, value: 1, globalDefault: true })).rejects.toThrow('PriorityClass base is already marked as default. Only one default can exist');
  await expect(run(priority, attempt(priorityClasses, undefined, objects, { operation: 'DELETE', name: 'system-node-critical' }))).rejects.toThrow('priorityclasses.scheduling.k8s.io "system-node-critical" is forbidden: this is a system priority class and cannot be deleted');
});

test('small defaults: tolerations, taints, finalizers, storage and ingress classes', async () => {
  const keys = (p: any) => p.spec.tolerations.map((t: any) => t.key);
  expect(keys(await create(defaultTolerationSeconds(), pods, pod()))).toEqual(['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']);
  expect(keys(await create(defaultTolerationSeconds(), pods, pod({ tolerations: [{ key: 'node.kubernetes.io/unreachable', operator: 'Exists' }] })))).toEqual(['node.kubernetes.io/unreachable', 'node.kubernetes.io/not-ready']);
  expect((await create(defaultTolerationSeconds(), pods, pod({ tolerations: [{ operator: 'Exists' }] }))).spec.tolerations).toHaveLength(1);
  expect((await create(taintNodesByCondition, nodes, { metadata: { name: 'n' } })).spec.taints).toEqual([{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }]);
  objects.put(storageClasses, { metadata: { name: 'fast', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } }, provisioner: 'x' });
  const claim = (spec = {}) => ({ metadata: { name: 'c', namespace: 'a' }, spec });
  expect((await create(defaultStorageClass, persistentVolumeClaims, claim())).spec.storageClassName).toBe('fast');
  expect((await create(defaultStorageClass, persistentVolumeClaims, claim({ storageClassName: '' }))).spec.storageClassName).toBe('');
  expect((await create(storageObjectInUseProtection, persistentVolumeClaims, claim())).metadata.finalizers).toEqual(['kubernetes.io/pvc-protection']);
  const grow = attempt(persistentVolumeClaims, claim({ storageClassName: 'fast', resources: { requests: { storage: '2Gi' } } }), objects, { operation: 'UPDATE', old: { ...claim({ resources: { requests: { storage: '1Gi' } } }), status: { phase: 'Bound' } } });
  await expect(run(persistentVolumeClaimResize, grow)).rejects.toThrow('only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize');
  objects.put(ingressClasses, { metadata: { name: 'ic', annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } } });
  expect((await create(defaultIngressClass, ingresses, { metadata: { name: 'i', namespace: 'a' }, spec: {} })).spec.ingressClassName).toBe('ic');
  expect((await create(defaultIngressClass, ingresses, { metadata: { name: 'i', namespace: 'a', annotations: { 'kubernetes.io/ingress.class': 'old' } }, spec: {} })).spec.ingressClassName).toBeUndefined();
});

test('a runtime class gives its overhead and placement', async () => {
  objects.put(runtimeClasses, { metadata: { name: 'vm' }, handler: 'h', overhead: { podFixed: { memory: '64Mi' } }, scheduling: { nodeSelector: { vm: 'yes' } } });
  expect((await create(runtimeClass, pods, pod({ runtimeClassName: 'vm' }))).spec).toMatchObject({ overhead: { memory: '64Mi' }, nodeSelector: { vm: 'yes' } });
  await expect(create(runtimeClass, pods, pod({ runtimeClassName: 'none' }))).rejects.toThrow('pod rejected: RuntimeClass "none" not found');
  await expect(create(runtimeClass, pods, pod({ overhead: { cpu: '1' } }))).rejects.toThrow('pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
});

test('tolerations of a runtime class come without what others cover', async () => {
  const own = { key: 'k', operator: 'Equal', value: 'v', effect: 'NoSchedule' };
  const wide = { key: 'k', operator: 'Exists' };
  objects.put(runtimeClasses, { metadata: { name: 'vm' }, handler: 'h', scheduling: { tolerations: [wide, { ...wide, effect: 'NoExecute' }, { key: 'x', value: 'y' }] } });
  expect((await create(runtimeClass, pods, pod({ runtimeClassName: 'vm', tolerations: [own, { key: 'x', value: 'y' }] }))).spec.tolerations).toEqual([{ key: 'x', value: 'y' }, wide]);
  await expect(create(runtimeClass, pods, pod({ runtimeClassName: '' }))).rejects.toMatchObject({ status: { code: 500, message: 'resource name may not be empty' } });
});

test('a pod is not resized beyond its node, nor in ways its node does not know', async () => {
  const of = (spec: object, generation: number) => pod({ nodeName: 'n', ...spec }, { resources: { requests: { cpu: '1500m', memory: '2Gi' } } }, { generation });
  const resize = (plugin: any, spec = {}, subresource = 'resize') => create(plugin, pods, of(spec, 2), { operation: 'UPDATE', subresource, old: of({}, 1) });
  await expect(resize(podResizeValidator)).rejects.toThrow('pods "p" is forbidden: node "n" not found');
  objects.put(nodes, { metadata: { name: 'n', labels: { 'kubernetes.io/os': 'windows' } } });
  await expect(resize(podResizeValidator)).rejects.toMatchObject({ status: { message: 'pods "p" is forbidden: pod resize is only supported on linux nodes, node "n" is "windows"', details: { causes: [{ reason: 'UnsupportedPlatform' }] } } });
  objects.put(nodes, { metadata: { name: 'n' }, status: { allocatable: { cpu: '1', memory: '1Gi' } } });
  await expect(resize(podResizeValidator)).rejects.toThrow("node didn't have enough allocatable resources: cpu, requested: 1500, allocatable: 1000; memory, requested: 2147483648, allocatable: 1073741824");
  await resize(podResizeValidator, {}, '');
  await resize(nodeDeclaredFeatureValidator);
  await expect(resize(nodeDeclaredFeatureValidator, { resources: { requests: { cpu: '1' } } })).rejects.toThrow('pod update requires features InPlacePodLevelResourcesVerticalScaling which are not available on node "n"');
});

test('pods keep to the security level of their namespace', async () => {
  const plugin = podSecurity();
  const at = (labels: Record<string, string>) => objects.put(namespaces, { metadata: { name: 'a', labels: Object.fromEntries(Object.entries(labels).map(([k, v]) => [`pod-security.kubernetes.io/${k}`, v])) } });
  at({ enforce: 'baseline' });
  const baseline: [any, string][] = [
    [pod({ hostPID: true, hostIPC: true }), 'host namespaces (hostPID=true, hostIPC=true)'],
    [pod({ initContainers: [{ name: 'i', securityContext: { privileged: true } }] }, { securityContext: { privileged: true } }), 'privileged (containers "i", "c" must not set securityContext.privileged=true)'],
    [pod({}, { securityContext: { capabilities: { add: ['SYS_ADMIN', 'NET_RAW'] } } }), 'non-default capabilities (container "c" must not include "NET_RAW", "SYS_ADMIN" in securityContext.capabilities.add)'],
    [pod({}, { ports: [{ hostPort: 8080 }] }), 'hostPort (container "c" uses hostPort 8080)'],
    [pod({ volumes: [{ name: 'a', hostPath: {} }, { name: 'b', hostPath: {} }] }), 'hostPath volumes (volumes "a", "b")'],
    [pod({}, { livenessProbe: { httpGet: { host: '1.2.3.4' } } }), 'probe or lifecycle host (container "c" uses probe or lifecycle host "1.2.3.4")'],
    [pod({ securityContext: { seccompProfile: { type: 'Unconfined' } } }), 'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")'],
    [pod({}, { securityContext: { seLinuxOptions: { user: 'u', role: 'r' } } }), 'seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions: user may not be set; role may not be set)'],
    [pod({}, { securityContext: { appArmorProfile: { type: 'Unconfined' } } }), 'forbidden AppArmor profile (container "c" must not set AppArmor profile type to "Unconfined")'],
    [pod({ securityContext: { sysctls: [{ name: 'kernel.msgmax' }] } }), 'forbidden sysctls (kernel.msgmax)'],
    [pod({ hostNetwork: true, securityContext: { windowsOptions: { hostProcess: true } } }), 'host namespaces (hostNetwork=true), hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)'],
  ];
  for (const [object, detail] of baseline) await expect(create(plugin, pods, object), detail).rejects.toThrow(`pods "p" is forbidden: violates PodSecurity "baseline:latest": ${detail}`);
  for (const object of [pod(), pod({ hostUsers: false }, { securityContext: { procMount: 'Unmasked' } }), pod({ volumes: [{ name: 'n', nfs: {} }] })]) await create(plugin, pods, object);
  at({ enforce: 'restricted' });
  await expect(create(plugin, pods, pod())).rejects.toThrow('violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")');
  at({ enforce: 'restricted', 'enforce-version': 'v1.18' });
  await expect(create(plugin, pods, pod())).rejects.toThrow('violates PodSecurity "restricted:v1.18": allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true)');
  at({ warn: 'baseline' });
  const warnings: string[] = [];
  await create(plugin, pods, pod({ hostPID: true }), { warnings });
  expect(warnings).toEqual(['would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)']);
  await expect(create(plugin, namespaces, { metadata: { name: 'x', labels: { 'pod-security.kubernetes.io/warn': 'nope' } } })).rejects.toThrow('Namespace "x" is invalid: metadata.labels[pod-security.kubernetes.io/warn]: Invalid value: "nope": must be one of privileged, baseline, restricted');
});

test('a new level names the pods that are there already', async () => {
  objects.put(pods, pod({ hostPID: true }));
  objects.put(pods, pod({ hostPID: true }, {}, { name: 'q' }));
  const warnings: string[] = [];
  await run(podSecurity(), attempt(namespaces, { metadata: { name: 'a', labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } } }, objects, { operation: 'UPDATE', old: { metadata: { name: 'a' } }, warnings }));
  expect(warnings).toEqual(['existing pods in namespace "a" violate the new PodSecurity enforce level "baseline:latest"', 'p (and 1 other pod): host namespaces']);
});

test('a node changes its own node and pods only', async () => {
  const user = { name: 'system:node:n', groups: ['system:nodes', 'system:authenticated'] };
  const as = (type: any, object: any, more = {}) => create(nodeRestriction, type, object, { user, ...more });
  await as(nodes, { metadata: { name: 'n', labels: { 'kubernetes.io/hostname': 'n', 'kubelet.kubernetes.io/x': 'y', own: 'z' } } });
  await expect(as(nodes, { metadata: { name: 'm' } })).rejects.toThrow('nodes "m" is forbidden: node "n" is not allowed to modify node "m"');
  await expect(as(nodes, { metadata: { name: 'n', labels: { 'node-restriction.kubernetes.io/x': 'y' } } }, { operation: 'UPDATE', old: { metadata: { name: 'n' } } })).rejects.toThrow('nodes "n" is forbidden: is not allowed to modify labels: node-restriction.kubernetes.io/x');
  await expect(as(pods, pod())).rejects.toThrow('pods "p" is forbidden: pod does not have "kubernetes.io/config.mirror" annotation, node "n" can only create mirror pods');
  await expect(as(pods, pod(), { operation: 'UPDATE', subresource: 'status', old: pod({ nodeName: 'm' }) })).rejects.toThrow('node "n" can only update pod status for pods with spec.nodeName set to itself');
  objects.put(pods, pod({ nodeName: 'n', volumes: [{ name: 't', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }] }, {}, { uid: 'u' }));
  const token = (spec: object) => as(serviceAccounts, { metadata: { name: 'sa', namespace: 'a' }, spec }, { subresource: 'token' });
  const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u' };
  await token({ boundObjectRef });
  const requests = (request: string, signerName = 'kubernetes.io/kubelet-serving') => as(certificateSigningRequests, { metadata: { name: 'r' }, spec: { signerName, request } });
  await requests('', 'example.com/other');
  await expect(requests('')).rejects.toThrow('certificatesigningrequests.certificates.k8s.io "r" is forbidden: unable to parse csr: PEM block type must be CERTIFICATE REQUEST');
  await expect(token({})).rejects.toThrow('serviceaccounts "sa" is forbidden: node requested token not bound to a pod');
  await expect(token({ boundObjectRef, audiences: ['odd'] })).rejects.toThrow('audience "odd" not found in pod spec volume, system:node:n is not authorized to request tokens for this audience');
});

test('quotas are reserved before an object is stored, also when two servers race', async () => {
  const put = (used: object, resourceVersion: string) => objects.put(resourceQuotas, { metadata: { name: 'q', namespace: 'a', uid: 'u', resourceVersion }, spec: {}, status: { hard: { pods: '2', 'requests.cpu': '1', 'limits.memory': '1Gi' }, used } } as any);
  put({ pods: '0', 'requests.cpu': '0', 'limits.memory': '0' }, '1');
  let conflicts = 1;
  const plugin = resourceQuota({
    async updateStatus(quota: any) {
      if (conflicts-- > 0) throw conflictError(resourceQuotas, 'q', 'changed');
      const stored = { ...quota, metadata: { ...quota.metadata, resourceVersion: String(Number(quota.metadata.resourceVersion) + 1) } };
      objects.put(resourceQuotas, stored);
      return stored;
    },
    get: async (name, namespace) => objects.get(resourceQuotas, name, namespace),
  });
  const sized = (name: string, cpu: string, memory: string) => pod({}, { resources: { requests: { cpu }, limits: { memory } } }, { name });
  await expect(create(plugin, pods, pod())).rejects.toThrow('pods "p" is forbidden: failed quota: q: must specify limits.memory for: c; requests.cpu for: c');
  await create(plugin, pods, sized('a', '400m', '512Mi'));
  expect((await objects.get(resourceQuotas, 'q', 'a'))!.status!.used).toEqual({ pods: '1', 'requests.cpu': '400m', 'limits.memory': '512Mi' });
  await expect(create(plugin, pods, sized('big', '2', '2Gi'))).rejects.toThrow('pods "big" is forbidden: exceeded quota: q, requested: limits.memory=2Gi,requests.cpu=2, used: limits.memory=512Mi,requests.cpu=400m, limited: limits.memory=1Gi,requests.cpu=1');
  const results = await Promise.allSettled(['x', 'y', 'z'].map((name) => create(plugin, pods, sized(name, '1m', '1Mi'))));
  expect(results.map((r) => r.status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  expect((results[1] as PromiseRejectedResult).reason.message).toBe('pods "y" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2');
  await expect(create(plugin, pods, sized('dry', '2', '1Mi'), { dryRun: true })).rejects.toThrow('exceeded quota');
  await create(plugin, secrets, { metadata: { name: 's', namespace: 'a' } });
});

test('a quota with scopes is about the pods in them', async () => {
  const quota = (name: string, spec: object) => objects.put(resourceQuotas, { metadata: { name, namespace: 'a', uid: name, resourceVersion: '1' }, spec, status: { hard: { pods: '0' }, used: { pods: '0' } } } as any);
  const plugin = resourceQuota({ updateStatus: async (q) => q, get: async () => undefined });
  quota('be', { scopes: ['BestEffort'] });
  await expect(create(plugin, pods, pod())).rejects.toThrow('exceeded quota: be, requested: pods=1, used: pods=0, limited: pods=0');
  await create(plugin, pods, pod({}, { resources: { requests: { cpu: '1m' } } }));
  objects.remove(resourceQuotas, 'be', 'a');
  quota('prio', { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] } });
  await create(plugin, pods, pod());
  await expect(create(plugin, pods, pod({ priorityClassName: 'high' }))).rejects.toThrow('exceeded quota: prio');
});

test('what a namespace says of its pods is followed where that is switched on', async () => {
  const annotated = (annotations: Record<string, string>) => objects.put(namespaces, { metadata: { name: 'a', annotations: Object.fromEntries(Object.entries(annotations).map(([k, v]) => [`scheduler.alpha.kubernetes.io/${k}`, v])) } });
  annotated({ 'node-selector': 'env=test,zone=x' });
  expect((await create(podNodeSelector(), pods, pod())).spec.nodeSelector).toEqual({ env: 'test', zone: 'x' });
  await expect(create(podNodeSelector(), pods, pod({ nodeSelector: { env: 'prod' } }))).rejects.toThrow('pods "p" is forbidden: pod node label selector conflicts with its namespace node label selector');
  annotated({ defaultTolerations: '[{"key":"k","operator":"Exists"}]', tolerationsWhitelist: '[{"key":"k","operator":"Exists"}]' });
  expect((await create(podTolerationRestriction(), pods, pod())).spec.tolerations).toEqual([{ key: 'k', operator: 'Exists' }]);
  await expect(create(podTolerationRestriction(), pods, pod({ tolerations: [{ key: 'other', operator: 'Exists' }] }))).rejects.toThrow('conflict with its namespace whitelist');
});

test('events are limited by the second where that is switched on', async () => {
  const plugin = eventRateLimit([{ type: 'Namespace', qps: 1, burst: 2 }]);
  const clock = fakeClock();
  const event = (namespace: string) => create(plugin, events, { metadata: { name: 'e', namespace } }, { clock });
  await event('a');
  await event('a');
  await expect(event('a')).rejects.toThrow('limit reached on type Namespace for key a');
  await event('b');
  clock.advance(1000);
  await event('a');
});

test('plugins are chosen by upstream\'s names and run in upstream\'s order', () => {
  const client = {} as never;
  const names = standardAdmission({ client, enable: ['AlwaysPullImages'], disable: ['PodSecurity'], further: [{ name: 'MutatingAdmissionWebhook', operations: [] }] }).map((p) => p.name);
  expect(names.slice(0, 5)).toEqual(['NamespaceLifecycle', 'LimitRanger', 'ServiceAccount', 'NodeRestriction', 'TaintNodesByCondition']);
  expect(names).toContain('AlwaysPullImages');
  expect(names).not.toContain('PodSecurity');
  expect(names.slice(-2)).toEqual(['MutatingAdmissionWebhook', 'ResourceQuota']);
  expect(() => standardAdmission({ client, enable: ['Nope'] })).toThrow('--enable-admission-plugins: there is no plugin "Nope"');
});
