import { isPending, type Lesson, nodeOf, podYaml } from './lesson.ts';

const zone = 'topology.kubernetes.io/zone';
const constraint = (when: string) => `  topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: ${zone}
    whenUnsatisfiable: ${when}
    labelSelector: {matchLabels: {app: web}}
    nodeTaintsPolicy: Honor`;

const zones: Record<string, string> = { a: 'north', b: 'north', c: 'south' };

export const spread: Lesson = {
  id: 'spread',
  title: 'Topology spread',
  about: 'As many here as there: replicas over zones, evenly.',
  nodes: [{ name: 'a', labels: { [zone]: 'north' } }, { name: 'b', labels: { [zone]: 'north' } }, { name: 'c', labels: { [zone]: 'south' }, cpu: 1 }],
  steps: [
    {
      title: 'Two zones, three nodes',
      text: [
        'a and b are in the zone north, c is in south. c is small: one core.',
        'Each of these pods takes half a core. `maxSkew: 1` says: no zone may have more than one of them beyond the zone with the fewest. Create four.',
      ],
      question: { text: 'How will four pods lie?', options: ['2 in north, 2 in south', '3 in north, 1 in south', 'All in north: there is more room'], right: 0, why: 'After each pod the zones may differ by one at most, so they fill by turns.' },
      actions: [1, 2, 3, 4].map((n) => ({ kind: 'create' as const, title: `Create web-${n}`, yaml: (at) => podYaml(at, `web-${n}`, { labels: 'app: web', spec: constraint('DoNotSchedule') }) })),
      goal: 'two web pods are in each zone',
      check: (state) => {
        const places = [1, 2, 3, 4].map((n) => zones[nodeOf(state, `web-${n}`)]);
        return places.filter((z) => z === 'north').length === 2 && places.filter((z) => z === 'south').length === 2;
      },
    },
    {
      title: 'A zone is full',
      text: ['c has no room left. One more pod may go to north: the skew is then 1. Two more may not.'],
      actions: [5, 6].map((n) => ({ kind: 'create' as const, title: `Create web-${n}`, yaml: (at) => podYaml(at, `web-${n}`, { labels: 'app: web', spec: constraint('DoNotSchedule') }) })),
      goal: 'one of web-5 and web-6 is on a node, the other is pending',
      check: (state) => (nodeOf(state, 'web-5') !== '' && isPending(state, 'web-6')) || (nodeOf(state, 'web-6') !== '' && isPending(state, 'web-5')),
    },
    {
      title: 'Rather than not at all',
      text: ['In the matrix, PodTopologySpread says no on a and b, where there is room; NodeResourcesFit on c, where there is none. `ScheduleAnyway` makes the wish a score: unevenly, rather than not at all.'],
      actions: [{ kind: 'create', title: 'Create web-7 with ScheduleAnyway', yaml: (at) => podYaml(at, 'web-7', { labels: 'app: web', spec: constraint('ScheduleAnyway') }) }],
      goal: 'the pod web-7 is in the zone north',
      check: (state) => zones[nodeOf(state, 'web-7')] === 'north',
    },
    {
      title: 'Which change would help?',
      text: ['Ask for the pending pod what single change would place it. Choose it in the unschedulable lane, open What if, and ask.'],
      actions: [{ kind: 'whatif', title: 'Open What if for web-6', pod: 'web-6' }],
      goal: 'a what-if was answered',
      check: (state) => state.review !== undefined,
    },
  ],
};
