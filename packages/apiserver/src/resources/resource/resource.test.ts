import { describe, expect, test } from 'vitest';
import type { Decision, RequestAttributes } from '../../contract.ts';
import { rulesOf, writeContext } from '../testing.ts';

const group = 'resource.k8s.io';
const many = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
const driverText = expect.stringContaining('a lowercase RFC 1123 subdomain');

describe('claims', () => {
  const { create, created, update, updateStatus, changed } = rulesOf(group, 'resourceclaims');
  const claim = (devices: object) => ({ spec: { devices } });
  const request = (exactly: object) => claim({ requests: [{ name: 'r', exactly: { deviceClassName: 'c', ...exactly } }] });
  const at = 'spec.devices.requests[0]';
  test.each([
    [claim({ requests: [{ name: 'r' }] }), [`${at}: Required value: exactly one of \`exactly\` or \`firstAvailable\` is required`]],
    [claim({ requests: [{ name: 'r', exactly: { deviceClassName: 'c' }, firstAvailable: [{ name: 'a', deviceClassName: 'c' }] }] }), [`${at}: Invalid value: null: exactly one of \`exactly\` or \`firstAvailable\` is required, but multiple fields are set`]],
    [claim({ requests: many(33, (i) => ({ name: `r${i}`, exactly: { deviceClassName: 'c' } })) }), ['spec.devices.requests: Too many: 33: must have at most 32 items']],
    [claim({ requests: [{ name: 'r', firstAvailable: many(9, (i) => ({ name: `a${i}`, deviceClassName: 'c' })) }] }), [`${at}.firstAvailable: Too many: 9: must have at most 8 items`]],
    [request({ deviceClassName: '' }), [`${at}.exactly.deviceClassName: Required value`]],
    [request({ allocationMode: 'All', count: 2 }), [`${at}.exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'`]],
    [request({ allocationMode: 'x' }), [`${at}.exactly.allocationMode: Unsupported value: "x": supported values: "All", "ExactCount"`]],
    [request({ count: -1 }), [`${at}.exactly.count: Invalid value: -1: must be greater than zero`]],
    [request({ selectors: [{}] }), [`${at}.exactly.selectors[0].cel: Required value`]],
    [request({ selectors: [{ cel: { expression: 'x'.repeat(10241) } }] }), [`${at}.exactly.selectors[0].cel.expression: Too long: may not be more than 10240 bytes`]],
    [request({ tolerations: [{ operator: 'Exists', value: 'v', effect: 'x' }, { operator: 'x' }] }), [
      `${at}.exactly.tolerations[0].value: Invalid value: "v": must be empty for operator \`Exists\``,
      `${at}.exactly.tolerations[0].effect: Unsupported value: "x": supported values: "NoExecute", "NoSchedule", "None"`,
      `${at}.exactly.tolerations[1].operator: Unsupported value: "x": supported values: "Equal", "Exists"`,
    ]],
    [claim({ constraints: [{}] }), ['spec.devices.constraints[0]: Required value: exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set']],
    [claim({ constraints: [{ matchAttribute: 'a' }, { matchAttribute: '/' }, { matchAttribute: 'a.example/1' }] }), [
      'spec.devices.constraints[0].matchAttribute: Invalid value: "a": a fully qualified name must be a domain and a name separated by a slash',
      'spec.devices.constraints[1].matchAttribute: Invalid value: "": the domain must not be empty',
      'spec.devices.constraints[1].matchAttribute: Invalid value: "": the name must not be empty',
      expect.stringContaining('spec.devices.constraints[2].matchAttribute: Invalid value: "1": a valid C identifier must start with alphabetic character'),
    ]],
    [claim({ config: [{ requests: ['x', 'x'], opaque: { driver: 'd', parameters: 'p' } }, {}] }), [
      ...Array(2).fill(0).map((_, i) => `spec.devices.config[0].requests[${i}]: Invalid value: "x": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'`),
      'spec.devices.config[0].requests[1]: Duplicate value: "x"',
      'spec.devices.config[0].opaque.parameters: Invalid value: "<value omitted>": must be a valid JSON object',
      'spec.devices.config[1].opaque: Required value',
    ]],
  ])('are refused: %j', (object, findings) => expect(create(object)).toEqual(findings));

  test('ask for one device unless they say otherwise', () => expect(created(request({})).spec.devices.requests[0].exactly).toMatchObject({ allocationMode: 'ExactCount', count: 1 }));
  test('do not change', () => expect(update(request({}), request({ count: 2 }))).toEqual([expect.stringMatching(/^spec: Invalid value: \{"Devices":\{"Requests":\[.*field is immutable$/)]));

  const device = { driver: 'd', pool: 'p', device: 'x' };
  const allocation = { devices: { results: [{ request: 'r', ...device }] } };
  const status = (body: object) => updateStatus(request({}), { status: body });
  const results = 'status.allocation.devices.results[0]';
  test.each([
    [{ reservedFor: [{ resource: 'pods', name: 'a', uid: '1' }, { resource: '', name: '', uid: '1' }] }, ['status.reservedFor[1].resource: Required value', 'status.reservedFor[1].name: Required value', 'status.reservedFor[1]: Duplicate value: "1"', 'status.reservedFor: Forbidden: may not be specified when `allocated` is not set']],
    [{ allocation: { devices: { results: [{ request: 'a/b/c', driver: '', pool: '', device: '' }] } } }, [`${results}.request: Invalid value: "a/b/c": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'`, `${results}.driver: Required value`, `${results}.pool: Required value`, expect.stringContaining(`${results}.device: Invalid value: ""`)]],
    [{ allocation: { devices: { results: [{ request: 'r', ...device, bindingConditions: ['a', 'a'], shareID: 'x' }] } } }, [
      `${results}.bindingConditions[1]: Duplicate value: "a"`,
      `${results}.bindingFailureConditions: Invalid value: null: bindingFailureConditions are required to use bindingConditions`,
      `${results}.shareID: Invalid value: "x": error validating uid: invalid UUID length: 1`,
    ]],
    [{ allocation: { devices: { config: [{ requests: ['x'] }, { source: 'x', opaque: { driver: 'd', parameters: {} } }] } } }, [
      'status.allocation.devices.config[0].source: Required value',
      expect.stringContaining('status.allocation.devices.config[0].requests[0]: Invalid value: "x"'),
      'status.allocation.devices.config[0].opaque: Required value',
      'status.allocation.devices.config[1].source: Unsupported value: "x": supported values: "FromClaim", "FromClass"',
    ]],
    [{ allocation, devices: [device, { ...device, device: 'y' }] }, ['status.devices[1]: Invalid value: {"Driver":"d","Pool":"p","Device":"y","ShareID":""}: must be an allocated device in the claim']],
    [{ allocation, devices: [{ ...device, data: [], networkData: { ips: ['10.0.0.1', '10.0.0.1/8', '2001:DB8::1/64'] }, conditions: [{}] }, device] }, [
      ...['type: Required value: is required', 'status: Required value', 'lastTransitionTime: Required value', 'reason: Required value'].map((text) => `status.devices[0].conditions[0].${text}`),
      'status.devices[0].data: Invalid value: "<value omitted>": must be a valid JSON object',
      'status.devices[0].networkData.ips[0]: Invalid value: "10.0.0.1": must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)',
      'status.devices[0].networkData.ips[2]: Invalid value: "2001:DB8::1/64": must be in canonical form ("2001:db8::1/64")',
      'status.devices[1]: Duplicate value: {"Driver":"d","Pool":"p","Device":"x","ShareID":""}',
    ]],
  ])('have a status that is refused: %j', (body, findings) => expect(status(body)).toEqual(findings));

  test('keep what was allocated, and forget the state of devices with it', () => {
    const before = { ...request({}), status: { allocation, devices: [device] } };
    const { object } = changed(before, { ...request({}), status: { devices: [device] }, metadata: { labels: { a: 'b' } } }, 'status');
    expect(object.status).not.toHaveProperty('devices');
    expect(object.metadata).not.toHaveProperty('labels');
  });
});

test('templates of claims carry labels and annotations alone, and do not change', () => {
  const { create, update } = rulesOf(group, 'resourceclaimtemplates');
  const template = (count: number) => ({ spec: { spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'c', count } }] } } } });
  expect(create({ spec: { ...template(1).spec, metadata: { name: 'n' } } })).toEqual(['spec.metadata.name: Forbidden: cannot be set']);
  expect(update(template(1), template(-1))).toEqual(['spec.spec.devices.requests[0].exactly.count: Invalid value: -1: must be greater than zero', expect.stringMatching(/^spec: Invalid value: .*field is immutable$/)]);
});

