import { describe, expect, test } from 'vitest';
import { rulesOf } from '../testing.ts';

const group = 'storage.k8s.io';
const badName = 'metadata.name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, \'-\' or \'.\', and must start and end with an alphanumeric character (e.g. \'example.com\', regex used for validation is \'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\')';

describe('storage classes', () => {
  const { create, update, warnings } = rulesOf(group, 'storageclasses');
  const body = { provisioner: 'p.example' };
  const terms = (...allowedTopologies: object[]) => ({ ...body, allowedTopologies });
  const zone = (...values: string[]) => ({ matchLabelExpressions: [{ key: 'zone', values }] });

  test.each([
    [{}, ['provisioner: Required value']],
    [{ ...body, metadata: { name: 'A' } }, [badName]],
    [{ ...body, parameters: { '': 'x' } }, ['parameters: Invalid value: "": field can not be empty.']],
    [{ ...body, parameters: { a: 'x'.repeat(256 * 1024) } }, ['parameters: Too long: may not be more than 262144 bytes']],
    [{ ...body, parameters: Object.fromEntries(Array.from({ length: 513 }, (_, i) => [`k${i}`, ''])) }, ['parameters: Too long: may not be more than 512 bytes']],
    [{ ...body, reclaimPolicy: 'Recycle' }, ['reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"']],
    [{ ...body, volumeBindingMode: 'Now' }, ['volumeBindingMode: Unsupported value: "Now": supported values: "Immediate", "WaitForFirstConsumer"']],
    [terms(zone('a', 'b'), zone('b', 'a')), ['allowedTopologies[1].matchLabelExpressions: Duplicate value: ""']],
    [terms({}), ['allowedTopologies[0].matchLabelExpressions: Duplicate value: ""']],
    [terms(zone('a', 'a')), ['allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: "a"']],
  ])('are refused: %j', (object, findings) => expect(create(object)).toEqual(findings));

  test('are judged whole again when they change', () => {
    expect(update({ ...body, parameters: { a: '1' } }, { provisioner: '', parameters: { b: '1', a: '2' }, reclaimPolicy: 'Retain', volumeBindingMode: 'WaitForFirstConsumer' })).toEqual([
      'provisioner: Required value',
      'parameters: Invalid value: {"a":"2","b":"1"}: field is immutable',
      'provisioner: Invalid value: "": field is immutable',
      'reclaimPolicy: Invalid value: "Retain": field is immutable',
      'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable',
    ]);
    expect(update(body, { ...body, parameters: {} })).toEqual([]);
  });

  test('warn of labels that are no more', () => {
    expect(warnings(terms({ matchLabelExpressions: [{ key: 'failure-domain.beta.kubernetes.io/zone', values: ['a'] }] }))).toEqual(['allowedTopologies[0].matchLabelExpressions[0].key: deprecated since v1.17; use "topology.kubernetes.io/zone" instead']);
  });
});

describe('volume attributes classes', () => {
  const { create, update } = rulesOf(group, 'volumeattributesclasses');
  const body = { driverName: 'd.example', parameters: { a: '1' } };
  test('name a driver and parameters', () => expect(create({})).toEqual(['driverName: Required value', 'parameters: Required value: must contain at least one key/value pair']));
  test('do not change', () =>
    expect(update(body, { driverName: 'e.example', parameters: {} })).toEqual(['driverName: Forbidden: updates to driverName are forbidden.', 'parameters: Forbidden: updates to parameters are forbidden.', 'parameters: Required value: must contain at least one key/value pair']));
});

