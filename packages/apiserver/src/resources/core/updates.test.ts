/** What writes of stored objects keep, refuse and warn of. */
import { describe, expect, test } from 'vitest';
import { rulesOf } from '../testing.ts';

const first = (findings: string[]): string[] => findings.map((finding) => finding.split('\n')[0]);

describe('pods', () => {
  const { created, changed, create, update, updateStatus, warnings } = rulesOf('', 'pods');
  const pod = { spec: { containers: [{ name: 'c', image: 'i' }] } };
  const running = (status: object) => ({ ...pod, status });

  test('on the host network open the ports of the host; their templates leave that to them', () => {
    const spec = { hostNetwork: true, containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80 }] }] };
    expect(created({ spec }).spec.containers[0].ports[0].hostPort).toBe(80);
    const template = { metadata: { labels: { a: 'b' } }, spec };
    const deployments = rulesOf('apps', 'deployments');
    expect(deployments.created({ spec: { selector: { matchLabels: { a: 'b' } }, template } }).spec.template.spec.containers[0].ports[0].hostPort).toBeUndefined();
  });

  test('may keep a change policy for SELinux that new ones may not have', () => {
    const with_ = { spec: { ...pod.spec, securityContext: { seLinuxChangePolicy: 'MountOption' } } };
    expect(create(with_)).toEqual(['spec.securityContext.seLinuxChangePolicy: Unsupported value: "MountOption": supported values: "Recursive"']);
    expect(update(with_, with_)).toEqual([]);
  });

  test('take AppArmor annotations that are profiles as fields', () => {
    const annotated = (profile: string) => created({ ...pod, metadata: { annotations: { 'container.apparmor.security.beta.kubernetes.io/c': profile } } }).spec.containers[0].securityContext;
    expect(annotated('runtime/default')).toEqual({ appArmorProfile: { type: 'RuntimeDefault' } });
    expect(annotated('localhost/x')).toEqual({ appArmorProfile: { type: 'Localhost', localhostProfile: 'x' } });
    expect(annotated('localhost/ x')).toBeUndefined();
    expect(annotated('else')).toBeUndefined();
  });

  test.each([
    ['-05', []],
    ['0', []],
    ['05', ['metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "05": must be a 32bit integer']],
    ['+1', ['metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "+1": must be a 32bit integer']],
  ])('cost %s to delete', (cost, findings) => {
    expect(create({ ...pod, metadata: { annotations: { 'controller.kubernetes.io/pod-deletion-cost': cost } } })).toEqual(findings);
  });

  test('are warned of in the order of their parts', () => {
    const container = (name: string) => ({ name, image: 'i', resources: { limits: { memory: '1500m' } }, ports: [{ containerPort: 1, hostIP: '10.0.0.1' }] });
    expect(warnings({ metadata: { annotations: { 'container.seccomp.security.alpha.kubernetes.io/d': 'unconfined' } }, spec: { containers: [container('c'), container('d')] } })).toEqual([
      'spec.containers[0].resources.limits[memory]: fractional byte value "1500m" is invalid, must be an integer',
      'spec.containers[0].resources.requests[memory]: fractional byte value "1500m" is invalid, must be an integer',
      'metadata.annotations[container.seccomp.security.alpha.kubernetes.io/d]: non-functional in v1.27+; use the "seccompProfile" field instead',
      'spec.containers[1].resources.limits[memory]: fractional byte value "1500m" is invalid, must be an integer',
      'spec.containers[1].resources.requests[memory]: fractional byte value "1500m" is invalid, must be an integer',
      'spec.containers[0].ports[0]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:1 Protocol:TCP HostIP:10.0.0.1}',
      'spec.containers[1].ports[0]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:1 Protocol:TCP HostIP:10.0.0.1}',
      'spec.containers[1].ports[0]: duplicate port definition with spec.containers[0].ports[0]',
    ]);
  });

  test('keep their metadata when ephemeral containers or resources are written', () => {
    for (const subresource of ['ephemeralcontainers', 'resize']) {
      const { object } = changed({ ...pod, metadata: { labels: { a: '1' } } }, { ...pod, metadata: { labels: { a: '2' }, annotations: { b: 'c' } } }, subresource);
      expect(object.metadata).toMatchObject({ labels: { a: '1' } });
      expect(object.metadata.annotations).toBeUndefined();
    }
  });

  test('keep the generation each condition of a type was seen at', () => {
    const conditions = (...generations: (number | undefined)[]) => generations.map((observedGeneration) => ({ type: 'Ready', status: 'True', ...(observedGeneration && { observedGeneration }) }));
    const { object } = changed(running({ conditions: conditions(3, 5) }), running({ conditions: conditions(undefined, undefined) }), 'status');
    expect(object.status.conditions.map((c: any) => c.observedGeneration)).toEqual([3, 5]);
  });

  test('report no claims of allocatable resources while that is alpha', () => {
    const { object } = changed(running({}), running({ nodeAllocatableResourceClaimStatuses: [{ resourceClaimName: 'r' }] }), 'status');
    expect(object.status.nodeAllocatableResourceClaimStatuses).toBeUndefined();
  });

  const ended = { name: 'c', state: { terminated: { exitCode: 0 } } };
  test.each<[object, object, string[]]>([
    [{ containerStatuses: [ended] }, { containerStatuses: [{ name: 'c', state: { running: {} } }] }, []],
    [{ ephemeralContainerStatuses: [ended] }, { ephemeralContainerStatuses: [{ name: 'c', state: { running: {} } }] }, ['status.ephemeralContainerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state']],
    [{}, { conditions: [{ type: 'Ready', status: 'True', observedGeneration: -1 }], observedGeneration: -1 }, ['status.conditions[0].observedGeneration: Invalid value: -1: must be a non-negative integer', 'status.observedGeneration: Invalid value: -1: must be a non-negative integer']],
    [{}, { resourceClaimStatuses: [{ name: 'r' }, { name: 'r' }] }, ['status.resourceClaimStatuses[0].name: Invalid value: "r": must match the name of an entry in `spec.resourceClaims`', 'status.resourceClaimStatuses[1].name: Invalid value: "r": must match the name of an entry in `spec.resourceClaims`', 'status.resourceClaimStatuses[1].name: Duplicate value: "r"']],
    [{}, { hostIP: '10.0.0.1', hostIPs: [{ ip: '10.0.0.2' }] }, ['status.hostIPs[0].ip: Invalid value: "10.0.0.2": must be equal to `hostIP`']],
    [{ qosClass: 'BestEffort' }, { qosClass: 'Burstable' }, ['status.qosClass: Invalid value: "Burstable": field is immutable']],
    [{}, { containerStatuses: [{ name: 'c', user: { linux: { uid: -1, gid: 0 } }, allocatedResourcesStatus: [{ name: 'x', resources: [{ resourceID: 'r', health: 'Fine' }] }] }], ephemeralContainerStatuses: [{ name: 'e', user: { linux: { uid: 0, gid: -1 } } }] }, [
      'status.containerStatuses[0].user.linux.uid: Invalid value: -1: must be between 0 and 2147483647, inclusive',
      'status.ephemeralContainerStatuses[0].user.linux.gid: Invalid value: -1: must be between 0 and 2147483647, inclusive',
      "status.containerStatuses[0].allocatedResourcesStatus[0].name: Invalid value: \"x\": must match one of the container's resource requests",
      'status.containerStatuses[0].allocatedResourcesStatus[0].resources[0].health: Unsupported value: "Fine": supported values: "Healthy", "Unhealthy", "Unknown"',
    ]],
  ])('in the state %j become %j', (before, after, findings) => {
    expect(updateStatus(running({ qosClass: 'BestEffort', ...before }), { status: { qosClass: 'BestEffort', ...after } })).toEqual(findings);
  });
});

