/** The controllers of the cluster and of its storage reach the same end, and break no promise on the way, whatever happens between them and the API server. */
import type { Pod, Service } from '@pilothouse/api-schemas/types/core/v1';
import { clusterRoles, configMaps, endpoints, endpointSlices, namespaces, nodes, persistentVolumeClaims, persistentVolumes, pods, resourceQuotas, secrets, serviceAccounts, services, storageClasses } from '@pilothouse/apimachinery';
import { formatTime } from '@pilothouse/base';
import type { ControllerDefinition } from '@pilothouse/controller-runtime';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { troubles } from '@pilothouse/testing/troubled-api';
import { afterEach, describe, expect, test } from 'vitest';
import { clusterRoleAggregationController } from './controllers/clusterroleaggregation/controller.ts';
import { endpointsController } from './controllers/endpoints/controller.ts';
import { endpointSliceController } from './controllers/endpointslice/controller.ts';
import { endpointSliceMirroringController } from './controllers/endpointslicemirroring/controller.ts';
import { garbageCollectorController } from './controllers/garbagecollector/controller.ts';
import { hostPathProvisionerController } from './controllers/hostpath-provisioner/controller.ts';
import { standardClass } from './controllers/hostpath-provisioner/objects.ts';
import { namespaceController } from './controllers/namespace/controller.ts';
import { nodeIpamController } from './controllers/nodeipam/controller.ts';
import { nodeLifecycleController } from './controllers/nodelifecycle/controller.ts';
import { resourceQuotaController } from './controllers/resourcequota/controller.ts';
import { rootCaPublisherController } from './controllers/root-ca-publisher/controller.ts';
import { serviceLbController } from './controllers/service-lb/controller.ts';
import { serviceAccountController } from './controllers/serviceaccount/controller.ts';
import { taintEvictionController } from './controllers/tainteviction/controller.ts';
import { volumeBinderController } from './controllers/volume/persistentvolume/controller.ts';
import { claimProtectionController, volumeProtectionController } from './controllers/volume/protection/controller.ts';

const at = { namespace: 'default' };
type Bench = Pick<ControllerBench, 'client' | 'clock'>;

interface Scenario {
  controllers: ControllerDefinition<any>[];
  flags?: Record<string, unknown>;
  start(bench: Bench): Promise<unknown>;
  /** Steps of a tenth of a second after which something happens. */
  later?: Record<number, (bench: Bench) => Promise<unknown>>;
  /** Troubles that this can only wait out. */
  beyond?: readonly string[];
  /** Happens at every step. */
  always?(bench: Bench): Promise<unknown>;
  /** What must not be, ever: says what is wrong. */
  never?(bench: Bench): Promise<string | undefined>;
  end(bench: Bench): Promise<unknown>;
  expected: unknown;
}

const each = async (names: readonly string[], work: (name: string, i: number) => Promise<unknown>) => {
  for (const [i, name] of names.entries()) await work(name, i);
};
const twice = (values: readonly (string | undefined)[]): string | undefined => values.find((value, i) => value && values.indexOf(value) !== i);

const runningPod = async ({ client }: Bench, name: string, ip: string, fields: Partial<Pod['spec']> = {}): Promise<void> => {
  await client.create(pods, { metadata: { name, namespace: 'default', labels: { app: 'x' } }, spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }], ...fields } });
  await client.patch(pods, name, { status: { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [{ type: 'Ready', status: 'True' }] } }, { ...at, subresource: 'status' });
};
const readyNode = async ({ client }: Bench, name: string, runtime = 'containerd://2'): Promise<void> => {
  await client.create(nodes, { metadata: { name, labels: { 'kubernetes.io/hostname': name } } });
  await client.patch(nodes, name, { status: { nodeInfo: { containerRuntimeVersion: runtime }, conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }] } }, { subresource: 'status' });
};
const claim = (name: string, storageClassName: string, annotations?: Record<string, string>) => ({ metadata: { name, namespace: 'default', annotations }, spec: { storageClassName, accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } });
const balanced = (name: string): Service => ({ metadata: { name, namespace: 'default' }, spec: { type: 'LoadBalancer', ports: [{ port: 80 }] } });
const letters = ['a', 'b', 'c', 'd'];