describe('CSI drivers', () => {
  const { create, update, changed, created, warnings } = rulesOf(group, 'csidrivers');
  test.each([
    [{ fsGroupPolicy: 'x' }, ['spec.fsGroupPolicy: Unsupported value: "x": supported values: "File", "None", "ReadWriteOnceWithFSType"']],
    [{ tokenRequests: [{ audience: 'a' }, { audience: 'a', expirationSeconds: 1 }] }, ['spec.tokenRequests[1].audience: Duplicate value: "a"']],
    [{ tokenRequests: [{ audience: 'a', expirationSeconds: 1 }] }, ['spec.tokenRequests[0].expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes']],
    [{ tokenRequests: [{ audience: 'a', expirationSeconds: 2 ** 33 }] }, ['spec.tokenRequests[0].expirationSeconds: Invalid value: 8589934592: may not specify a duration larger than 2^32 seconds']],
    [{ volumeLifecycleModes: ['x'] }, ['spec.volumeLifecycleModes: Unsupported value: "x": supported values: "Persistent", "Ephemeral"']],
    [{ nodeAllocatableUpdatePeriodSeconds: 9 }, ['spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 9: must be greater than or equal to 10 seconds']],
    [{ serviceAccountTokenInSecrets: false }, ['spec.serviceAccountTokenInSecrets: Invalid value: false: serviceAccountTokenInSecrets is set but no tokenRequests are specified']],
  ])('are refused: %j', (spec, findings) => expect(create({ spec })).toEqual(findings));

  test('keep how they attach and for whom', () =>
    expect(update({ spec: {} }, { spec: { attachRequired: false, volumeLifecycleModes: ['Ephemeral'] } })).toEqual(['spec.attachedRequired: Invalid value: false: field is immutable', 'spec.volumeLifecycleModes: Invalid value: ["Ephemeral"]: field is immutable']));

  test('lose what is behind a closed gate', () => {
    const spec = { preventPodSchedulingIfMissing: true };
    expect(created({ spec }).spec).not.toHaveProperty('preventPodSchedulingIfMissing');
    expect(changed({ spec: {} }, { spec }).object.spec).not.toHaveProperty('preventPodSchedulingIfMissing');
  });

  test('warn of tokens in attributes when they come to ask for them', () => {
    const spec = { tokenRequests: [{ audience: 'a' }] };
    expect(warnings({ spec })).toHaveLength(1);
    expect(warnings({ spec }, { spec: {} })).toHaveLength(1);
    expect(warnings({ spec }, { spec })).toEqual([]);
  });
});

describe('CSI nodes', () => {
  const { create, update } = rulesOf(group, 'csinodes');
  const drivers = (...list: object[]) => ({ spec: { drivers: list } });
  test.each([
    [{ name: '', nodeID: '' }, ['name: Required value', 'nodeID: Required value']],
    [{ name: 'd', nodeID: 'n'.repeat(257) }, [`nodeID: Invalid value: "${'n'.repeat(257)}": must be 256 characters or less`]],
    [{ name: 'd', nodeID: 'n', allocatable: { count: -1 } }, ['allocatable.count: Invalid value: -1: must be greater than or equal to 0']],
  ])('are refused: %j', (driver, findings) => expect(create(drivers(driver))).toEqual(findings.map((f) => `spec.drivers[0].${f}`)));

  test('name a driver and a key once, in this order', () =>
    expect(create(drivers({ name: 'd', nodeID: 'n', topologyKeys: [] }, { name: 'd', nodeID: 'n', topologyKeys: ['k', 'k'] }))).toEqual(['spec.drivers[1].name: Duplicate value: "d"', 'spec.drivers[1]: Duplicate value: "k"']));

  test('change only in how much they hold', () => {
    const driver = { name: 'd', nodeID: 'n', topologyKeys: ['k'] };
    expect(update(drivers(driver), drivers({ ...driver, allocatable: { count: 1 } }))).toEqual([]);
    expect(update(drivers(driver), drivers())).toEqual([]);
    expect(update(drivers(driver), drivers({ ...driver, nodeID: 'm' }))).toEqual(['spec.drivers: Invalid value: {"Name":"d","NodeID":"m","TopologyKeys":["k"],"Allocatable":null}: field is immutable']);
  });
});

