import { describe, expect, test } from 'vitest';
import { decodeProtobuf, encodeProtobuf, isProtobuf, watchFrame, WireError, Writer } from './index.ts';

const hex = (bytes: Uint8Array) => [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('');

const pod = {
  apiVersion: 'v1', kind: 'Pod',
  metadata: { name: 'p', namespace: 'd', labels: { b: '2', a: '1' }, creationTimestamp: '2026-01-02T03:04:05Z' },
  spec: {
    volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Gi' } }],
    containers: [{ name: 'c', image: 'é', env: [{ name: 'E', valueFrom: { configMapKeyRef: { name: 'm', key: 'k' } } }], resources: { requests: { cpu: '100m' } }, livenessProbe: { httpGet: { port: 'web', path: '/' }, periodSeconds: 10 } }],
    terminationGracePeriodSeconds: 0, hostNetwork: true,
  },
  status: {},
};

test('a message begins with the magic and says its kind', () => {
  const bytes = encodeProtobuf({ apiVersion: 'v1', kind: 'Binding', metadata: {}, target: { name: 'n' } } as object);
  expect(isProtobuf(bytes)).toBe(true);
  expect(hex(bytes).startsWith('6b387300' + '0a0d0a02763112' + '0742696e64696e67')).toBe(true);
});

test('what was written is read back, fields inside inlined messages too', () => {
  const back: any = decodeProtobuf(encodeProtobuf(pod));
  expect(back.metadata.labels).toEqual({ a: '1', b: '2' });
  expect(back.metadata.creationTimestamp).toBe('2026-01-02T03:04:05Z');
  expect(back.spec.volumes[0]).toMatchObject({ name: 'v', emptyDir: { sizeLimit: '1Gi' } });
  expect(back.spec.containers[0]).toMatchObject({ image: 'é', env: [{ name: 'E', valueFrom: { configMapKeyRef: { name: 'm', key: 'k' } } }], livenessProbe: { httpGet: { port: 'web' }, periodSeconds: 10 } });
  // A pointer that is zero stays; so does a value.
  expect(back.spec).toMatchObject({ terminationGracePeriodSeconds: 0, hostNetwork: true });
});

test('negative and large numbers survive', () => {
  const lease = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'x', generation: 2 ** 40 }, value: -5 };
  expect(decodeProtobuf(encodeProtobuf(lease))).toMatchObject({ value: -5, metadata: { generation: 2 ** 40 } });
});

describe('what is no message', () => {
  test.each([
    ['other bytes', Uint8Array.from([1, 2, 3, 4])],
    ['a message cut short', encodeProtobuf(pod).slice(0, 40)],
    ['an unknown kind', (() => { const b = encodeProtobuf({ apiVersion: 'v1', kind: 'Binding' }); b[13] = 0x58; return b; })()],
  ])('%s is refused', (_, bytes) => expect(() => decodeProtobuf(bytes)).toThrow(WireError));
});

test('a watch frame carries its length', () => {
  const frame = watchFrame('ADDED', Uint8Array.from([9, 9]));
  expect(hex(frame)).toBe('0000000d' + '0a054144444544' + '1204' + '0a020909');
});

describe('what no encoder writes', () => {
  /** A ConfigMap's message around these bytes. */
  const around = (content: number[]) => {
    const message = Uint8Array.from([...Buffer.from('k8s\0'), 0x0a, 15, 0x0a, 2, ...Buffer.from('v1'), 0x12, 9, ...Buffer.from('ConfigMap'), 0x12, content.length, ...content]);
    return decodeProtobuf(message) as any;
  };

  test('a field of another wire type is refused', () => {
    expect(() => around([0x10, 1])).toThrow('proto: wrong wireType = 0 for field Data');
    expect(() => around([0x0d, 0, 0, 0, 0])).toThrow('proto: wrong wireType = 5 for field Metadata');
  });

  test('a key that JavaScript knows is a key like others', () => {
    const { data } = around([0x12, 14, 0x0a, 9, ...Buffer.from('__proto__'), 0x12, 1, 0x78]);
    expect(Object.keys(data)).toEqual(['__proto__']);
    expect(({} as any).x).toBeUndefined();
  });

  test('messages inside of one another without end are refused', () => {
    /** A CustomResourceDefinition whose schema is `not` in itself, so often. */
    const crd = (depth: number) => {
      const writer = new Writer(depth * 6);
      for (let i = 0; i < depth; i++) writer.closeMessage(28, 0);
      // spec.versions.schema.openAPIV3Schema, and runtime.Unknown around it all.
      for (const field of [1, 4, 7, 2, 2]) writer.closeMessage(field, 0);
      const typeMeta = Buffer.from(encodeProtobuf({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' }));
      return Uint8Array.from([...typeMeta.subarray(0, 4 + 2 + typeMeta[5]), ...writer.bytes()]);
    };
    expect(() => decodeProtobuf(crd(100_000))).toThrow('proto: exceeded max depth');
    expect((decodeProtobuf(crd(300)) as any).spec.versions[0].schema.openAPIV3Schema.not.not).toBeDefined();
  });

  test('1970 is a time; none is an empty message; a year that RFC 3339 cannot write is refused', () => {
    const secret = (creationTimestamp: string) => (decodeProtobuf(encodeProtobuf({ apiVersion: 'v1', kind: 'Secret', metadata: { creationTimestamp } } as object)) as any).metadata.creationTimestamp;
    expect(secret('1970-01-01T00:00:00Z')).toBe('1970-01-01T00:00:00Z');
    expect(secret('')).toBeNull();
    const late = Buffer.from(encodeProtobuf({ apiVersion: 'v1', kind: 'Secret', metadata: { creationTimestamp: '9999-12-31T23:59:59Z' } } as object));
    // The seconds of that time, one bit higher.
    late[late.indexOf(Buffer.from([0x08, 0xff])) + 5] |= 0x7f;
    expect(() => decodeProtobuf(late)).toThrow('time out of range');
  });
});
