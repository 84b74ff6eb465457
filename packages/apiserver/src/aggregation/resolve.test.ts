import { seededRandom } from '@pilothouse/base';
import { expect, test } from 'vitest';
import { clusterAddress, endpointAddress } from './resolve.ts';

const service = (spec: object) => ({ metadata: { name: 's' }, spec: { type: 'ClusterIP', clusterIP: '10.96.0.9', ports: [{ name: 'web', port: 443 }], ...spec } });
const slice = (address: string, more: object = {}, endpoint: object = {}) => ({ metadata: { name: address }, addressType: address.includes(':') ? 'IPv6' : 'IPv4', endpoints: [{ addresses: [address], ...endpoint }], ports: [{ name: 'web', port: 8443 }], ...more });
const random = seededRandom(1);

test.each([
  [{}, 443, { host: '10.96.0.9', port: 443 }],
  [{ type: 'LoadBalancer' }, 443, { host: '10.96.0.9', port: 443 }],
  [{ type: 'ExternalName', externalName: 'example.com', ports: [] }, 8443, { host: 'example.com', port: 8443 }],
  [{ clusterIP: 'None' }, 443, 'cannot route to service with ClusterIP "None"'],
  [{}, 80, 'no service port 80 found for service "s"'],
  [{ type: 'Odd' }, 443, 'unsupported service type "Odd"'],
])('the address of a service %j at port %d', (spec, port, expected) => {
  if (typeof expected === 'string') expect(() => clusterAddress(service(spec), port)).toThrow(expected);
  else expect(clusterAddress(service(spec), port)).toEqual(expected);
});

test('of endpoints a ready one of the first family is taken, and another only where there is none', () => {
  const dual = service({ ipFamilies: ['IPv6', 'IPv4'] });
  const all = [slice('10.0.0.1'), slice('fd00::1')];
  expect(endpointAddress(dual, all, 443, random)).toEqual({ host: 'fd00::1', port: 8443 });
  expect(endpointAddress(dual, [all[0], slice('fd00::1', {}, { conditions: { ready: false } })], 443, random)).toEqual({ host: '10.0.0.1', port: 8443 });
  expect(() => endpointAddress(dual, [slice('10.0.0.1', { ports: [{ name: 'other', port: 1 }] })], 443, random)).toThrow('no endpoints available for service "s"');
  expect(() => endpointAddress(service({ type: 'ExternalName' }), [], 443, random)).toThrow('unsupported service type "ExternalName"');
});
