import type { KubeObject } from '@pilothouse/apimachinery';
import { type Lesson, nodeOf, podObject, podYaml, type Where } from './lesson.ts';

const high = (at: Where) => `${at.namespace}-high`;
const low = (at: Where) => `${at.namespace}-low`;
const polite = (at: Where) => `${at.namespace}-polite`;
const priorityClass = (name: string, value: number, preemptionPolicy = 'PreemptLowerPriority') => ({ apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name }, value, preemptionPolicy, description: 'of a lesson' }) as KubeObject;

export const preemption: Lesson = {
  id: 'preemption',
  title: 'Priorities and preemption',
  about: 'Who has to leave when something more important comes.',
  nodes: [{ name: 'a', cpu: 2 }, { name: 'b', cpu: 2 }],
  clusterObjects: (at) => [priorityClass(high(at), 1000), priorityClass(low(at), 10), priorityClass(polite(at), 1000, 'Never')],
  objects: (at) => [
    podObject(at, 'batch-1', { cpu: '1', node: 'a', priorityClassName: low(at), endsAfterSeconds: 4 }),
    podObject(at, 'batch-2', { cpu: '1', node: 'a', priorityClassName: low(at), endsAfterSeconds: 4 }),
    podObject(at, 'steady', { cpu: '1500m', node: 'b', priorityClassName: high(at) }),
  ],
  steps: [
    {
      title: 'A full cluster',
      text: ['Two nodes of two cores. On a run two batch jobs of priority 10. On b runs a steady service of priority 1000, which leaves half a core.', 'Hold the pointer on a pod for its priority. The batch jobs take four seconds to end when they are told to.'],
      goal: 'the two batch jobs and the steady service run',
      check: (state) => nodeOf(state, 'batch-1') === 'a' && nodeOf(state, 'batch-2') === 'a' && nodeOf(state, 'steady') === 'b',
    },
    {
      title: 'Something important',
      text: ['This pod wants one core and has priority 1000. No node has a core free.'],
      question: { text: 'Who will have to leave?', options: ['Nobody: it waits', 'One batch job', 'Both batch jobs', 'The steady service'], right: 1, why: 'Only pods of lower priority can be victims, and of those as few as needed: first all are thought away, then as many as fit are taken back.' },
      actions: [{ kind: 'create', title: 'Create the pod urgent', yaml: (at) => podYaml(at, 'urgent', { cpu: '1', spec: `  priorityClassName: ${high(at)}` }) }],
      goal: 'the pod urgent runs on a, and one batch job had to leave',
      check: (state) => nodeOf(state, 'urgent') === 'a' && [state.pods.has('batch-1'), state.pods.has('batch-2')].filter(Boolean).length === 1,
    },
    {
      title: 'How it was decided',
      text: [
        'Scrub back to the first attempt of urgent, and move the slider to PostFilter: the candidates, their victims, and the rule that decided. b is not among them: nobody there is less important.',
        'The first attempt only nominated the node. When the victim had left, a second attempt placed the pod. `nominatedNodeName` in the pod\'s status kept the place for it.',
      ],
      question: { text: 'Why were there two attempts?', options: ['The first one failed', 'A victim is given time to end, and the queue goes on meanwhile'], right: 1, why: 'Victims end gracefully. The pod goes back to the queue until they are gone.' },
      goal: 'two attempts of urgent are recorded',
      check: (state) => state.traces.filter((t) => t.pod.name === 'urgent').length >= 2,
    },
    {
      title: 'No bullying',
      text: ['A priority class may say `preemptionPolicy: Never`: its pods come to the front of the queue, but nobody is evicted for them. Try it.'],
      actions: [{ kind: 'create', title: 'Create the pod polite', yaml: (at) => podYaml(at, 'polite', { cpu: '1', spec: `  priorityClassName: ${polite(at)}` }) }],
      goal: 'the pod polite is pending and the last batch job still runs',
      check: (state) => state.pods.has('polite') && nodeOf(state, 'polite') === '' && state.traces.some((t) => t.pod.name === 'polite') && [state.pods.has('batch-1'), state.pods.has('batch-2')].filter(Boolean).length === 1,
    },
  ],
};
