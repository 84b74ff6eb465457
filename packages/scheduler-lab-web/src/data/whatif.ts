/** What is asked in the what-if panel, and the last answer. Kept while the panel is out of sight: going to look at an attempt loses nothing. */
import { parseYaml } from '@pilothouse/apimachinery/yaml';
import { messageOf } from '@pilothouse/base/errors';
import type { Edit, SchedulingReview, SchedulingReviewSpec, SchedulingReviewStatus } from '@pilothouse/scheduler-lab/api/types';
import { signal } from '@preact/signals';
import { namespaceFilter, selectedPod, tab } from '../state.ts';
import type { Lab } from './lab.ts';
import { schedulingReviews } from './resources.ts';

const sample = `metadata:
  name: try
spec:
  containers:
  - name: main
    image: nginx
    resources:
      requests: {cpu: "1", memory: 1Gi}
`;

export const source = signal<'pod' | 'yaml'>('pod');
export const yaml = signal(sample);
export const edits = signal<readonly Edit[]>([]);
export const profile = signal('');
/** A KubeSchedulerConfiguration in YAML; '' is the scheduler's own. */
export const configuration = signal('');
export const suggest = signal(true);

export interface Answer {
  status: SchedulingReviewStatus;
  /** Counts up: tells one answer from the next. */
  number: number;
  namespace: string;
  pod: string;
  edited: boolean;
  configured: boolean;
}

export const answer = signal<Answer | undefined>(undefined);
export const problem = signal('');
export const asking = signal(false);

let reviews = 0;

/** Opens the panel filled in. */
export function prepare(wanted: { yaml?: string; pod?: string; configuration?: string }): void {
  source.value = wanted.yaml ? 'yaml' : 'pod';
  if (wanted.yaml) yaml.value = wanted.yaml;
  if (wanted.pod) selectedPod.value = wanted.pod;
  configuration.value = wanted.configuration ?? '';
  edits.value = [];
  answer.value = undefined;
  tab.value = 'whatif';
}

/** Posts the review. What goes wrong is left in `problem`. */
export async function ask(lab: Lab): Promise<void> {
  problem.value = '';
  const spec: SchedulingReviewSpec = { maxNodes: 200, suggest: suggest.value };
  let namespace = namespaceFilter.value || 'default';
  let pod: string;
  try {
    if (source.value === 'pod') {
      if (!selectedPod.value) throw new Error('Choose a pod: one in the queue, or one on a node.');
      [namespace, pod] = selectedPod.value.split('/');
      spec.podName = pod;
    } else {
      const parsed = parseYaml(yaml.value) as SchedulingReviewSpec['pod'];
      if (!parsed?.spec) throw new Error('The pod needs a spec.');
      spec.pod = { metadata: parsed.metadata, spec: parsed.spec };
      namespace = parsed.metadata?.namespace ?? namespace;
      pod = parsed.metadata?.name ?? '';
    }
    if (edits.value.length) spec.edits = [...edits.value];
    if (profile.value.trim()) spec.profile = profile.value.trim();
    if (configuration.value.trim()) spec.configuration = parseYaml(configuration.value) as Record<string, unknown>;
    asking.value = true;
    const review: SchedulingReview = { apiVersion: 'lab.pilothouse.dev/v1', kind: 'SchedulingReview', metadata: { namespace }, spec };
    const { status } = await lab.client.create(schedulingReviews, review);
    answer.value = { status: status!, number: ++reviews, namespace, pod, edited: edits.value.length > 0, configured: spec.configuration !== undefined };
  } catch (error) {
    problem.value = messageOf(error);
  } finally {
    asking.value = false;
  }
}
