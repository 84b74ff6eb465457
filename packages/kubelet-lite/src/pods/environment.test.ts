import { describe, expect, test } from 'vitest';
import { notFoundError, isNotFound } from '@pilothouse/apimachinery';
import { aContainer, aPod } from '../testdata/builders.ts';
import { makeEnvironment, serviceVariables } from './environment.ts';
import { expand } from './expand.ts';

const sources = {
  configMap: async (_: string, name: string) => {
    if (name !== 'cm') throw notFoundError({ group: '', plural: 'configmap' }, name);
    return { metadata: {}, data: { a: '1', 'b=': '2' } };
  },
  secret: async () => ({ metadata: {}, data: { s: Buffer.from('hid').toString('base64') } }),
  isNotFound,
};
const make = (env: object[], envFrom: object[] = [], more = {}) => {
  const container = aContainer('c', { env, envFrom, resources: { limits: { memory: '64Mi' } } } as never);
  return makeEnvironment({ pod: aPod({ serviceAccountName: 'sa', containers: [container] }, { labels: { l: 'v' } }), container, services: [], podIps: ['10.0.0.1'], hostIps: ['192.0.2.1'], allocatable: { cpu: '2' }, sources, ...more });
};

describe('references', () => {
  test.each([
    ['$(A)', 'x'],
    ['$$(A)', '$(A)'],
    ['$(B) and $(A', '$(B) and $(A'],
    ['$A $', '$A $'],
    ['$$$(A)', '$x'],
  ])('%s becomes %s', (text, want) => {
    expect(expand(text, (name) => (name === 'A' ? 'x' : undefined))).toBe(want);
  });
});

describe('a container\'s environment', () => {
  test('later variables see earlier ones, and sources are read', async () => {
    const env = await make(
      [{ name: 'A', value: '1' }, { name: 'B', value: '$(A)2' }, { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }, { name: 'L', valueFrom: { fieldRef: { fieldPath: "metadata.labels['l']" } } }, { name: 'M', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } }, { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } }, { name: 'S', valueFrom: { secretKeyRef: { name: 's', key: 's' } } }],
      [{ prefix: 'P_', configMapRef: { name: 'cm' } }],
    );
    expect(Object.fromEntries(env)).toEqual({ P_a: '1', A: '1', B: '12', IP: '10.0.0.1', L: 'v', M: '64', CPU: '2', S: 'hid' });
  });
  test.each([
    [[{ name: 'X', valueFrom: { configMapKeyRef: { name: 'nope', key: 'a' } } }], 'configmap "nope" not found'],
    [[{ name: 'X', valueFrom: { configMapKeyRef: { name: 'cm', key: 'z' } } }], "couldn't find key z in ConfigMap ns/cm"],
  ])('what is missing is named', async (env, message) => {
    await expect(make(env)).rejects.toThrow(message);
  });
  test('what is optional may be missing', async () => {
    expect((await make([{ name: 'X', valueFrom: { configMapKeyRef: { name: 'nope', key: 'a', optional: true } } }], [{ configMapRef: { name: 'nope', optional: true } }])).size).toBe(0);
  });
});

test('services of the namespace are told in Docker\'s way, and kubernetes always', () => {
  const service = (namespace: string, name: string, clusterIP: string) => ({ metadata: { namespace, name }, spec: { clusterIP, ports: [{ name: 'web', port: 80, protocol: 'TCP' }] } }) as never;
  const all = [service('default', 'kubernetes', '10.96.0.1'), service('ns', 'my-db', '10.96.0.2'), service('ns', 'headless', 'None'), service('other', 'x', '10.96.0.3')];
  const env = Object.fromEntries(serviceVariables(all, 'ns', true));
  expect(env).toMatchObject({ MY_DB_SERVICE_HOST: '10.96.0.2', MY_DB_SERVICE_PORT: '80', MY_DB_SERVICE_PORT_WEB: '80', MY_DB_PORT: 'tcp://10.96.0.2:80', MY_DB_PORT_80_TCP: 'tcp://10.96.0.2:80', MY_DB_PORT_80_TCP_PROTO: 'tcp', MY_DB_PORT_80_TCP_PORT: '80', MY_DB_PORT_80_TCP_ADDR: '10.96.0.2', KUBERNETES_SERVICE_HOST: '10.96.0.1' });
  expect(Object.keys(env).some((k) => k.startsWith('X_') || k.startsWith('HEADLESS'))).toBe(false);
  expect(serviceVariables(all, 'ns', false).has('MY_DB_SERVICE_HOST')).toBe(false);
});
