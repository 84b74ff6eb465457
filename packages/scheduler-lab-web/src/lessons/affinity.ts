import { isPending, type Lesson, nodeOf, podObject, podYaml } from './lesson.ts';

const required = (kind: 'podAffinity' | 'podAntiAffinity', app: string) => `  affinity:
    ${kind}:
      requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector: {matchLabels: {app: ${app}}}`;

export const affinity: Lesson = {
  id: 'affinity',
  title: 'Affinity and anti-affinity',
  about: 'Wishes about nodes that may be overruled, and wishes about neighbours.',
  nodes: [{ name: 'a', labels: { disk: 'hdd' } }, { name: 'b', labels: { disk: 'ssd' } }, { name: 'c', labels: { disk: 'hdd' } }],
  objects: (at) => [podObject(at, 'cache', { labels: { app: 'cache' }, node: 'c' })],
  steps: [
    {
      title: 'A preference',
      text: ['`preferredDuringScheduling…` rejects no node. It gives points. Create the pod, move the slider to Score and see NodeAffinity\'s column: only b has its points, and they are multiplied by the plugin\'s weight.'],
      actions: [{
        kind: 'create', title: 'Create the pod prefers-ssd',
        yaml: (at) => podYaml(at, 'prefers-ssd', { spec: `  affinity:
    nodeAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        preference:
          matchExpressions: [{key: disk, operator: In, values: [ssd]}]` }),
      }],
      goal: 'the pod prefers-ssd is on a node',
      check: (state) => nodeOf(state, 'prefers-ssd') !== '',
    },
    {
      title: 'Near a friend',
      text: ['A pod called cache runs on c. This web server wants to be on the same node as any pod with `app: cache`; the `topologyKey` says what same means: here the host name, it could be the zone.'],
      question: { text: 'Which plugin will turn a and b away?', options: ['NodeAffinity', 'InterPodAffinity', 'TaintToleration'], right: 1, why: 'Wishes about other pods are InterPodAffinity\'s.' },
      actions: [{ kind: 'create', title: 'Create the pod web', yaml: (at) => podYaml(at, 'web', { labels: 'app: web', spec: required('podAffinity', 'cache') }) }],
      goal: 'the pod web is on the node of the pod cache',
      check: (state) => nodeOf(state, 'web') !== '' && nodeOf(state, 'web') === nodeOf(state, 'cache'),
    },
    {
      title: 'One of a kind per node',
      text: ['Anti-affinity to its own label is how replicas keep apart. Create guard-1 to guard-4: there are three nodes.'],
      actions: [1, 2, 3, 4].map((n) => ({ kind: 'create' as const, title: `Create guard-${n}`, yaml: (at) => podYaml(at, `guard-${n}`, { labels: 'app: guard', cpu: '100m', spec: required('podAntiAffinity', 'guard') }) })),
      goal: 'three guards are on three nodes and one is pending',
      check: (state) => {
        const places = [1, 2, 3, 4].map((n) => nodeOf(state, `guard-${n}`)).filter(Boolean);
        return new Set(places).size === 3 && [1, 2, 3, 4].some((n) => isPending(state, `guard-${n}`));
      },
    },
    {
      title: 'Room for the fourth',
      text: ['Delete the first guard. The scheduler sees a pod leave and asks InterPodAffinity whether that may help the waiting one.'],
      actions: [{ kind: 'deletePod', title: 'Delete guard-1', pod: 'guard-1' }],
      goal: 'guard-1 is gone and guard-4 has a node',
      check: (state) => !state.pods.has('guard-1') && nodeOf(state, 'guard-4') !== '',
    },
  ],
};
