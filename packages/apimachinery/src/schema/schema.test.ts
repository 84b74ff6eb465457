import { typeOfKind } from '@pilothouse/api-schemas';
import { describe, expect, test } from 'vitest';
import { applyDefaults, decodeObject, parseJson, parseJsonStrict } from './index.ts';

const type = (group: string, version: string, kind: string) => {
  const found = typeOfKind(group, version, kind);
  if (!found) throw new Error(`no type ${kind}`);
  return found;
};
const decode = (group: string, kind: string, value: unknown) => decodeObject(type(group, 'v1', kind), { kind, ...(value as object) });
const bytes = (text: string) => new TextEncoder().encode(text);

describe('decoding', () => {
  test('fields stand in the order of the type, map keys in their own', () => {
    const { object } = decode('', 'ConfigMap', { data: { z: '1', a: '2' }, metadata: { labels: { y: '', b: '' }, name: 'x' }, apiVersion: 'v1' });
    expect(JSON.stringify(object)).toBe('{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"x","labels":{"b":"","y":""}},"data":{"a":"2","z":"1"}}');
  });

  test.each([
    ['structs are written even when absent', 'apps', 'Deployment', {}, { metadata: {}, spec: { selector: null, template: { metadata: {}, spec: { containers: null } }, strategy: {} }, status: {} }],
    ['an empty list without omitempty is null, as after protobuf', 'rbac.authorization.k8s.io', 'ClusterRole', { rules: [] }, { metadata: {}, rules: null }],
    ['empty lists, maps and strings are left out', '', 'ConfigMap', { metadata: { name: '', labels: {}, finalizers: [] }, data: {} }, { metadata: {} }],
    ['null is absence', '', 'ConfigMap', { metadata: null, data: { a: null } }, { metadata: {}, data: { a: '' } }],
    ['an explicit zero behind a pointer is kept', 'apps', 'ReplicaSet', { spec: { replicas: 0, selector: {} } }, { metadata: {}, spec: { replicas: 0, selector: {}, template: { metadata: {}, spec: { containers: null } } }, status: { replicas: 0 } }],
    ['quantities are canonical', '', 'ResourceQuota', { spec: { hard: { cpu: 1.5, memory: '1024Mi' } } }, { metadata: {}, spec: { hard: { cpu: '1500m', memory: '1Gi' } }, status: {} }],
    ['times are in UTC with seconds', 'coordination.k8s.io', 'Lease', { metadata: { deletionTimestamp: '2026-01-02T03:04:05.9+02:00' }, spec: { renewTime: '2026-01-02T03:04:05.1Z' } }, { metadata: { deletionTimestamp: '2026-01-02T01:04:05Z' }, spec: { renewTime: '2026-01-02T03:04:05.100000Z' } }],
  ])('%s', (_, group, kind, value, expected) => {
    const { kind: _kind, ...object } = decode(group, kind, value).object;
    expect(object).toEqual(expected);
  });

  test('unknown fields are dropped and reported with their paths', () => {
    const decoded = decode('', 'Pod', { bogus: 1, spec: { containers: [{ name: 'c', Image: 'x' }] }, metadata: { labels: { a: 'b' }, anotations: {} } });
    expect(decoded.unknownFields).toEqual(['unknown field "bogus"', 'unknown field "spec.containers[0].Image"', 'unknown field "metadata.anotations"']);
    expect(decoded.object.spec.containers).toEqual([{ name: 'c', resources: {} }]);
  });

  test.each([
    ['apps', 'Deployment', { spec: { replicas: 'x' } }, 'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32'],
    ['', 'ConfigMap', { data: { a: true } }, 'json: cannot unmarshal bool into Go struct field ConfigMap.data of type string'],
    ['', 'Pod', { spec: { containers: [{ ports: [{ containerPort: 1.5 }] }] } }, 'json: cannot unmarshal number 1.5 into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32'],
    ['', 'Pod', { spec: { restartPolicy: 1 } }, 'json: cannot unmarshal number into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy'],
    ['', 'Pod', { metadata: { uid: 1 } }, 'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.uid of type types.UID'],
    ['', 'PersistentVolumeClaim', { spec: { accessModes: 'x' } }, 'json: cannot unmarshal string into Go struct field PersistentVolumeClaimSpec.spec.accessModes of type []v1.PersistentVolumeAccessMode'],
    ['', 'PersistentVolumeClaim', { spec: { accessModes: [1] } }, 'json: cannot unmarshal number into Go struct field PersistentVolumeClaimSpec.spec.accessModes of type v1.PersistentVolumeAccessMode'],
    ['', 'Pod', { spec: { containers: [{ resources: { limits: [] } }] } }, 'json: cannot unmarshal array into Go struct field ResourceRequirements.spec.containers.resources.limits of type v1.ResourceList'],
    ['', 'Pod', { spec: { containers: {} } }, 'json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container'],
    ['', 'Pod', { spec: { containers: [{ resources: { limits: { cpu: 'x' } } }] } }, "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"],
    ['', 'Secret', { data: { a: '*' } }, 'illegal base64 data at input byte 0'],
  ])('a value that does not fit is refused (%s %s)', (group, kind, value, why) => {
    expect(() => decode(group, kind, value)).toThrow(expect.objectContaining({ message: `${kind} in version "v1" cannot be handled as a ${kind}: ${why}`, code: 400 }));
  });
});

