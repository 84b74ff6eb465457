import { expect, test } from 'vitest';
import { fromAggregated, fromLegacy } from './version-discovery.ts';

test('a version is taken out of the aggregated document; what it lacks is filled in', () => {
  const document = { items: [{ metadata: { name: 'g' }, versions: [{ version: 'v1', freshness: 'Stale', resources: [{ resource: 'a', scope: 'Cluster', verbs: ['get'], subresources: [{ subresource: 's', verbs: [] }] }] }] }] };
  const none = { group: '', version: '', kind: '' };
  expect(fromAggregated(document, 'g', 'v1')).toEqual({ version: 'v1', resources: [{ resource: 'a', responseKind: none, scope: 'Cluster', verbs: ['get'], subresources: [{ subresource: 's', responseKind: none, verbs: [] }] }] });
  expect(fromAggregated(document, 'g', 'v2')).toBeUndefined();
  expect(fromAggregated({}, 'g', 'v1')).toBeUndefined();
});

test('out of the legacy document subresources go under their resource, which a lone one brings', () => {
  const resources = [
    { name: 'a/status', namespaced: true, kind: 'A', verbs: ['get'] },
    { name: 'a', singularName: 'x', namespaced: true, kind: 'A', verbs: ['get', 'list'], shortNames: ['s'] },
    { name: 'lone/scale', namespaced: false, group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: ['update'] },
  ];
  expect(fromLegacy({ resources }, 'v1')).toEqual({
    version: 'v1',
    resources: [
      { resource: 'a', responseKind: { group: '', version: '', kind: 'A' }, scope: 'Namespaced', singularResource: 'x', verbs: ['get', 'list'], shortNames: ['s'], subresources: [{ subresource: 'status', responseKind: { group: '', version: '', kind: 'A' }, verbs: ['get'] }] },
      { resource: 'lone', responseKind: { group: '', version: '', kind: '' }, scope: 'Cluster', singularResource: '', verbs: [], subresources: [{ subresource: 'scale', responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' }, verbs: ['update'] }] },
    ],
  });
  expect(fromLegacy({}, 'v1')).toEqual({ version: 'v1' });
});
