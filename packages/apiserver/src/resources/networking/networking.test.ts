import { describe, expect, test } from 'vitest';
import { rulesOf } from '../testing.ts';

const group = 'networking.k8s.io';

describe('ingresses', () => {
  const { create, update, updateStatus, warnings } = rulesOf(group, 'ingresses');
  const backend = { service: { name: 's', port: { number: 80 } } };
  const path = (one: object) => ({ spec: { rules: [{ http: { paths: [one] } }] } });
  const at = 'spec.rules[0].http.paths[0]';
  test.each([
    [{ spec: {} }, ['spec: Invalid value: null: either `defaultBackend` or `rules` must be specified']],
    [{ spec: { rules: [{ http: {} }] } }, ['spec.rules[0].http.paths: Required value']],
    [path({ backend }), [`${at}.pathType: Required value: pathType must be specified`]],
    [path({ backend, pathType: 'Other' }), [`${at}.pathType: Unsupported value: "Other": supported values: "Exact", "ImplementationSpecific", "Prefix"`]],
    [path({ backend, pathType: 'Prefix', path: 'a//b/..' }), [`${at}.path: Invalid value: "a//b/..": must be an absolute path`, `${at}.path: Invalid value: "a//b/..": must not contain '//'`, `${at}.path: Invalid value: "a//b/..": cannot end with '/..'`]],
    [path({ backend: {}, pathType: 'Exact', path: '/' }), [`${at}.backend: Invalid value: "": resource or service backend is required`]],
    [path({ backend: { service: { name: 's', port: { name: 'a', number: 1 } } }, pathType: 'Exact', path: '/' }), [`${at}.backend: Invalid value: "": cannot set both port name & port number`]],
    [path({ backend: { service: { name: 's' } }, pathType: 'Exact', path: '/' }), [`${at}.backend: Required value: port name or number is required`]],
    [path({ backend: { service: { name: '0s', port: { number: 65536 } } }, pathType: 'Exact', path: '/' }), [`${at}.backend.service.port.number: Invalid value: 65536: must be between 1 and 65535, inclusive`]],
    [{ metadata: { annotations: { 'kubernetes.io/ingress.class': 'a' } }, spec: { defaultBackend: backend, ingressClassName: 'b' } }, ['annotations.kubernetes.io/ingress.class: Invalid value: "a": must match `ingressClassName` when both are specified']],
  ])('are refused: %j', (object, findings) => expect(create(object)).toEqual(findings));

  const body = { spec: { defaultBackend: backend } };
  test('may get a class beside the annotation later', () => expect(update(body, { metadata: { annotations: { 'kubernetes.io/ingress.class': 'a' } }, spec: { ...body.spec, ingressClassName: 'b' } })).toEqual([]));
  test('have names or addresses in their status, not names that are addresses', () =>
    expect(updateStatus(body, { status: { loadBalancer: { ingress: [{ ip: '1.2.3' }, { hostname: '1.2.3.4' }] } } })).toEqual(['status.loadBalancer.ingress[0].ip: Invalid value: "1.2.3": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)', 'status.loadBalancer.ingress[1].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address']));
  test('warn of addresses written unusually only when the status is written', () => {
    const status = { loadBalancer: { ingress: [{ ip: '2001:DB8::1' }] } };
    const { resource, changed } = rulesOf(group, 'ingresses');
    const { object, old } = changed(body, { ...body, status }, 'status');
    expect(resource.strategy.warnings?.(object, old)).toEqual(['status.loadBalancer.ingress[0]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")']);
    expect(warnings(body, { ...body, status })).toEqual([]);
  });
});

test('ingress classes keep their controller', () => {
  const { create, update } = rulesOf(group, 'ingressclasses');
  const parameters = { kind: 'K', name: 'n' };
  expect(create({ spec: { controller: 'a.example/c', parameters: { ...parameters, scope: 'Namespace' } } })).toEqual(["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"]);
  expect(create({ spec: { controller: 'a.example/c', parameters: { ...parameters, namespace: 'x' } } })).toEqual(["spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"]);
  expect(create({ spec: { controller: 'c', parameters: { scope: 'x' } } })).toEqual([
    'spec.controller: Invalid value: "c": must be a domain-prefixed path (such as "acme.io/foo")',
    'spec.parameters.kind: Required value',
    'spec.parameters.name: Required value',
    'spec.parameters.scope: Unsupported value: "x": supported values: "Cluster", "Namespace"',
  ]);
  expect(update({ spec: { controller: 'a.example/c' } }, { spec: { controller: 'a.example/d' } })).toEqual(['spec.controller: Invalid value: "a.example/d": field is immutable']);
});

