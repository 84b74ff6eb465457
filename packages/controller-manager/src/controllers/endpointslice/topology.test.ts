import type { Node } from '@pilothouse/api-schemas/types/core/v1';
import type { EndpointSlice } from '@pilothouse/api-schemas/types/discovery/v1';
import { describe, expect, test } from 'vitest';
import { addHints, createTopologyHints, isOverloaded, zoneRatios } from './topology.ts';

const node = (zone: string, cpu: string, ready = 'True'): Node => ({ metadata: { labels: { 'topology.kubernetes.io/zone': zone } }, status: { allocatable: { cpu }, conditions: [{ type: 'Ready', status: ready }] } });
/** A slice of endpoints in these zones; in capitals those that are not ready. */
const slice = (zones: string): EndpointSlice => ({ metadata: {}, addressType: 'IPv4', endpoints: [...zones].map((zone, i) => ({ addresses: [`10.0.0.${i}`], zone: zone.toLowerCase(), conditions: { ready: zone === zone.toLowerCase() } })) });
const hints = (slices: readonly EndpointSlice[]): string => slices.map((one) => one.endpoints?.map((endpoint) => endpoint.hints?.forZones?.map(({ name }) => name).join('+') ?? '-').join('')).join(' ');
const even = new Map([['a', 0.5], ['b', 0.5]]);

describe('topology hints', () => {
  test.each<[string, Node[], [string, number][] | undefined]>([
    ['of two zones by their CPU', [node('a', '3'), node('b', '500m'), node('b', '500m')], [['a', 0.75], ['b', 0.25]]],
    ['without those that are not ready', [node('a', '1'), node('b', '1'), node('b', '9', 'False')], [['a', 0.5], ['b', 0.5]]],
    ['of one zone: none', [node('a', '1')], undefined],
    ['of nodes without a zone: none', [node('a', '1'), node('b', '1'), node('', '1')], undefined],
  ])('shares %s', (_, nodes, expected) => {
    expect(zoneRatios(nodes)).toEqual(expected && new Map(expected));
  });

  test.each<[string, string, string]>([
    ['each its own zone', 'aabb', 'aabb'],
    ['a zone with too many gives', 'aaab', 'baab'],
    ['what is not ready gets none', 'abA', 'ab-'],
  ])('%s: %s', (_, zones, expected) => {
    const given = addHints({ create: [slice(zones)], update: [], unchanged: [] }, even);
    expect(typeof given === 'string' ? given : hints(given.create)).toBe(expected);
  });

  test.each<[string, Map<string, number> | undefined, string]>([
    ['a', even, 'Insufficient number of endpoints (1 endpoints, 2 zones)'],
    ['ab', undefined, 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes'],
    ['abb', new Map([['a', 0.4], ['b', 0.4], ['c', 0.2]]), 'Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (3 endpoints, 3 zones)'],
  ])('of %s: why not', (zones, ratios, why) => {
    const given = addHints({ create: [slice(zones)], update: [], unchanged: [] }, ratios);
    expect(typeof given === 'string' ? given : '').toBe(why);
  });

  test('a slice whose hints fit is not written again; losing hints and getting them is told once', () => {
    const topology = createTopologyHints();
    topology.setNodes([node('a', '1'), node('b', '1')]);
    const first = topology.add('ns/s', 'IPv4', { create: [slice('aabb')], update: [], unchanged: [] });
    expect(first.events).toEqual([{ type: 'Normal', reason: 'TopologyAwareHintsEnabled', message: 'Topology Aware Hints has been enabled, addressType: IPv4' }]);
    expect(topology.add('ns/s', 'IPv4', { create: [], update: [], unchanged: first.create })).toEqual({ create: [], update: [], events: [] });
    topology.setNodes([node('a', '1')]);
    expect(topology.overloaded()).toEqual(['ns/s']);
    const second = topology.add('ns/s', 'IPv4', { create: [], update: [], unchanged: first.create });
    expect([hints(second.update), second.events.map((event) => event.reason)]).toEqual(['----', ['TopologyAwareHintsDisabled']]);
    expect(topology.remove('ns/s', 'IPv4')).toEqual([]);
  });

  test('a zone with less than its share is overloaded', () => {
    expect(isOverloaded(new Map([['a', 4], ['b', 2]]), even)).toBe(true);
    expect(isOverloaded(new Map([['a', 3], ['b', 3]]), even)).toBe(false);
  });
});