const scenarios: Record<string, Scenario> = {
  'endpoints of a service whose pods come and go': {
    controllers: [endpointsController, endpointSliceController],
    async start(bench) {
      await readyNode(bench, 'n');
      await bench.client.create(services, { metadata: { name: 's', namespace: 'default' }, spec: { selector: { app: 'x' }, ports: [{ port: 80 }] } });
      await each(letters, (name, i) => runningPod(bench, name, `10.0.0.${i + 1}`));
    },
    later: { 20: ({ client }) => client.delete(pods, 'a', { ...at, gracePeriodSeconds: 0 }), 25: ({ client }) => client.patch(pods, 'b', { status: { conditions: [{ type: 'Ready', status: 'False' }] } }, { ...at, subresource: 'status' }) },
    async end({ client }) {
      const slices = (await client.list(endpointSlices, at)).items.filter((slice) => slice.metadata.labels?.['kubernetes.io/service-name'] === 's');
      const [subset] = (await client.get(endpoints, 's', at)).subsets ?? [];
      return [slices.length, slices[0]?.endpoints?.map((one) => `${one.addresses[0]} ${one.conditions?.ready}`).sort(), subset?.addresses?.map(({ ip }) => ip), subset?.notReadyAddresses?.map(({ ip }) => ip)];
    },
    expected: [1, ['10.0.0.2 false', '10.0.0.3 true', '10.0.0.4 true'], ['10.0.0.3', '10.0.0.4'], ['10.0.0.2']],
  },
  'endpoints made by hand': {
    controllers: [endpointSliceMirroringController],
    async start({ client }) {
      await client.create(services, { metadata: { name: 's', namespace: 'default' }, spec: { ports: [{ port: 80 }] } });
      await client.create(endpoints, { metadata: { name: 's', namespace: 'default' }, subsets: [{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80 }] }] });
    },
    later: { 20: ({ client }) => client.patch(endpoints, 's', { subsets: [{ addresses: [{ ip: '10.0.0.2' }, { ip: '10.0.0.3' }], ports: [{ port: 80 }] }] }, at) },
    end: async ({ client }) => (await client.list(endpointSlices, at)).items.map((slice) => slice.endpoints?.map((one) => one.addresses[0]).sort()),
    expected: [['10.0.0.2', '10.0.0.3']],
  },
  'claims and volumes made by hand': {
    controllers: [volumeBinderController, claimProtectionController, volumeProtectionController],
    async start({ client }) {
      await each(letters, (name) => client.create(persistentVolumes, { metadata: { name }, spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], storageClassName: 'm', hostPath: { path: '/x' } } }));
      await each(letters, (name) => client.create(persistentVolumeClaims, claim(name, 'm')));
    },
    later: { 60: ({ client }) => client.delete(persistentVolumeClaims, 'a', at) },
    never: async ({ client }) => {
      const shared = twice((await client.list(persistentVolumeClaims, at)).items.map((item) => item.spec?.volumeName));
      return shared && `two claims have ${shared}`;
    },
    end: async ({ client }) => [(await client.list(persistentVolumeClaims, at)).items.map((item) => item.status?.phase), (await client.list(persistentVolumes)).items.map((item) => item.status?.phase).sort()],
    expected: [['Bound', 'Bound', 'Bound'], ['Bound', 'Bound', 'Bound', 'Released']],
  },
  'volumes made on demand': {
    controllers: [volumeBinderController, hostPathProvisionerController],
    async start(bench) {
      await readyNode(bench, 'hollow', 'simulated://1');
      await bench.client.create(storageClasses, standardClass);
      await each(letters, (name) => bench.client.create(persistentVolumeClaims, claim(name, 'standard', { 'volume.kubernetes.io/selected-node': 'hollow' })));
    },
    later: { 80: ({ client }) => each(['a', 'b'], (name) => client.delete(persistentVolumeClaims, name, at)) },
    never: async ({ client }) => ((await client.list(persistentVolumes)).items.length > 4 ? 'more volumes than claims' : undefined),
    end: async ({ client }) => [(await client.list(persistentVolumeClaims, at)).items.map((item) => item.status?.phase), (await client.list(persistentVolumes)).items.map((item) => item.status?.phase)],
    expected: [['Bound', 'Bound'], ['Bound', 'Bound']],
  },
  'a namespace that is deleted': {
    controllers: [namespaceController],
    // A namespace goes when a look at every resource has succeeded; of a hundred requests some always fail then.
    beyond: ['a server that fails', 'answers that are lost'],
    async start({ client }) {
      await client.create(namespaces, { metadata: { name: 'ns' }, spec: { finalizers: ['kubernetes'] } });
      await each(letters, (name) => client.create(secrets, { metadata: { name, namespace: 'ns' } }));
    },
    later: { 30: ({ client }) => client.delete(namespaces, 'ns') },
    end: async ({ client }) => [(await client.list(namespaces)).items.map((item) => item.metadata.name), (await client.list(secrets)).items.length],
    expected: [['default', 'kube-system'], 0],
  },
  'what every namespace has': {
    controllers: [serviceAccountController, rootCaPublisherController],
    flags: { 'root-ca-file': '-----BEGIN CERTIFICATE-----\nx\n' },
    start: ({ client }) => each(letters, (name) => client.create(namespaces, { metadata: { name } })),
    later: { 20: ({ client }) => client.delete(serviceAccounts, 'default', { namespace: 'a' }), 21: ({ client }) => client.delete(configMaps, 'kube-root-ca.crt', { namespace: 'b' }) },
    end: async ({ client }) => [(await client.list(serviceAccounts)).items.length, (await client.list(configMaps)).items.length],
    expected: [6, 6],
  },
  'a chain of owners': {
    controllers: [garbageCollectorController],
    async start({ client }) {
      const made: { name: string; uid: string }[] = [];
      await each(letters, async (name, i) => {
        const { metadata } = await client.create(configMaps, { metadata: { name, namespace: 'default', ...(i && { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', ...made[i - 1], blockOwnerDeletion: true }] }) } });
        made.push({ name, uid: metadata.uid! });
      });
    },
    later: { 30: ({ client }) => client.delete(configMaps, 'b', { ...at, propagationPolicy: 'Foreground' }) },
    async never({ client }) {
      const names = (await client.list(configMaps, at)).items.map((item) => item.metadata.name);
      if (!names.includes('a')) return 'the owner that nobody deleted is gone';
      return names.includes('d') && !names.includes('c') ? 'an owner went before what blocks it' : undefined;
    },
    end: async ({ client }) => (await client.list(configMaps, at)).items.map((item) => item.metadata.name),
    expected: ['a'],
  },
  'load balancers': {
    controllers: [serviceLbController],
    flags: { 'service-lb-pool': ['192.0.2.1-192.0.2.4'] },
    start: ({ client }) => each(letters, (name) => client.create(services, balanced(name))),
    later: { 40: ({ client }) => client.delete(services, 'a', at), 41: ({ client }) => client.create(services, balanced('e')) },
    async never({ client }) {
      const shared = twice((await client.list(services, at)).items.flatMap((item) => item.status?.loadBalancer?.ingress?.map(({ ip }) => ip) ?? []));
      return shared && `two services have ${shared}`;
    },
    end: async ({ client }) => (await client.list(services, at)).items.flatMap((item) => item.status?.loadBalancer?.ingress?.map(({ ip }) => ip) ?? []).sort(),
    expected: ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'],
  },
  'ranges of pod addresses': {
    controllers: [nodeIpamController],
    flags: { 'allocate-node-cidrs': true, 'cluster-cidr': '10.0.0.0/16' },
    start: ({ client }) => each(letters, (name) => client.create(nodes, { metadata: { name } })),
    later: { 20: ({ client }) => client.delete(nodes, 'a'), 30: ({ client }) => client.create(nodes, { metadata: { name: 'e' } }) },
    async never({ client }) {
      const shared = twice((await client.list(nodes)).items.map((node) => node.spec?.podCIDR));
      return shared && `two nodes have ${shared}`;
    },
    end: async ({ client }) => new Set((await client.list(nodes)).items.map((node) => node.spec?.podCIDR)).size,
    expected: 4,
  },
  'a quota': {
    controllers: [resourceQuotaController],
    async start({ client }) {
      await each(letters, (name) => client.create(configMaps, { metadata: { name, namespace: 'default' } }));
      await client.create(resourceQuotas, { metadata: { name: 'q', namespace: 'default' }, spec: { hard: { 'count/configmaps': '9' } } });
    },
    later: { 40: ({ client }) => client.delete(configMaps, 'a', at), 45: ({ client }) => client.create(configMaps, { metadata: { name: 'e', namespace: 'default' } }), 50: ({ client }) => client.delete(configMaps, 'b', at) },
    end: async ({ client }) => (await client.get(resourceQuotas, 'q', at)).status?.used,
    expected: { 'count/configmaps': '3' },
  },
  'a node that falls silent': {
    controllers: [nodeLifecycleController, taintEvictionController],
    flags: { 'node-monitor-period': 1_000, 'node-monitor-grace-period': 3_000 },
    async start(bench) {
      await each(['n', 'm', 'o'], (name) => readyNode(bench, name));
      await runningPod(bench, 'leaves', '10.0.0.1', { tolerations: [{ key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 3 }] });
      await runningPod(bench, 'stays', '10.0.0.2', { tolerations: [{ operator: 'Exists' }] });
    },
    always: ({ client, clock }) => each(['m', 'o'], (name) => client.patch(nodes, name, { status: { conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', lastHeartbeatTime: formatTime(clock.now()) }] } }, { subresource: 'status' })),
    async end({ client }) {
      const node = await client.get(nodes, 'n');
      const all = (await client.list(pods, at)).items;
      return [node.status?.conditions?.find(({ type }) => type === 'Ready')?.status, node.spec?.taints?.map(({ key, effect }) => `${key}:${effect}`).sort(), all.filter((pod) => !pod.metadata.deletionTimestamp).map((pod) => pod.metadata.name)];
    },
    expected: ['Unknown', ['node.kubernetes.io/unreachable:NoExecute', 'node.kubernetes.io/unreachable:NoSchedule'], ['stays']],
  },
  'nodes that all fall silent at once': {
    controllers: [nodeLifecycleController, taintEvictionController],
    flags: { 'node-monitor-period': 1_000, 'node-monitor-grace-period': 3_000 },
    async start(bench) {
      await each(['n', 'm'], (name) => readyNode(bench, name));
      await runningPod(bench, 'stays', '10.0.0.1');
    },
    later: { 100: async () => undefined },
    end: async ({ client }) => [(await client.list(nodes)).items.map((node) => node.spec?.taints?.map(({ key, effect }) => `${key}:${effect}`)), (await client.list(pods, at)).items.length],
    expected: [[['node.kubernetes.io/unreachable:NoSchedule'], ['node.kubernetes.io/unreachable:NoSchedule']], 1],
  },
  'roles that are gathered': {
    controllers: [clusterRoleAggregationController],
    async start({ client }) {
      await client.create(clusterRoles, { metadata: { name: 'all' }, aggregationRule: { clusterRoleSelectors: [{ matchLabels: { part: 'yes' } }] } });
      await each(letters, (name) => client.create(clusterRoles, { metadata: { name, labels: { part: 'yes' } }, rules: [{ apiGroups: [''], resources: [name], verbs: ['get'] }] }));
    },
    later: { 20: ({ client }) => client.delete(clusterRoles, 'a') },
    end: async ({ client }) => (await client.get(clusterRoles, 'all')).rules?.flatMap((rule) => rule.resources),
    expected: ['b', 'c', 'd'],
  },
};

let bench: ControllerBench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

/** Steps of 100 ms until the end is reached and stays. @throws where a promise is broken */
async function livesOn(scenario: Scenario, options: { restartEvery?: number; steps?: number } = {}): Promise<unknown> {
  const { steps = 900, restartEvery } = options;
  const last = Math.max(0, ...Object.keys(scenario.later ?? {}).map(Number));
  let reached: unknown;
  let stays = 0;
  await scenario.start(bench!);
  for (let step = 1; step <= steps && stays < 20; step++) {
    for (let i = 0; i < 5; i++) await bench!.clock.advanceAsync(20);
    await scenario.always?.(bench!);
    await scenario.later?.[step]?.(bench!);
    const broken = await scenario.never?.(bench!);
    if (broken) throw new Error(`after ${step * 100} ms: ${broken}`);
    if (restartEvery && step % restartEvery === 0) await bench!.restart();
    if (step <= last) continue;
    reached = await scenario.end(bench!).catch(() => undefined);
    stays = JSON.stringify(reached) === JSON.stringify(scenario.expected) ? stays + 1 : 0;
  }
  return reached;
}

describe.each(Object.entries(scenarios))('%s', (_, scenario) => {
  const { controllers, flags } = scenario;
  test('without trouble', async () => {
    bench = await runOnBench(controllers, { flags });
    expect(await livesOn(scenario)).toEqual(scenario.expected);
  });

  test.each(Object.entries(troubles).filter(([name]) => !scenario.beyond?.includes(name)))('with %s', async (_name, trouble) => {
    bench = await runOnBench(controllers, { flags, trouble });
    expect(await livesOn(scenario)).toEqual(scenario.expected);
  }, 30_000);

  // Longer than a namespace is left alone before it is emptied, and than a quota takes to count what was made.
  test('restarted every 6.1 seconds', async () => {
    bench = await runOnBench(controllers, { flags });
    expect(await livesOn(scenario, { restartEvery: 61 })).toEqual(scenario.expected);
  }, 30_000);
});
