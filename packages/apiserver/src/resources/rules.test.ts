/** Kinds of few rules, one table: what is asked beyond what every kind is asked. */
import { describe, expect, test } from 'vitest';
import { rulesOf } from './testing.ts';

describe('horizontal pod autoscalers', () => {
  const { create, created, update } = rulesOf('autoscaling', 'horizontalpodautoscalers', 'v2');
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' };
  const body = (spec: object) => ({ spec: { maxReplicas: 3, scaleTargetRef, ...spec } });
  test.each([
    [{ metadata: { name: 'A' } }, [expect.stringContaining('metadata.name: Invalid value: "A"')]],
    [body({ maxReplicas: 0 }), ['spec.maxReplicas: Required value: must be set and greater than 0', 'spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`']],
    [body({ maxReplicas: -1, minReplicas: 0 }), ['spec.minReplicas: Invalid value: 0: must be greater than or equal to 1', 'spec.maxReplicas: Invalid value: -1: must be greater than or equal to 1', 'spec.maxReplicas: Invalid value: -1: must be greater than or equal to `minReplicas`', 'spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas']],
    [body({ scaleTargetRef: { apiVersion: 'v1', kind: 'Deployment', name: 'd' } }), ['spec.scaleTargetRef.apiVersion: Invalid value: "v1": apiVersion must specify API group']],
    [body({ scaleTargetRef: { apiVersion: 'v1', kind: 'ReplicationController', name: 'd' } }), []],
    [body({ metrics: [{ type: 'x' }] }), Array(2).fill('spec.metrics[0].type: Unsupported value: "x": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"')],
    [body({ behavior: { scaleUp: { stabilizationWindowSeconds: 3601, tolerance: '-1', policies: [{ type: 'x', value: 0, periodSeconds: 1801 }] } } }), [
      'spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600',
      'spec.behavior.scaleUp.policies[0].type: Unsupported value: "x": supported values: "Percent", "Pods"',
      'spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero',
      'spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800',
      'spec.behavior.scaleUp.tolerance: Invalid value: "-1": must be greater than or equal to 0',
    ]],
    [body({ behavior: { scaleDown: { policies: [] } } }), ['spec.behavior.scaleDown.policies: Required value: must specify at least one Policy']],
  ])('%j: %j', (object, findings) => expect(create({ ...body({}), ...object })).toEqual(findings));

  test('of v2 carry no annotations of other versions', () => {
    const annotations = { 'autoscaling.alpha.kubernetes.io/metrics': '[]', 'autoscaling.alpha.kubernetes.io/scale-up-tolerance': '1', a: 'b' };
    expect(created({ ...body({}), metadata: { annotations } }).metadata.annotations).toEqual({ a: 'b' });
  });
  test('keep a target that is not grouped', () => {
    const target = { apiVersion: 'v1', kind: 'Deployment' };
    expect(update(body({ scaleTargetRef: { ...target, name: 'a' } }), body({ scaleTargetRef: { ...target, name: 'b' } }))).toEqual([]);
  });
  test('read a metric of an object by its average alone', () => {
    const { conversion } = rulesOf('autoscaling', 'horizontalpodautoscalers', 'v1').resource;
    const metric = { type: 'Object', object: { describedObject: { kind: 'K', name: 'n' }, metric: { name: 'm' }, target: { type: 'AverageValue', averageValue: '2' } } };
    const there = conversion!.fromStorage({ metadata: {}, spec: { maxReplicas: 1, scaleTargetRef, metrics: [metric] } } as never);
    expect((conversion!.toStorage(there) as any).spec.metrics).toEqual([metric]);
  });
});

test('endpoint slices', () => {
  const { create, update } = rulesOf('discovery.k8s.io', 'endpointslices');
  const slice = (addressType: string, ...addresses: string[]) => ({ addressType, endpoints: [{ addresses }] });
  const at = 'endpoints[0].addresses';
  expect(create(slice('FQDN', 'a', `${'a'.repeat(64)}.b`, 'ok.example.'))).toEqual([`${at}[0]: Invalid value: "a": should be a domain with at least two segments separated by dots`, `${at}[1]: Invalid value: "${'a'.repeat(64)}": must be no more than 63 characters`]);
  expect(create(slice('IPv6', 'ff12::1', '1.2.3.4'))).toEqual([`${at}[0]: Invalid value: "ff12::1": may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)`, `${at}: Invalid value: "1.2.3.4": must be an IPv6 address`]);
  expect(update(slice('IPv4', '1.2.3.4'), slice('IPv6', '1.2.3.4'))).toEqual(['addressType: Invalid value: "IPv6": field is immutable']);
});

test('runtime classes are judged anew and keep their handler', () => {
  const { create, update } = rulesOf('node.k8s.io', 'runtimeclasses');
  const bad = { handler: 'A', overhead: { podFixed: { cpu: '-1' } }, metadata: { finalizers: ['plain'] } };
  const wrong = [expect.stringContaining('handler: Invalid value: "A"'), 'overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0'];
  expect(create(bad)).toEqual(wrong);
  expect(update({ handler: 'a' }, bad)).toEqual([...wrong, 'handler: Invalid value: "A": field is immutable']);
});

test('priority levels', () => {
  const { create, update, changed } = rulesOf('flowcontrol.apiserver.k8s.io', 'prioritylevelconfigurations');
  const level = (queuing: object) => ({ spec: { type: 'Limited', limited: { limitResponse: { type: 'Queue', queuing } } } });
  const at = 'spec.limited.limitResponse.queuing';
  expect(create(level({ queues: 64, handSize: 10 }))).toEqual([]);
  expect(create(level({ queues: 60, handSize: 11 }))).toEqual([`${at}.handSize: Invalid value: 11: required entropy bits of deckSize 60 and handSize 11 should not be greater than 60`]);
  expect(update(level({}), { ...level({ queues: -1 }), metadata: { name: 'A' } })).toEqual([expect.stringContaining('metadata.name: Invalid value: "A"'), `${at}.queues: Invalid value: -1: must be positive`, `${at}.handSize: Invalid value: 8: should not be greater than queues (-1)`]);
  expect(changed(level({}), { ...level({}), metadata: { labels: { a: 'b' } } }, 'status').object.metadata).not.toHaveProperty('labels');
});

test("API services' status leaves their labels alone, and finalizers may be plain", () => {
  const { changed, create } = rulesOf('apiregistration.k8s.io', 'apiservices');
  const body = { metadata: { name: 'v1.g', finalizers: ['plain'] }, spec: { group: 'g', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1 } };
  expect(create(body)).toEqual([]);
  expect(changed(body, { ...body, metadata: { ...body.metadata, labels: { a: 'b' } } }, 'status').object.metadata).not.toHaveProperty('labels');
});