describe('rights', () => {
  const { resource, created, changed } = rulesOf(group, 'resourceclaims');
  const context = (allowed: (a: RequestAttributes) => boolean, labels: object = {}, subresource = '') => ({
    ...writeContext(subresource),
    verb: 'update',
    read: { get: async () => ({ metadata: { labels } }), list: async () => [] },
    authorize: async (a: RequestAttributes): Promise<Decision> => ({ decision: allowed(a) ? 'allow' : 'no-opinion' }),
  });
  const ask = (object: unknown, old: unknown, of: object) => resource.strategy.withRights!([], object as never, old as never, of as never).then((found) => found.map(({ field, message }) => `${field}: ${message}`));
  const body = { spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'c', adminAccess: true } }] } } };

  test('to admin access come with a label of the namespace', async () => {
    expect(await ask(created(body), undefined, context(() => true))).toEqual(['spec.devices.requests[0].adminAccess: Forbidden: admin access to devices requires the `resource.kubernetes.io/admin-access: true` label on the containing namespace']);
    expect(await ask(created(body), undefined, context(() => true, { 'resource.kubernetes.io/admin-access': 'true' }))).toEqual([]);
  });

  test('to allocate and to tell of devices are asked for apart', async () => {
    const device = { driver: 'd', pool: 'p', device: 'x' };
    const status = { allocation: { devices: { results: [{ request: 'r', ...device }] } }, devices: [device] };
    const { object, old } = changed(body, { ...body, status }, 'status');
    const who = 'resourceclaims.resource.k8s.io';
    expect(await ask(object, old, context(() => false, {}, 'status'))).toEqual([
      `status.allocation: Forbidden: changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", verb="update" permission: ${who} is forbidden: User "ann" cannot update resource "resourceclaims/binding" in API group "resource.k8s.io" at the cluster scope`,
      `status.devices: Forbidden: changing status.devices requires resource="resourceclaims/driver", verb="[arbitrary-node:update]" permission: ${who} "d" is forbidden: User "ann" cannot arbitrary-node:update resource "resourceclaims/driver" in API group "resource.k8s.io" in the namespace "ns"`,
    ]);
    expect(await ask(object, old, context(({ subresource, name, verb }) => subresource === 'binding' || (name === 'd' && verb === 'arbitrary-node:update'), {}, 'status'))).toEqual([]);
  });
});