describe('volumes', () => {
  const { create, update } = rulesOf('', 'persistentvolumes');
  const volume = (more: object) => ({ spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' }, ...more } });
  const near = (key: string) => ({ nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'In', values: ['a'] }] }] } } });

  test('may name a label of nodes by its newer name, not by the older', () => {
    const [older, newer] = [volume(near('failure-domain.beta.kubernetes.io/zone')), volume(near('topology.kubernetes.io/zone'))];
    expect(update(older, newer)).toEqual([]);
    expect(update(newer, older)).toHaveLength(1);
  });

  test('take mount options where their kind does', () => {
    const metadata = { annotations: { 'volume.beta.kubernetes.io/mount-options': 'ro' } };
    const refused = ['metadata.annotations.volume.beta.kubernetes.io/mount-options: Forbidden: may not specify mount options for this volume type'];
    expect(create({ metadata, ...volume({}) })).toEqual(refused);
    expect(update({ metadata, ...volume({}) }, { metadata, ...volume({}) })).toEqual(refused);
    expect(create({ metadata, ...volume({ hostPath: undefined, nfs: { server: 's', path: '/' } }) })).toEqual([]);
  });

  test('keep where they are', () => {
    expect(first(update(volume({}), volume({ hostPath: { path: '/y' }, volumeMode: 'Block' })))).toEqual(['spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation', 'volumeMode: Invalid value: "Block": field is immutable']);
  });
});

