import { describe, expect, test } from 'vitest';
import { node, pluginBench, pod, reasons } from '../../testing/bench.ts';
import { nodePorts } from './node-ports.ts';

const listening = (hostPort: number, more: { hostIP?: string; protocol?: string } = {}) => pod('p', { spec: { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: hostPort, hostPort, ...more }] }] } });

describe('NodePorts', () => {
  test.each([
    ['the same port', listening(80), listening(80), true],
    ['another port', listening(80), listening(81), false],
    ['another protocol', listening(80), listening(80, { protocol: 'UDP' }), false],
    ['two addresses', listening(80, { hostIP: '10.0.0.1' }), listening(80, { hostIP: '10.0.0.2' }), false],
    ['all addresses against one', listening(80), listening(80, { hostIP: '10.0.0.2' }), true],
    ['one address against all', listening(80, { hostIP: '10.0.0.2' }), listening(80, { hostIP: '0.0.0.0' }), true],
  ])('%s', (_about, there, wanted, conflict) => {
    const bench = pluginBench(nodePorts, { nodes: [node('n1')], placed: { n1: [there] } });
    expect(reasons(bench.filter({ ...wanted, metadata: { ...wanted.metadata, uid: 'new' } }))).toEqual(conflict ? { n1: ["node(s) didn't have free ports for the requested pod ports"] } : {});
  });

  test('skips pods without host ports', () => {
    expect(pluginBench(nodePorts).filter(pod('p'))).toMatchObject({ code: 'Skip' });
  });
});