test('published defaults fill what is absent and make nothing', () => {
  const { object } = decode('', 'Pod', { spec: { containers: [{ ports: [{ containerPort: 80 }, { containerPort: 53, protocol: 'UDP' }] }, {}] } });
  applyDefaults(type('', 'v1', 'Pod'), object);
  expect(object.spec.containers.map((c: any) => c.ports?.map((p: any) => p.protocol))).toEqual([['TCP', 'UDP'], undefined]);
});

describe('JSON', () => {
  test.each([
    ['{"a":1,"a":2}', ['duplicate field "a"']],
    ['{"spec":{"list":[{"x":1},{"x":1,"y":{"z":0},"x":2}]},"b":":","b" : 1}', ['duplicate field "spec.list[1].x"', 'duplicate field "b"']],
    ['{"a":"\\":{","b":{"a":[":"]}}', []],
  ])('%s: keys that occur twice', (text, expected) => expect(parseJsonStrict(bytes(text)).duplicateFields).toEqual(expected));

  test.each([
    ['', 'unexpected end of JSON input'],
    ['{', 'unexpected end of JSON input'],
    ['not', "invalid character 'o' in literal null (expecting 'u')"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['{} x', "invalid character 'x' after top-level value"],
    ['[1 2]', "invalid character '2' after array element"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['<', "invalid character '<' looking for beginning of value"],
  ])('%j is refused as encoding/json refuses it', (text, message) => expect(() => parseJson(bytes(text))).toThrow(message));

  test('half a surrogate pair, in a key or a value, becomes U+FFFD', () => {
    expect(parseJsonStrict(bytes('{"a":["\\ud800x"],"\\udc00":1,"c":"\\ud83d\\ude00"}'))).toEqual({ value: { a: ['\ufffdx'], '\ufffd': 1, c: '\u{1F600}' }, duplicateFields: [] });
  });

  test.each([['[', ']'], ['{"a":', '}']])('what is nested too deeply is refused: %s', (open, close) => {
    expect(() => parseJsonStrict(bytes(`${open.repeat(2_000)}1${close.repeat(2_000)}`))).toThrow('exceeded max depth');
    expect(parseJsonStrict(bytes(`${open.repeat(990)}1${close.repeat(990)}`)).duplicateFields).toEqual([]);
  });
});

test('a number that no float64 holds fits nowhere, free-form values included', () => {
  expect(() => decode('apps', 'ControllerRevision', { data: { a: [JSON.parse('1e400')] } })).toThrow(/cannot unmarshal .* of type float64/);
  expect(() => decode('apps', 'Deployment', { spec: { replicas: JSON.parse('1e400') } })).toThrow(/of type int32/);
});

describe('an OpenAPI schema', () => {
  const read = (schema: unknown) => decodeObject(type('apiextensions.k8s.io', 'v1', 'CustomResourceDefinition'), { spec: { versions: [{ name: 'v1', schema: { openAPIV3Schema: schema } }] } });
  const schemaOf = (schema: unknown) => read(schema).object.spec.versions[0].schema.openAPIV3Schema;

  test('holds schemas in places for something simpler; there they are read as everywhere', () => {
    const found = read({ type: 'array', items: { title: '', bogus: 1, type: 'string' }, additionalProperties: { nullable: false }, additionalItems: false, dependencies: { a: ['b'], c: { type: 'object', id: '' } } });
    expect(found.object.spec.versions[0].schema.openAPIV3Schema).toEqual({ type: 'array', items: { type: 'string' }, additionalProperties: {}, additionalItems: false, dependencies: { a: ['b'], c: { type: 'object' } } });
    expect(found.unknownFields).toEqual(['unknown field "spec.versions[0].schema.openAPIV3Schema.items.bogus"']);
    expect(schemaOf({ items: [{ type: 'string' }, {}] })).toEqual({ items: [{ type: 'string' }, {}] });
  });

  test('takes anything else for nothing, but not in place of a boolean', () => {
    expect(schemaOf({ items: 'array', dependencies: { a: 1 } })).toEqual({ dependencies: { a: null } });
    expect(() => read({ additionalProperties: 'x' })).toThrow('boolean or JSON schema expected');
  });
});