test('deployments keep their labels when their status is written', () => {
  const deployment = { spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } } };
  const { object } = rulesOf('apps', 'deployments').changed(deployment, { ...deployment, metadata: { labels: { x: 'y' } } }, 'status');
  expect(object.metadata.labels).toBeUndefined();
});

test('replica sets, daemon sets and replication controllers find what is wrong with their metadata twice', () => {
  const { update } = rulesOf('apps', 'replicasets');
  const set = { spec: { replicas: -1, selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } } };
  expect(update(set, set)).toEqual(Array(2).fill('spec.replicas: Invalid value: -1: must be greater than or equal to 0'));
});

describe('nodes', () => {
  const { update, updateStatus } = rulesOf('', 'nodes');
  test('keep their addresses for pods and who provides them', () => {
    expect(update({ spec: { providerID: 'a', podCIDRs: ['10.0.0.0/8'] } }, { spec: { providerID: 'b', podCIDRs: ['11.0.0.0/8'] } })).toEqual([
      'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
      'spec.providerID: Forbidden: node updates may not change providerID except from "" to valid',
    ]);
  });
  test('say nothing twice', () => {
    const address = { type: 'InternalIP', address: '10.0.0.1' };
    expect(updateStatus({}, { status: { addresses: [address, address] } })).toEqual(['status.addresses[1]: Duplicate value: {"Type":"InternalIP","Address":"10.0.0.1"}']);
  });
});

describe('namespaces', () => {
  const { changed, update } = rulesOf('', 'namespaces');
  test('change the finalizers of their spec through finalize alone, which takes their metadata too', () => {
    const namespace = { metadata: { finalizers: ['a.example/x'] }, spec: { finalizers: ['a.example/y'] } };
    expect(changed(namespace, { spec: { finalizers: [] } }).object.spec.finalizers).toEqual(['a.example/y', 'kubernetes']);
    const { object } = changed(namespace, { spec: { finalizers: ['kubernetes'] }, status: { phase: 'Terminating' } }, 'finalize');
    expect(object).toMatchObject({ spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } });
    expect(object.metadata.finalizers).toBeUndefined();
  });
  test('are not judged by what they may not change', () => expect(update({}, { spec: { finalizers: ['nodomain'] } })).toEqual([]));
});

test('deployments warn of their template whenever their generation rises', () => {
  const { resource, created } = rulesOf('apps', 'deployments');
  const old = created({ spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }], nodeSelector: { 'beta.kubernetes.io/os': 'linux' } } } } });
  old.metadata.generation = 1;
  const risen = structuredClone(old);
  risen.metadata.generation = 2;
  expect(resource.strategy.warnings?.(risen, old)).toHaveLength(1);
  expect(resource.strategy.warnings?.(structuredClone(old), old)).toEqual([]);
});
