import { describe, expect, test } from 'vitest';
import { decodeProtobuf, encodeProtobuf, isProtobuf, watchFrame, WireError } from './index.ts';

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
