import { hasTaint, isPending, type Lesson, lessonTaint, nodeOf, podYaml } from './lesson.ts';

const dedicated = { key: 'dedicated', value: 'db', effect: 'NoSchedule' };

export const taints: Lesson = {
  id: 'taints',
  title: 'Taints and tolerations',
  about: 'Nodes that want only certain pods, and pods that do not mind.',
  nodes: [{ name: 'a', taints: [dedicated] }, { name: 'b', cpu: 1 }],
  steps: [
    {
      title: 'A node says no',
      text: [
        'Node a has the taint `dedicated=db:NoSchedule`, node b has none. Selectors are wishes of pods; a taint is a wish of the node.',
        'Every node of this lesson is also tainted with `lab.pilothouse.dev/lesson`, so that other people\'s pods stay away. That is what the toleration in the pods here is for.',
      ],
      actions: [{ kind: 'create', title: 'Create the pod web', yaml: (at) => podYaml(at, 'web') }],
      goal: 'the pod web is on node b',
      check: (state) => nodeOf(state, 'web') === 'b',
    },
    {
      title: 'No room elsewhere',
      text: ['b has one core and half of it is taken. This pod wants a whole one.'],
      question: { text: 'a has four free cores. Will the pod go there?', options: ['Yes: a full node beats a taint', 'No: NoSchedule means no'], right: 1, why: 'A taint of effect NoSchedule is a filter. PreferNoSchedule would only cost points.' },
      actions: [{ kind: 'create', title: 'Create the pod big', yaml: (at) => podYaml(at, 'big', { cpu: '1' }) }],
      goal: 'the pod big was tried and found no node',
      check: (state) => isPending(state, 'big') || nodeOf(state, 'big') !== '',
    },
    {
      title: 'A pod that does not mind',
      text: ['In the matrix, two different plugins said no to big: TaintToleration on a, NodeResourcesFit on b. The mark on a is a crossed box: evicting pods could not help there.', 'This pod tolerates the taint. Tolerating is not wishing: it may go to a, it need not.'],
      actions: [{ kind: 'create', title: 'Create the pod db', yaml: (at) => podYaml(at, 'db', { cpu: '1', tolerations: '  - {key: dedicated, operator: Equal, value: db, effect: NoSchedule}' }) }],
      goal: 'the pod db is on node a',
      check: (state) => nodeOf(state, 'db') === 'a',
    },
    {
      title: 'Take the taint away',
      text: ['Untaint node a. The waiting pod big is tried at once: its toleration did not change, but the event NodeTaintChange may help it.'],
      actions: [{ kind: 'patchNode', title: 'Remove the taint', node: 'a', patch: (at) => ({ spec: { taints: [lessonTaint(at.namespace)] } }), kubectl: (at) => `kubectl taint node ${at.node('a')} dedicated=db:NoSchedule-` }],
      goal: 'node a is not dedicated any more and big runs on it',
      check: (state) => !hasTaint(state, 'a', 'dedicated') && nodeOf(state, 'big') === 'a',
    },
  ],
};
