import { type Lesson, nodeOf, podYaml } from './lesson.ts';

const gatesOf = (state: Parameters<NonNullable<Lesson['steps'][number]['check']>>[0], pod: string) => state.pods.get(pod)?.spec?.schedulingGates?.map((g) => g.name) ?? [];

export const gates: Lesson = {
  id: 'gates',
  title: 'Scheduling gates',
  about: 'Pods that exist but must not be scheduled yet.',
  nodes: [{ name: 'a' }, { name: 'b' }],
  steps: [
    {
      title: 'Not yet',
      text: ['Some pods are created before they can run: a quota must be granted, a license bought, a volume made. `schedulingGates` keep them out of the queue, so that nobody wastes attempts on them.'],
      question: { text: 'How many attempts will the scheduler make?', options: ['One, which fails', 'None', 'One a minute'], right: 1, why: 'SchedulingGates is a PreEnqueue plugin: it is asked before the pod may even enter the active queue.' },
      actions: [{ kind: 'create', title: 'Create the pod waiting', yaml: (at) => podYaml(at, 'waiting', { spec: '  schedulingGates:\n  - name: example.com/quota\n  - name: example.com/license' }) }],
      goal: 'the pod waiting exists and has two gates',
      check: (state) => gatesOf(state, 'waiting').length === 2 || nodeOf(state, 'waiting') !== '',
    },
    {
      title: 'One gate is not enough',
      text: ['Whoever set a gate takes it away when its condition is met. Remove the first one, and look at the lane: nothing moves.'],
      actions: [{ kind: 'patchPod', title: 'Remove the gate quota', pod: 'waiting', patch: () => ({ spec: { schedulingGates: [{ name: 'example.com/license' }] } }), kubectl: (at) => `kubectl -n ${at.namespace} patch pod waiting --type=merge -p '{"spec":{"schedulingGates":[{"name":"example.com/license"}]}}'` }],
      goal: 'one gate is left, and the pod has no node',
      check: (state) => (gatesOf(state, 'waiting').length === 1 && nodeOf(state, 'waiting') === '') || nodeOf(state, 'waiting') !== '',
    },
    {
      title: 'Narrower, never wider',
      text: ['While it is gated, a pod\'s node selector may be made narrower: whoever holds the gate can so choose where the pod may go. Here a controller would now pin it to b.'],
      actions: [{ kind: 'patchPod', title: 'Pin it to b', pod: 'waiting', patch: (at) => ({ spec: { nodeSelector: { 'kubernetes.io/hostname': at.node('b') } } }), kubectl: (at) => `kubectl -n ${at.namespace} patch pod waiting --type=merge -p '{"spec":{"nodeSelector":{"kubernetes.io/hostname":"${at.node('b')}"}}}'` }],
      goal: 'the pod\'s node selector names b',
      check: (state) => state.pods.get('waiting')?.spec?.nodeSelector?.['kubernetes.io/hostname'] === state.at.node('b'),
    },
    {
      title: 'Open the last gate',
      text: ['Remove the last gate and follow the pod: gated, active, on its node. Its moves are listed under the matrix.'],
      actions: [{ kind: 'patchPod', title: 'Remove the gate license', pod: 'waiting', patch: () => ({ spec: { schedulingGates: [] } }), kubectl: (at) => `kubectl -n ${at.namespace} patch pod waiting --type=merge -p '{"spec":{"schedulingGates":[]}}'` }],
      goal: 'the pod waiting is on b',
      check: (state) => nodeOf(state, 'waiting') === 'b',
    },
  ],
};
