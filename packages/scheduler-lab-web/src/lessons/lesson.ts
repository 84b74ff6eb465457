/**
 * What a lesson is: data. The keeper (in the process that serves the lab) makes its nodes and objects; the page tells it,
 * step by step, and looks at the cluster to see whether a step is done, however the learner did it.
 */
import type { Node, Pod, Taint } from '@pilothouse/api-schemas/types/core/v1';
import type { KubeObject } from '@pilothouse/apimachinery';
import type { SchedulingReviewStatus, SchedulingTrace } from '@pilothouse/scheduler-lab/api/types';

/** On the namespace: the lesson's id. On its nodes and objects: the namespace's name. */
export const lessonLabel = 'lab.pilothouse.dev/lesson';
/** On the namespace: why it could not be set up. */
export const problemAnnotation = 'lab.pilothouse.dev/problem';
/** A Lease in the namespace that the page renews while it is open. */
export const lessonLease = 'lesson';

/** Keeps the pods of others away from a lesson's nodes. */
export const lessonTaint = (namespace: string): Taint => ({ key: lessonLabel, value: namespace, effect: 'NoSchedule' });

/** Names as this run of the lesson has them. */
export interface Where {
  namespace: string;
  /** `a` → the whole name of the lesson's node a. */
  node(name: string): string;
}

export const whereOf = (namespace: string): Where => ({ namespace, node: (name) => `${namespace}-${name}` });

export interface LessonNode {
  name: string;
  labels?: Record<string, string>;
  taints?: Taint[];
  /** Cores; default 4. */
  cpu?: number;
  /** Default 8Gi. */
  memory?: string;
}

/** What the page has seen of the lesson's namespace. */
export interface LessonState {
  at: Where;
  /** By name; being deleted ones are not among them. */
  pods: ReadonlyMap<string, Pod>;
  /** The lesson's nodes, by their short names. */
  nodes: ReadonlyMap<string, Node>;
  /** Without node details, oldest first. */
  traces: readonly SchedulingTrace[];
  /** The last answer to a what-if that was asked for a pod of this namespace. */
  review: { status: SchedulingReviewStatus; pod: string; edited: boolean; configured: boolean } | undefined;
}

/** Something the page does for the learner when asked; `kubectl` does the same by hand. */
export type Action =
  | { kind: 'create'; title: string; yaml(at: Where): string }
  | { kind: 'patchNode'; title: string; node: string; patch(at: Where): Record<string, unknown>; kubectl(at: Where): string }
  | { kind: 'deletePod'; title: string; pod: string }
  | { kind: 'patchPod'; title: string; pod: string; patch(at: Where): Record<string, unknown>; kubectl(at: Where): string }
  /** Opens the what-if panel, filled in. */
  | { kind: 'whatif'; title: string; yaml?(at: Where): string; pod?: string; configuration?: string };

export interface Step {
  title: string;
  /** Paragraphs; `code` between backticks. */
  text: readonly string[];
  actions?: readonly Action[];
  /** Texts to copy. */
  files?: readonly { name: string; text: string }[];
  /** A guess to make first; the right answer and why are shown afterwards. */
  question?: { text: string; options: readonly string[]; right: number; why: string };
  /** Whether it is done; absent: nothing to do but read and answer. */
  check?(state: LessonState): boolean;
  /** What the check waits for, in words. */
  goal?: string;
}

export interface Lesson {
  id: string;
  title: string;
  /** One sentence. */
  about: string;
  nodes: readonly LessonNode[];
  clusterObjects?(at: Where): KubeObject[];
  objects?(at: Where): KubeObject[];
  steps: readonly Step[];
}

/** The lines of a pod's spec that keep it on the lesson's nodes. */
export const stayHere = (at: Where, more = ''): string => `  nodeSelector: {${lessonLabel}: ${at.namespace}${more ? `, ${more}` : ''}}
  tolerations:
  - {key: ${lessonLabel}, operator: Exists}`;

/** A pod in YAML: `spec` is further lines of the spec, indented by two. */
export const podYaml = (at: Where, name: string, options: { labels?: string; cpu?: string; memory?: string; selector?: string; tolerations?: string; spec?: string } = {}): string => `apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  namespace: ${at.namespace}${options.labels ? `\n  labels: {${options.labels}}` : ''}
spec:
${options.spec ? `${options.spec}\n` : ''}${stayHere(at, options.selector)}${options.tolerations ? `\n${options.tolerations}` : ''}
  containers:
  - name: main
    image: nginx
    resources:
      requests: {cpu: "${options.cpu ?? '500m'}", memory: ${options.memory ?? '256Mi'}}
`;

/** A pod as an object, for what a lesson begins with. */
export const podObject = (at: Where, name: string, options: { labels?: Record<string, string>; cpu?: string; memory?: string; node?: string; priorityClassName?: string; /** Takes so long to end, to be seen leaving. */ endsAfterSeconds?: number } = {}): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: at.namespace, labels: options.labels },
    spec: {
      nodeSelector: { [lessonLabel]: at.namespace, ...(options.node && { 'kubernetes.io/hostname': at.node(options.node) }) },
      tolerations: [{ key: lessonLabel, operator: 'Exists' }],
      ...(options.priorityClassName && { priorityClassName: options.priorityClassName }),
      containers: [{ name: 'main', image: 'nginx', resources: { requests: { cpu: options.cpu ?? '500m', memory: options.memory ?? '256Mi' } }, ...(options.endsAfterSeconds && { lifecycle: { preStop: { sleep: { seconds: options.endsAfterSeconds } } } }) }],
    },
  }) as KubeObject;

/** The short name of the node a pod is on; '' where it is on none. */
export const nodeOf = ({ pods, at }: LessonState, pod: string): string => {
  const name = pods.get(pod)?.spec?.nodeName ?? '';
  return name.startsWith(`${at.namespace}-`) ? name.slice(at.namespace.length + 1) : name;
};

/** The scheduler has tried the pod, and found no node. */
export const isPending = ({ pods }: LessonState, pod: string): boolean => {
  const found = pods.get(pod);
  return found !== undefined && !found.spec?.nodeName && (found.status?.conditions?.some((c) => c.type === 'PodScheduled' && c.status === 'False') ?? false);
};

export const hasLabel = ({ nodes }: LessonState, node: string, key: string, value: string): boolean => nodes.get(node)?.metadata.labels?.[key] === value;
export const hasTaint = ({ nodes }: LessonState, node: string, key: string): boolean => nodes.get(node)?.spec?.taints?.some((t) => t.key === key) ?? false;
