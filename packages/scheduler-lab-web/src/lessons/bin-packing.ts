import { type Lesson, nodeOf, podObject, podYaml } from './lesson.ts';

const packing = `apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: default-scheduler
  pluginConfig:
  - name: NodeResourcesFit
    args:
      scoringStrategy:
        type: MostAllocated
        resources: [{name: cpu, weight: 1}, {name: memory, weight: 1}]
  plugins:
    score:
      disabled: [{name: NodeResourcesBalancedAllocation}, {name: PodTopologySpread}]
`;

export const binPacking: Lesson = {
  id: 'bin-packing',
  title: 'Packing or spreading',
  about: 'The same pod, the same nodes, another profile: another choice.',
  nodes: [{ name: 'full' }, { name: 'half' }, { name: 'empty' }],
  objects: (at) => [podObject(at, 'old-1', { cpu: '3', memory: '5Gi', node: 'full' }), podObject(at, 'old-2', { cpu: '2', memory: '3Gi', node: 'half' })],
  steps: [
    {
      title: 'The default spreads',
      text: ['Three nodes of the same size, one three quarters full, one half, one empty. By default NodeResourcesFit scores by LeastAllocated: the more is free, the better.'],
      question: { text: 'Where will a pod of half a core go?', options: ['full', 'half', 'empty'], right: 2, why: 'It has the most free. Good for latency and for when a node fails; bad for the bill.' },
      actions: [{ kind: 'create', title: 'Create the pod one', yaml: (at) => podYaml(at, 'one', { memory: '1Gi' }) }],
      goal: 'the pod one is on the empty node',
      check: (state) => nodeOf(state, 'one') === 'empty',
    },
    {
      title: 'Ask for the opposite',
      text: [
        'A scheduler has profiles. A profile turns plugins on and off, weighs them, and gives them arguments. With MostAllocated, NodeResourcesFit prefers the node that will be fullest: nodes left empty can be switched off.',
        'Ask what the scheduler would do with the profile below. Nothing is changed by asking.',
      ],
      actions: [{ kind: 'whatif', title: 'Ask with MostAllocated', yaml: (at) => podYaml(at, 'two', { memory: '1Gi' }), configuration: packing }],
      goal: 'asked with the packing profile, the pod would go to the full node',
      check: (state) => state.review?.configured === true && state.review.status.explanation.node === state.at.node('full'),
    },
    {
      title: 'Compare the scores',
      text: ['Put the two matrices side by side: the column NodeResourcesFit has turned around. Every other column that is left is the same.'],
      question: { text: 'Which would you choose for a cluster in the cloud that grows and shrinks by itself at night?', options: ['LeastAllocated', 'MostAllocated'], right: 1, why: 'Packed pods leave whole nodes empty, and only an empty node can be given back.' },
    },
    {
      title: 'When packing does not fit',
      text: ['Now a pod of two cores, asked the same way. The full node has one core left.'],
      actions: [{ kind: 'whatif', title: 'Ask for two cores', yaml: (at) => podYaml(at, 'three', { cpu: '2', memory: '1Gi' }), configuration: packing }],
      goal: 'the pod of two cores would go to the half full node',
      check: (state) => state.review?.configured === true && state.review.status.explanation.node === state.at.node('half'),
    },
  ],
};
