import type { ClusterRole } from '@pilothouse/api-schemas/types/rbac/v1';
import { clusterRoles } from '@pilothouse/apimachinery';
import { runOnBench } from '@pilothouse/testing/run-controllers';
import { expect, test } from 'vitest';
import { clusterRoleAggregationController } from './controller.ts';
import { aggregatedRules } from './plan.ts';

const rule = (resource: string) => ({ apiGroups: [''], resources: [resource], verbs: ['get'] });
const role = (name: string, labels: Record<string, string>, ...resources: string[]): ClusterRole => ({ metadata: { name, labels }, rules: resources.map(rule) });
const whole: ClusterRole = { metadata: { name: 'whole', labels: { to: 'view' } }, aggregationRule: { clusterRoleSelectors: [{ matchLabels: { to: 'view' } }, { matchLabels: { to: 'edit' } }] } };

test('rules are taken by selector, then by name, each once, and never from the role itself', () => {
  const roles = [role('z', { to: 'view' }, 'pods', 'services'), role('a', { to: 'view' }, 'nodes'), role('b', { to: 'edit' }, 'pods', 'secrets'), role('c', {}, 'events'), { ...whole, rules: [rule('endpoints')] }];
  expect(aggregatedRules(whole, roles).map((r) => r.resources![0])).toEqual(['nodes', 'pods', 'services', 'secrets']);
});

test('an aggregated role follows the roles it is made of', async () => {
  const bench = await runOnBench([clusterRoleAggregationController]);
  try {
    const { client } = bench;
    const resources = async () => (await client.get(clusterRoles, 'whole')).rules?.map((r) => r.resources![0]).join();
    await client.create(clusterRoles, whole);
    await client.create(clusterRoles, role('a', { to: 'view' }, 'pods'));
    await bench.until(async () => (await resources()) === 'pods');
    await client.create(clusterRoles, role('b', { to: 'edit' }, 'secrets'));
    await bench.until(async () => (await resources()) === 'pods,secrets');
    await client.delete(clusterRoles, 'a');
    await bench.until(async () => (await resources()) === 'secrets');
    await client.delete(clusterRoles, 'b');
    await bench.until(async () => !(await resources()));
  } finally {
    await bench.close();
  }
});
