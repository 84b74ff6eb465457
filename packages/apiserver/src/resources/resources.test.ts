import { builtinResources } from '@pilothouse/api-schemas';
import { expect, test } from 'vitest';
import { builtinDefinitions } from './index.ts';

test('every published resource is defined once, in discovery order', () => {
  const published = builtinResources.filter((r) => !r.name.includes('/')).map((r) => `${r.group}/${r.version}/${r.name}`);
  expect(builtinDefinitions().map((d) => `${d.type.group}/${d.type.version}/${d.type.plural}`)).toEqual(published);
});

/** As kube-apiserver has them (SpecialDefaultResourcePrefixes, and the prefixes of the extension and aggregation servers in it): every other resource lies under its plural. */
const otherPrefixes: Readonly<Record<string, string>> = {
  'nodes.': 'minions',
  'services.': 'services/specs',
  'endpoints.': 'services/endpoints',
  'replicationcontrollers.': 'controllers',
  'ingresses.networking.k8s.io': 'ingress',
  'customresourcedefinitions.apiextensions.k8s.io': 'apiextensions.k8s.io/customresourcedefinitions',
  'apiservices.apiregistration.k8s.io': 'apiregistration.k8s.io/apiservices',
};

test.each(builtinDefinitions().filter((d) => !d.virtual).map((d) => [`${d.type.plural}.${d.type.group}`, d] as const))('%s lies where kube-apiserver keeps it', (name, definition) => {
  expect(definition.storagePrefix).toBe(otherPrefixes[name] ?? definition.type.plural);
});

test('two resources share a place only where they are one: core events and those of the newer group', () => {
  const places = Map.groupBy(builtinDefinitions().filter((d) => !d.virtual), (d) => d.storagePrefix);
  expect([...places].filter(([, of]) => new Set(of.map((d) => d.type.group)).size > 1).map(([place]) => place)).toEqual(['events']);
});
