import { describe, expect, test } from 'vitest';
import { emptyRuleset, rulesetFor, updateScript } from './ruleset.ts';
import { planService } from './services.ts';

const node = { nodeName: 'n1', zone: 'z1' };
const service = (spec: object) => ({ metadata: { name: 's', namespace: 'd' }, spec: { type: 'ClusterIP', clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5'], ports: [{ port: 80, protocol: 'TCP' }], ...spec } }) as any;
const slice = (endpoints: object[]) => ({ metadata: { name: 's-1', namespace: 'd' }, addressType: 'IPv4', ports: [{ name: '', protocol: 'TCP', port: 8080 }], endpoints }) as any;
const at = (ip: string, conditions: object = { ready: true }, more: object = {}) => ({ addresses: [ip], conditions, ...more });
const addresses = (list: { address: string }[]) => list.map((b) => b.address);

describe('endpoints of a service', () => {
  test('are the ready ones', () => {
    const [plan] = planService(service({}), [slice([at('10.0.0.1'), at('10.0.0.2', { ready: false })])], node);
    expect(plan.internal).toEqual([{ address: '10.0.0.1', port: 8080 }]);
  });
  test('are those that still serve while terminating when none is ready', () => {
    const [plan] = planService(service({}), [slice([at('10.0.0.1', { ready: false, serving: true, terminating: true }), at('10.0.0.2', { ready: false, serving: false })])], node);
    expect(addresses(plan.internal)).toEqual(['10.0.0.1']);
  });
  test('are those of this node under a Local policy', () => {
    const [plan] = planService(service({ type: 'NodePort', externalTrafficPolicy: 'Local', ports: [{ port: 80, nodePort: 30080, protocol: 'TCP' }] }), [slice([at('10.0.0.1', undefined, { nodeName: 'n1' }), at('10.0.0.2', undefined, { nodeName: 'n2' })])], node);
    expect([addresses(plan.internal), addresses(plan.external)]).toEqual([['10.0.0.1', '10.0.0.2'], ['10.0.0.1']]);
  });
  test('stay in the zone when all carry hints', () => {
    const hint = (zone: string) => ({ hints: { forZones: [{ name: zone }] } });
    const [plan] = planService(service({}), [slice([at('10.0.0.1', undefined, hint('z1')), at('10.0.0.2', undefined, hint('z2'))])], node);
    expect(addresses(plan.internal)).toEqual(['10.0.0.1']);
  });
  test('headless and external services have none', () => {
    expect(planService(service({ clusterIP: 'None' }), [], node)).toEqual([]);
    expect(planService(service({ type: 'ExternalName' }), [], node)).toEqual([]);
  });
});

describe('the ruleset', () => {
  const plans = (endpoints: object[], spec: object = {}) => planService(service(spec), [slice(endpoints)], node);
  test('refuses a service without endpoints', () => {
    const ruleset = rulesetFor(plans([]));
    expect([...ruleset.elements.get('refused-ips')!]).toEqual([['10.96.0.5 . tcp . 80', 'goto refuse']]);
    expect(ruleset.elements.get('service-ips')!.size).toBe(0);
  });
  test('does not change when nothing does', () => {
    expect(updateScript(rulesetFor(plans([at('10.0.0.1')])), rulesetFor(plans([at('10.0.0.1')])))).toBe('');
  });
  test('removes what the last endpoint leaves behind, after what pointed to it', () => {
    const script = updateScript(rulesetFor(plans([at('10.0.0.1')])), rulesetFor(plans([])));
    expect(script.indexOf('delete element')).toBeGreaterThanOrEqual(0);
    expect(script.indexOf('delete element')).toBeLessThan(script.indexOf('delete chain'));
  });
  test('keeps clients with their endpoint when asked to', () => {
    const script = updateScript(emptyRuleset(), rulesetFor(plans([at('10.0.0.1'), at('10.0.0.2')], { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } })));
    expect(script).toMatch(/add set .*timeout 60s/);
    expect(script).toMatch(/ip saddr @aff-\S+ goto ep-/);
  });
});
