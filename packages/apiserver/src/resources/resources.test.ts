import { builtinResources } from '@pilothouse/api-schemas';
import { expect, test } from 'vitest';
import { builtinDefinitions } from './index.ts';

test('every published resource is defined once, in discovery order', () => {
  const published = builtinResources.filter((r) => !r.name.includes('/')).map((r) => `${r.group}/${r.version}/${r.name}`);
  expect(builtinDefinitions().map((d) => `${d.type.group}/${d.type.version}/${d.type.plural}`)).toEqual(published);
});

test.each([
  ['nodes', '', 'minions'],
  ['services', '', 'services/specs'],
  ['endpoints', '', 'services/endpoints'],
  ['replicationcontrollers', '', 'controllers'],
  ['ingresses', 'networking.k8s.io', 'ingress'],
  ['deployments', 'apps', 'deployments'],
  ['events', 'events.k8s.io', 'events'],
  ['customresourcedefinitions', 'apiextensions.k8s.io', 'apiextensions.k8s.io/customresourcedefinitions'],
])('%s of group %j is stored under %s', (plural, group, prefix) => {
  expect(builtinDefinitions().find((d) => d.type.plural === plural && d.type.group === group)?.storagePrefix).toBe(prefix);
});
