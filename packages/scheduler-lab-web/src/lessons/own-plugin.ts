import { isPending, type Lesson, nodeOf, podYaml } from './lesson.ts';

const name = 'lesson-scheduler';

const plugin = `export default {
  name: 'Blue',
  create(args, { snapshot }) {
    return {
      filter(state, info, node) {
        if (snapshot.labels[node].colour !== 'blue') {
          return { code: 'Unschedulable', reasons: ['node(s) were not blue'] };
        }
      },
    };
  },
};
`;

const configuration = `apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: ${name}
`;

const mine = (more = '') => `  schedulerName: ${name}${more}`;

export const ownPlugin: Lesson = {
  id: 'own-plugin',
  title: 'Write your own plugin',
  about: 'A second scheduler beside the first, with a rule that nobody else has.',
  nodes: [{ name: 'red', labels: { colour: 'red' } }, { name: 'blue', labels: { colour: 'blue' }, cpu: 2 }],
  steps: [
    {
      title: 'A pod for somebody else',
      text: ['A scheduler looks only at pods that name it. This pod names one that does not exist. You will write it; a terminal is needed.'],
      question: { text: 'Which lane will the pod be in?', options: ['Unschedulable', 'Gated', 'None'], right: 2, why: 'The default scheduler does not take it into its queue at all. Nobody is responsible.' },
      actions: [{ kind: 'create', title: 'Create the pod first', yaml: (at) => podYaml(at, 'first', { spec: mine() }) }],
      goal: `the pod first exists and names ${name}`,
      check: (state) => state.pods.get('first')?.spec?.schedulerName === name,
    },
    {
      title: 'Two files',
      text: ['The plugin: one file, no build. It has a Filter function, which answers nothing if the node fits, and a verdict if not. The configuration gives your scheduler its name; all default plugins are on, and yours runs after them.'],
      files: [{ name: 'blue.mjs', text: plugin }, { name: 'mine.yaml', text: configuration }],
      question: { text: 'Unschedulable or UnschedulableAndUnresolvable: which is right for a node of the wrong colour?', options: ['Unschedulable: evicting a pod may help', 'UnschedulableAndUnresolvable: it never will'], right: 1, why: 'No eviction paints a node. With Unschedulable, preemption would be tried in vain; change it if you like.' },
    },
    {
      title: 'Start it',
      text: ['In a terminal, where the two files are and with the kubeconfig of this cluster. Election is off, since the default scheduler holds the lease that both would stand for.'],
      files: [{ name: 'terminal', text: 'pilothouse scheduler --kubeconfig ~/.kube/config \\\n  --config mine.yaml --plugin ./blue.mjs --leader-elect=false\n' }],
      goal: 'the pod first is on the blue node',
      check: (state) => nodeOf(state, 'first') === 'blue',
    },
    {
      title: 'Your reason, in everybody\'s words',
      text: ['The blue node has two cores, and half of one is taken. This pod wants three. The red node would have room.', 'Your plugin\'s reason stands in the message of the pod\'s condition beside the others, as if it had always been part of Kubernetes: `kubectl describe pod second` shows it.'],
      actions: [{ kind: 'create', title: 'Create the pod second', yaml: (at) => podYaml(at, 'second', { cpu: '3', spec: mine() }) }],
      goal: 'the pod second is pending, and the reason says that nodes were not blue',
      check: (state) => isPending(state, 'second') && (state.pods.get('second')?.status?.conditions ?? []).some((c) => c.message?.includes('not blue')),
    },
  ],
};
