import { hasLabel, isPending, type Lesson, nodeOf, podYaml } from './lesson.ts';

export const selectors: Lesson = {
  id: 'selectors',
  title: 'Node selectors',
  about: 'The simplest wish a pod can have: only nodes with these labels.',
  nodes: [{ name: 'a' }, { name: 'b' }, { name: 'c' }],
  steps: [
    {
      title: 'A pod without wishes',
      text: [
        'Three nodes are yours, a, b and c. Other nodes of the cluster do not take this lesson\'s pods: the pods ask for the label `lab.pilothouse.dev/lesson` in their `nodeSelector`, and that is already the whole subject.',
        'Create the pod and look at its attempt: which plugins were asked, and how did the nodes score?',
      ],
      actions: [{ kind: 'create', title: 'Create the pod plain', yaml: (at) => podYaml(at, 'plain') }],
      goal: 'the pod plain is on a node',
      check: (state) => nodeOf(state, 'plain') !== '',
    },
    {
      title: 'A wish that no node fulfils',
      text: ['This pod asks for `disk: ssd` too. No node says it has one.'],
      question: { text: 'What will happen to it?', options: ['It goes to the emptiest node', 'It stays pending', 'It is refused by the API server'], right: 1, why: 'The API server does not know whether such a node may come. The scheduler keeps the pod in its queue.' },
      actions: [{ kind: 'create', title: 'Create the pod fast', yaml: (at) => podYaml(at, 'fast', { selector: 'disk: ssd' }) }],
      goal: 'the pod fast was tried and found no node',
      check: (state) => isPending(state, 'fast') || nodeOf(state, 'fast') !== '',
    },
    {
      title: 'Make a node fit',
      text: [
        'Look at the matrix: NodeAffinity said no on every node. It looks after `nodeSelector` as well.',
        'Label node b. The scheduler hears of the change, asks NodeAffinity whether it could help, and tries the pod again. Watch it leave the unschedulable lane.',
      ],
      actions: [{ kind: 'patchNode', title: 'Label node b', node: 'b', patch: () => ({ metadata: { labels: { disk: 'ssd' } } }), kubectl: (at) => `kubectl label node ${at.node('b')} disk=ssd` }],
      goal: 'the pod fast is on node b',
      check: (state) => hasLabel(state, 'b', 'disk', 'ssd') && nodeOf(state, 'fast') === 'b',
    },
    {
      title: 'Labels may go, pods stay',
      text: ['Take the label off again. A `nodeSelector` is looked at when the pod is scheduled, never afterwards: the pod stays where it runs.'],
      actions: [{ kind: 'patchNode', title: 'Take the label off', node: 'b', patch: () => ({ metadata: { labels: { disk: null } } }), kubectl: (at) => `kubectl label node ${at.node('b')} disk-` }],
      goal: 'node b has no label disk, and fast is still there',
      check: (state) => !hasLabel(state, 'b', 'disk', 'ssd') && nodeOf(state, 'fast') === 'b',
    },
  ],
};