test('device classes', () => {
  const { create, update } = rulesOf(group, 'deviceclasses');
  const at = 'spec.extendedResourceName: Invalid value: "a": must be a valid extended resource name';
  expect(create({ spec: { extendedResourceName: 'a' } })).toEqual([at]);
  expect(create({ spec: { extendedResourceName: 'a.example/b', config: many(33, () => ({})) } })).toEqual(['spec.config: Too many: 33: must have at most 32 items']);
  expect(update({ spec: {} }, { metadata: { name: 'A' }, spec: { extendedResourceName: 'a' } })).toEqual([expect.stringContaining('metadata.name: Invalid value: "A"'), 'metadata.name: Invalid value: "A": field is immutable', at]);
});

describe('slices', () => {
  const { create, created, update, changed, warnings } = rulesOf(group, 'resourceslices');
  const base = { driver: 'd', pool: { name: 'p', resourceSliceCount: 1 }, nodeName: 'n' };
  const slice = (spec: object) => ({ spec: { ...base, ...spec } });
  const device = (one: object, spec: object = {}) => slice({ devices: [{ name: 'x', ...one }], ...spec });
  const at = 'spec.devices[0]';
  const policy = (requestPolicy: object) => device({ allowMultipleAllocations: true, capacity: { c: { value: '10', requestPolicy } } });
  const capacity = `${at}.capacity[c].requestPolicy`;
  test.each([
    [{ driver: 'D d', pool: { name: '', resourceSliceCount: 0, generation: -1 } }, [driverText, 'spec.pool.name: Required value', 'spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero', 'spec.pool.generation: Invalid value: -1: must be greater than or equal to zero']],
    [{ nodeName: undefined }, ['spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required']],
    [{ allNodes: true }, ['spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set']],
    [{ sharedCounters: [{ name: '', counters: {} }, { name: 's', counters: { 'A b': { value: '1' } } }] }, ['spec.sharedCounters[0].name: Required value', 'spec.sharedCounters[0].counters: Required value', expect.stringContaining('spec.sharedCounters[1].counters: Invalid value: "A b"')]],
    [{ sharedCounters: many(9, (i) => ({ name: `s${i}`, counters: { c: { value: '1' } } })) }, ['spec.sharedCounters: Too many: 9: must have at most 8 items']],
    [{ devices: many(129, (i) => ({ name: `d${i}` })) }, ['spec.devices: Too many: 129: must have at most 128 items']],
    [{ devices: many(65, (i) => ({ name: `d${i}`, taints: [{ key: 'k', effect: 'None' }] })) }, ['spec.devices: Too many: 65: must have at most 64 items']],
    [{ devices: [{ name: 'x' }, { name: 'x' }] }, ['spec.devices[1]: Duplicate value: "x"']],
  ])('are refused: %j', (spec, findings) => expect(create(slice(spec))).toEqual(findings));

  test.each([
    [device({ attributes: Object.fromEntries(many(33, (i) => [`a${i}`, { int: i }])) }), [`${at}: Invalid value: 33: the total number of attributes and capacities must not exceed 32`]],
    [device({ attributes: { a: {}, b: { int: 0, bool: false }, c: { version: 'v1' }, d: { string: 's'.repeat(65) }, e: { strings: ['x'] } } }), [
      `${at}.attributes[a]: Invalid value: "": exactly one value must be specified`,
      expect.stringMatching(/^spec\.devices\[0\]\.attributes\[b\]: Invalid value: \{.*"IntValue":0.*\}: exactly one value must be specified$/),
      `${at}.attributes[c].version: Invalid value: "v1": must be a string compatible with semver.org spec 2.0.0`,
      `${at}.attributes[d].string: Too long: may not be more than 64 bytes`,
      `${at}.attributes[e]: Invalid value: "": exactly one value must be specified`,
    ]],
    [device({ attributes: { ['i'.repeat(33)]: { int: 1 } } }), [`${at}.attributes: Too long: may not be more than 32 bytes`]],
    [device({ capacity: { c: { value: '1', requestPolicy: {} } } }), [`${capacity}: Forbidden: allowMultipleAllocations must be true`]],
    [policy({ validValues: ['1'], validRange: { min: '1' } }), [`${capacity}: Forbidden: exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time`]],
    [policy({ validValues: ['1'] }), [`${capacity}.default: Required value: required when validValues is defined`]],
    [policy({ default: '3', validValues: ['2', '1', '11', '1'] }), [
      `${capacity}.validValues[1]: Invalid value: "1": values must be sorted in ascending order`,
      `${capacity}.validValues[3]: Invalid value: "1": values must be sorted in ascending order`,
      `${capacity}.validValues[2]: Invalid value: "11": option is larger than capacity value: 10`,
      `${capacity}.validValues[3]: Duplicate value: "1"`,
      `${capacity}.validValues: Invalid value: "3": default value is not valid according to the requestPolicy`,
    ]],
    [policy({ default: '1', validRange: { min: '4', max: '12', step: '7' } }), [
      `${capacity}.validRange.min: Invalid value: "1": default is less than min: 4`,
      `${capacity}.validRange.max: Invalid value: "12": max is larger than capacity value: 10`,
      `${capacity}.validRange.step: Invalid value: "7": one step 11 is larger than capacity value: 10`,
      `${capacity}.validRange.step: Invalid value: "1": value is not a multiple of a given step (7) from (4)`,
      `${capacity}.validRange.step: Invalid value: "12": value is not a multiple of a given step (7) from (4)`,
    ]],
    [device({ taints: [{ key: '', effect: '' }, { key: 'k', value: '-', effect: 'x' }] }), [
      ...[`name part must be non-empty`, 'name part must consist of'].map((text) => expect.stringContaining(`${at}.taints[0].key: Invalid value: "": ${text}`)),
      `${at}.taints[0].effect: Required value`,
      expect.stringContaining(`${at}.taints[1].value: Invalid value: "-"`),
      `${at}.taints[1].effect: Unsupported value: "x": supported values: "NoExecute", "NoSchedule", "None"`,
    ]],
    [device({ consumesCounters: [{ counterSet: '', counters: {} }] }), [`${at}.consumesCounters[0].counterSet: Required value`, `${at}.consumesCounters[0].counters: Required value`]],
    [device({ consumesCounters: many(3, (i) => ({ counterSet: `s${i}`, counters: { c: { value: '1' } } })) }), [`${at}.consumesCounters: Too many: 3: must have at most 2 items`]],
    [device({ allNodes: true }), [`${at}: Invalid value: null: \`nodeName\`, \`nodeSelector\` and \`allNodes\` can only be set if \`perDeviceNodeSelection\` is set to true in the ResourceSlice spec`]],
    [device({}, { nodeName: undefined, perDeviceNodeSelection: true }), [`${at}: Required value: exactly one of \`nodeName\`, \`nodeSelector\`, or \`allNodes\` is required when \`perDeviceNodeSelection\` is set to true in the ResourceSlice spec`]],
    [device({ bindingConditions: ['a'], bindingFailureConditions: ['a'] }), [`${at}.bindingFailureConditions[0]: Invalid value: "a": bindingFailureConditions must not overlap with bindingConditions`]],
    [device({ bindingFailureConditions: ['a'] }), [`${at}.bindingConditions: Invalid value: null: bindingConditions are required to use bindingFailureConditions`]],
  ])('have devices that are refused: %j', (object, findings) => expect(create(object)).toEqual(findings));

  test('keep driver, pool and node; taints that were there are not judged again', () => {
    expect(update(slice({}), slice({ driver: 'e', nodeName: 'm', pool: { ...base.pool, name: 'q' } }))).toEqual(['pool.name: Invalid value: "q"', 'driver: Invalid value: "e"', 'nodeName: Invalid value: "m"'].map((text) => `spec.${text}: field is immutable`));
    const tainted = device({ taints: [{ key: 'k', effect: 'x', timeAdded: '2020-01-01T00:00:00Z' }] });
    expect(update(tainted, tainted)).toEqual([]);
  });
  test('stamp taints, and lose what is behind closed gates', () => {
    const body = device({ taints: [{ key: 'k', effect: 'None' }], nodeAllocatableResourceMappings: { cpu: {} }, attributes: { a: { ints: [1], int: 1 } } });
    const [only] = created(body).spec.devices;
    expect(only.taints[0].timeAdded).toBe('2030-01-01T00:00:00Z');
    expect(only).not.toHaveProperty('nodeAllocatableResourceMappings');
    expect(only.attributes.a).toEqual({ int: 1 });
    expect(changed(slice({}), body).object.spec.devices[0].attributes.a).toEqual({ int: 1 });
  });
  test('warn of capitals in the driver', () => expect(warnings(slice({ driver: 'D' }))).toEqual(['spec.driver: driver names should be lowercase; "D" contains uppercase characters']));
});
