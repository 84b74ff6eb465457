/** What becomes of objects on their way into storage: decoded, filled in, prepared, judged. Cases of our own. */
import { applyDefaults, decodeObject, type KubeObject } from '@pilothouse/apimachinery';
import { builtinTypes } from '@pilothouse/api-schemas';
import { describe, expect, test } from 'vitest';
import type { ObjectReader, ResourceDefinition, WriteContext } from '../contract.ts';
import { builtinDefinitions } from './index.ts';

const definitions = builtinDefinitions({ serviceClusterIpRanges: ['10.20.0.0/28'], serviceNodePortRange: { from: 31000, to: 31003 } });
const definition = (group: string, plural: string): ResourceDefinition => definitions.find((d) => d.type.group === group && d.type.plural === plural)!;

const nothing: ObjectReader = { get: async () => undefined, list: async () => [], peek: () => undefined };
const context = {
  user: { name: 'ann', groups: ['crew'], extra: { ship: ['a'] } },
  namespace: 'ns',
  dryRun: false,
  subresource: '',
  read: nothing,
  clock: { now: () => Date.UTC(2030, 0, 1), nowMs: () => 0 },
  random: { below: () => 0 },
} as unknown as WriteContext;

function decode({ schema, type, strategy }: ResourceDefinition, body: object): any {
  const of = builtinTypes.get(schema)!;
  const { object } = decodeObject(of, { metadata: { name: 'x', ...(type.namespaced && { namespace: 'ns' }) }, ...structuredClone(body) }) as { object: KubeObject };
  applyDefaults(of, object);
  strategy.defaults?.(object);
  return object;
}

function create(group: string, plural: string, body: object): { object: any; findings: string[] } {
  const resource = definition(group, plural);
  const object = decode(resource, body);
  resource.strategy.prepareForCreate?.(object, context);
  return { object, findings: (resource.strategy.validate?.(object, context) ?? []).map(({ field, message }) => `${field}: ${message}`) };
}

function update(group: string, plural: string, before: any, change: (object: any) => void): string[] {
  const { strategy } = definition(group, plural);
  before.metadata.resourceVersion ??= '1';
  const object = structuredClone(before);
  change(object);
  strategy.defaults?.(object);
  strategy.prepareForUpdate?.(object, before, context);
  return (strategy.validateUpdate?.(object, before, context) ?? []).map(({ field, message }) => `${field}: ${message.split('\n')[0]}`);
}

const container = { name: 'main', image: 'tool:1' };

describe('pods', () => {
  test('get what they leave open', () => {
    const { object, findings } = create('', 'pods', { spec: { containers: [{ ...container, livenessProbe: { httpGet: { port: 80 } } }], serviceAccount: 'sa' } });
    expect(findings).toEqual([]);
    expect(object.spec).toMatchObject({ restartPolicy: 'Always', dnsPolicy: 'ClusterFirst', schedulerName: 'default-scheduler', terminationGracePeriodSeconds: 30, enableServiceLinks: true, securityContext: {}, serviceAccountName: 'sa' });
    expect(object.spec.containers[0]).toMatchObject({ imagePullPolicy: 'IfNotPresent', resources: {}, livenessProbe: { timeoutSeconds: 1, periodSeconds: 10, failureThreshold: 3, httpGet: { path: '/', scheme: 'HTTP' } } });
    expect(object.status).toEqual({ phase: 'Pending', qosClass: 'BestEffort' });
  });

  test.each([
    ['no containers', { containers: [] }, ['spec.containers: Required value']],
    ['two of a name', { containers: [container, container] }, ['spec.containers[1].name: Duplicate value: "main"']],
    ['a mount without its volume', { containers: [{ ...container, volumeMounts: [{ name: 'v', mountPath: '/v' }] }] }, ['spec.containers[0].volumeMounts[0].name: Not found: "v"']],
    ['more asked for than allowed', { containers: [{ ...container, resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } }] }, ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1']],
  ])('are refused: %s', (_, spec, findings) => {
    expect(create('', 'pods', { spec }).findings).toEqual(findings);
  });

  test('change their image and nothing else', () => {
    const pod = create('', 'pods', { spec: { containers: [container] } }).object;
    expect(update('', 'pods', pod, (p) => (p.spec.containers[0].image = 'tool:2'))).toEqual([]);
    expect(update('', 'pods', pod, (p) => (p.spec.nodeName = 'n'))[0]).toMatch(/^spec: Forbidden: pod updates may not change fields other than /);
  });

  test('lose fields that are behind closed gates', () => {
    expect(create('', 'pods', { spec: { containers: [{ ...container, lifecycle: { stopSignal: 'SIGHUP' } }] } }).object.spec.containers[0].lifecycle).toBeUndefined();
  });
});