describe('CSI storage capacities', () => {
  const { create, update, warnings } = rulesOf(group, 'csistoragecapacities');
  const body = { storageClassName: 's' };
  test.each([
    [{ ...body, capacity: '-1' }, ['capacity: Invalid value: "-1": must be greater than or equal to 0']],
    [{ ...body, nodeTopology: { matchExpressions: [{ key: 'a', operator: 'In' }] } }, ["nodeTopology.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"]],
  ])('are refused: %j', (object, findings) => expect(create(object)).toEqual(findings));
  test('keep class and topology', () =>
    expect(update(body, { storageClassName: 't', nodeTopology: {}, capacity: '-1' })).toEqual([
      'capacity: Invalid value: "-1": must be greater than or equal to 0',
      'nodeTopology: Invalid value: {}: field is immutable',
      'storageClassName: Invalid value: "t": field is immutable',
    ]));
  test('warn of labels that are no more', () =>
    expect(warnings({ ...body, nodeTopology: { matchLabels: { 'beta.kubernetes.io/os': 'a' }, matchExpressions: [{ key: 'beta.kubernetes.io/arch', operator: 'Exists' }] } })).toEqual([
      'nodeTopology.matchExpressions[0].key: beta.kubernetes.io/arch is deprecated since v1.14; use "kubernetes.io/arch" instead',
      'nodeTopology.matchLabels.beta.kubernetes.io/os: deprecated since v1.14; use "kubernetes.io/os" instead',
    ]));
});

describe('volume attachments', () => {
  const { create, updateStatus, changed } = rulesOf(group, 'volumeattachments');
  const inline = (inlineVolumeSpec: object) => ({ spec: { attacher: 'a', nodeName: 'n', source: { inlineVolumeSpec } } });
  const at = 'spec.source.inlineVolumeSpec';
  const csi = { driver: 'd', volumeHandle: 'v' };
  test.each([
    [inline({ accessModes: ['ReadWriteOnce'] }), [`${at}.csi: Required value: has to be specified in the context of inline volumes`, `${at}: Required value: must specify a volume type`]],
    [inline({ accessModes: ['ReadWriteOnce'], csi, claimRef: {}, capacity: { storage: '1' }, nodeAffinity: {}, persistentVolumeReclaimPolicy: 'Delete', storageClassName: 's', volumeMode: 'Block' }), [
      `${at}.claimRef: Forbidden: may not be specified in the context of inline volumes`,
      `${at}.capacity: Forbidden: may not be specified in the context of inline volumes`,
      `${at}.persistentVolumeReclaimPolicy: Forbidden: may only be Retain in the context of inline volumes`,
      `${at}.nodeAffinity: Forbidden: may not be specified in the context of inline volumes`,
      `${at}.storageClassName: Forbidden: may not be specified in the context of inline volumes`,
      `${at}.volumeMode: Forbidden: may not specify volumeMode other than Filesystem in the context of inline volumes`,
    ]],
    [{ spec: { attacher: 'a', nodeName: 'n', source: { persistentVolumeName: '' } } }, ['spec.source.persistentVolumeName: Required value: must specify non empty persistentVolumeName', expect.stringContaining('spec.source.persistentVolumeName: Invalid value: ""')]],
  ])('are refused: %j', (object, findings) => expect(create(object)).toEqual(findings));

  const body = { spec: { attacher: 'a', nodeName: 'n', source: { persistentVolumeName: 'v' } } };
  test('tell what went wrong in few words', () =>
    expect(updateStatus(body, { status: { attached: false, attachError: { message: 'm'.repeat(1025), errorCode: -1 } } })).toEqual(['status.attachError.message: Too long: may not be more than 262144 bytes', 'status.attachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, inclusive']));
  test('keep their labels when the status is written', () => {
    const { object } = changed({ ...body, metadata: { labels: { a: 'b' } } }, { ...body, metadata: { labels: { a: 'c' }, finalizers: ['x/y'] } }, 'status');
    expect(object.metadata).toMatchObject({ labels: { a: 'b' } });
    expect(object.metadata).not.toHaveProperty('finalizers');
  });
});