describe('network policies', () => {
  const { create, update } = rulesOf(group, 'networkpolicies');
  const from = (peer: object) => ({ spec: { ingress: [{ from: [peer] }] } });
  const port = (one: object) => ({ spec: { ingress: [{ ports: [one] }] } });
  const at = 'spec.ingress[0]';
  test.each([
    [port({ protocol: 'x' }), [`${at}.ports[0].protocol: Unsupported value: "x": supported values: "TCP", "UDP", "SCTP"`]],
    [port({ port: 5, endPort: 4 }), [`${at}.ports[0].endPort: Invalid value: 5: must be greater than or equal to \`port\``]],
    [port({ port: 'a', endPort: 4 }), [`${at}.ports[0].endPort: Invalid value: 4: may not be specified when \`port\` is non-numeric`]],
    [port({ endPort: 4 }), [`${at}.ports[0].endPort: Invalid value: 4: may not be specified when \`port\` is not specified`]],
    [from({}), [`${at}.from[0]: Required value: must specify a peer`]],
    [from({ ipBlock: { cidr: '' } }), [`${at}.from[0].ipBlock.cidr: Required value`]],
    [from({ ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.0/8'] }, podSelector: {} }), [`${at}.from[0].ipBlock.except[0]: Invalid value: "10.0.0.0/8": must be a strict subset of \`cidr\``, `${at}.from[0]: Forbidden: may not specify both ipBlock and another peer`]],
    [{ spec: { policyTypes: ['Ingress', 'Egress', 'Ingress'] } }, ['spec.policyTypes: Invalid value: ["Ingress","Egress","Ingress"]: may not specify more than two policyTypes']],
    [{ spec: { policyTypes: ['x'] } }, ['spec.policyTypes[0]: Unsupported value: "x": supported values: "Ingress", "Egress"']],
  ])('are refused: %j', (object, findings) => expect(create(object)).toEqual(findings));

  test('may keep what was accepted once', () => {
    const label = (value: string) => ({ spec: { podSelector: { matchExpressions: [{ key: 'a', operator: 'In', values: [value] }] } } });
    expect(update(label('not a value'), label('nor this'))).toEqual([]);
    expect(update(label('a'), label('not a value'))).toHaveLength(1);
    expect(update(from({ ipBlock: { cidr: '10.0.0.1/8' } }), from({ ipBlock: { cidr: '10.0.0.1/8' } }))).toEqual([]);
  });
});

test('IP addresses are judged anew and keep their parent', () => {
  const { create, update } = rulesOf(group, 'ipaddresses');
  const body = (parentRef?: object) => ({ metadata: { name: '10.0.0.1' }, spec: { ...(parentRef && { parentRef }) } });
  const parent = { resource: 'services', name: 'a' };
  expect(create(body())).toEqual(['spec.parentRef: Required value']);
  expect(create(body({ group: 'A', namespace: '/' }))).toEqual([expect.stringContaining('spec.parentRef.group: Invalid value: "A"'), 'spec.parentRef.resource: Required value', 'spec.parentRef.name: Required value', 'spec.parentRef.namespace: Invalid value: "/": may not contain \'/\'']);
  expect(update(body(parent), body({ ...parent, name: '' }))).toEqual(['spec.parentRef.name: Required value', 'spec.parentRef: Invalid value: {"Group":"","Resource":"services","Namespace":"","Name":""}: field is immutable']);
});

test('service CIDRs only get a second family', () => {
  const { create, update, changed } = rulesOf(group, 'servicecidrs');
  const cidrs = (...list: string[]) => ({ spec: { cidrs: list } });
  expect(create(cidrs())).toEqual(['spec.cidrs: Required value: at least one CIDR required']);
  expect(create(cidrs('10.0.0.0/8', '11.0.0.0/8'))).toEqual(['spec.cidrs: Invalid value: ["10.0.0.0/8","11.0.0.0/8"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64']);
  expect(update(cidrs('10.0.0.0/8'), cidrs('10.0.0.0/8', '2001:db8::/64'))).toEqual([]);
  expect(update(cidrs('10.0.0.0/8'), cidrs('11.0.0.0/8', 'x'))).toEqual(['spec.cidrs[0]: Invalid value: "11.0.0.0/8": field is immutable', 'spec.cidrs[1]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)']);
  expect(update(cidrs('10.0.0.0/8', '2001:db8::/64'), cidrs('10.0.0.0/8'))).toEqual(['spec.cidrs: Invalid value: ["10.0.0.0/8"]: field is immutable']);
  expect(changed(cidrs('10.0.0.0/8'), { ...cidrs('10.0.0.0/8'), metadata: { labels: { a: 'b' } } }, 'status').object.metadata).not.toHaveProperty('labels');
});