describe('services', () => {
  const { strategy } = definition('', 'services');
  const begin = async (spec: object) => {
    const { object, findings } = create('', 'services', { metadata: { name: `s-${JSON.stringify(spec).length}`, namespace: 'ns', uid: JSON.stringify(spec) }, spec });
    expect(findings).toEqual([]);
    await strategy.begin?.(object, undefined, context);
    return object.spec;
  };

  test('without an address keep none', async () => {
    expect(await begin({ clusterIP: 'None', selector: { a: 'b' }, ports: [{ port: 80 }] })).toMatchObject({ clusterIP: 'None', clusterIPs: ['None'], ipFamilies: ['IPv4'] });
    expect(await begin({ type: 'ExternalName', externalName: 'a.example' })).not.toHaveProperty('internalTrafficPolicy');
  });
});

describe('horizontal pod autoscalers', () => {
  test('of v1 come back as they were, with what v1 cannot say in annotations', () => {
    const { conversion } = definitions.find((d) => d.type.plural === 'horizontalpodautoscalers' && d.type.version === 'v1')!;
    const { object } = create('autoscaling', 'horizontalpodautoscalers', {
      spec: { maxReplicas: 4, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }, metrics: [{ type: 'Pods', pods: { metric: { name: 'rate' }, target: { type: 'AverageValue', averageValue: '5' } } }] },
    });
    const stored = object.spec.metrics ? object : conversion!.toStorage(object);
    const v1 = conversion!.fromStorage(stored) as any;
    expect(Object.keys(v1.metadata.annotations)).toEqual(['autoscaling.alpha.kubernetes.io/metrics']);
    expect((conversion!.toStorage(v1) as any).spec.metrics).toEqual((stored as any).spec.metrics);
  });
});

test('certificate requests tell who asked', () => {
  const { object, findings } = create('certificates.k8s.io', 'certificatesigningrequests', { spec: { request: Buffer.from('none').toString('base64'), signerName: 'example.com/s', usages: ['client auth'], username: 'eve' } });
  expect(object.spec).toMatchObject({ username: 'ann', groups: ['crew'], extra: { ship: ['a'] } });
  expect(findings).toEqual(['spec.request: Invalid value: "bm9uZQ==": PEM block type must be CERTIFICATE REQUEST']);
});

describe('custom resource definitions', () => {
  const body = (properties: object) => ({
    metadata: { name: 'ships.sea.example' },
    spec: { group: 'sea.example', scope: 'Namespaced', names: { plural: 'ships', kind: 'Ship' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties } } }] },
  });

  test('get their other names', () => {
    const { object, findings } = create('apiextensions.k8s.io', 'customresourcedefinitions', body({ spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }));
    expect(findings).toEqual([]);
    expect(object.spec.names).toEqual({ plural: 'ships', singular: 'ship', kind: 'Ship', listKind: 'ShipList' });
    expect(object.status.storedVersions).toEqual(['v1']);
  });

  test.each([
    [{ a: {} }, 'properties[a].type: Required value: must not be empty for specified object fields'],
    [{ a: { type: 'array' } }, 'properties[a].items: Required value: must be specified'],
    [{ a: { type: 'integer', default: 'one' } }, 'properties[a].default: Invalid value: "string":  in body must be of type integer: "string"'],
    [{ a: { type: 'object', anyOf: [{ type: 'object' }] } }, 'properties[a].anyOf[0].type: Forbidden: must be empty to be structural'],
  ])('are refused for the schema %j', (properties, finding) => {
    expect(create('apiextensions.k8s.io', 'customresourcedefinitions', body(properties)).findings).toEqual([`spec.validation.openAPIV3Schema.${finding}`]);
  });
});

test.each([
  ['batch', 'cronjobs', { spec: { schedule: '61 * * * *', jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [container] } } } } } }, /^spec\.schedule: Invalid value: "61 \* \* \* \*"/],
  ['apps', 'deployments', { spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'c' } }, spec: { containers: [container] } } } }, /^spec\.template\.metadata\.labels: Invalid value: .*`selector` does not match template `labels`$/],
  ['rbac.authorization.k8s.io', 'roles', { rules: [{ verbs: [], apiGroups: [''], resources: ['pods'] }] }, /^rules\[0\]\.verbs: Required value: verbs must contain at least one value$/],
  ['flowcontrol.apiserver.k8s.io', 'prioritylevelconfigurations', { spec: { type: 'Limited', limited: { limitResponse: { type: 'Queue', queuing: { handSize: 9, queues: 3 } } } } }, /handSize: Invalid value: 9: should not be greater than queues \(3\)$/],
  ['resource.k8s.io', 'resourceclaims', { spec: { devices: { requests: [{ name: 'r' }] } } }, /^spec\.devices\.requests\[0\]: Required value: exactly one of/],
])('%s/%s are refused', (group, plural, body, finding) => {
  const { findings } = create(group, plural, body);
  expect(findings).toHaveLength(1);
  expect(findings[0]).toMatch(finding);
});
