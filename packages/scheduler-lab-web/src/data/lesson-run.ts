/** A lesson under way: its namespace, what the page sees of it, and what a learner may have the page do. */
import { isAlreadyExists, StatusError } from '@pilothouse/apimachinery/status';
import { deployments, leases, namespaces, nodes, persistentVolumeClaims, pods } from '@pilothouse/apimachinery/resource-types';
import { parseYaml } from '@pilothouse/apimachinery/yaml';
import { formatMicroTime } from '@pilothouse/base/clock';
import type { KubeObject } from '@pilothouse/apimachinery';
import { computed, type ReadonlySignal } from '@preact/signals';
import { type Action, type Lesson, lessonLabel, lessonLease, type LessonState, problemAnnotation, whereOf } from '../lessons/lesson.ts';
import { type Lab, runtime } from './lab.ts';
import { answer, ask, prepare } from './whatif.ts';

/** The lesson ends so long after the page was last open. */
const lifeSeconds = 900;
const renewMs = 60_000;

export interface LessonRun {
  lesson: Lesson;
  namespace: string;
  /** False until the keeper has made its nodes and they are ready. */
  ready: ReadonlySignal<boolean>;
  state: ReadonlySignal<LessonState>;
  /** @throws Error with what the server said */
  act(action: Action, yaml?: string): Promise<void>;
  /** Why the keeper could not set it up; '' as far as is known. */
  problem(): Promise<string>;
  /** Stops renewing; the lesson lives on for a while, so that a reload finds it. */
  close(): void;
  /** Deletes the namespace; the keeper clears the rest. */
  end(): Promise<void>;
}

const stored = (id: string) => `pilothouse-lab-lesson-${id}`;

/** Creates the lesson's namespace, or goes on with the one this tab had. */
export async function startLesson(lab: Lab, lesson: Lesson): Promise<LessonRun> {
  const kept = sessionStorage.getItem(stored(lesson.id));
  if (kept) {
    const there = await lab.client.get(namespaces, kept).catch(() => undefined);
    if (there && !there.metadata.deletionTimestamp) return follow(lab, lesson, kept);
  }
  const namespace = `lab-${lesson.id}-${runtime.random.suffix(4)}`;
  await lab.client.create(namespaces, { metadata: { name: namespace, labels: { [lessonLabel]: lesson.id } } });
  sessionStorage.setItem(stored(lesson.id), namespace);
  return follow(lab, lesson, namespace);
}

function follow(lab: Lab, lesson: Lesson, namespace: string): LessonRun {
  const at = whereOf(namespace);
  const renew = async () => {
    const spec = { holderIdentity: 'lab', leaseDurationSeconds: lifeSeconds, renewTime: formatMicroTime(runtime.clock.now()) };
    try {
      await lab.client.create(leases, { metadata: { name: lessonLease, namespace }, spec });
    } catch (error) {
      if (isAlreadyExists(error)) await lab.client.patch(leases, lessonLease, { spec }, { namespace });
      // The keeper gives the rights to it; the next renewal will find them.
      else if (!(error instanceof StatusError)) throw error;
    }
  };
  const timer = runtime.clock.every(renewMs, () => void renew().catch(() => undefined));
  const ready = computed(() => lesson.nodes.every(({ name }) => lab.nodes.get(at.node(name))?.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')));
  const stopRenewing = ready.subscribe((value) => {
    if (value) void renew().catch(() => undefined);
  });
  const state = computed((): LessonState => ({
    at,
    pods: new Map(lab.pods.items.value.filter((p) => p.metadata.namespace === namespace && !p.metadata.deletionTimestamp).map((p) => [p.metadata.name!, p])),
    nodes: new Map(lesson.nodes.flatMap(({ name }) => {
      const found = lab.nodes.get(at.node(name));
      return found ? [[name, found] as const] : [];
    })),
    traces: (lab.scheduler?.traces.items.value ?? []).filter((t) => t.metadata.namespace === namespace),
    review: answer.value?.namespace === namespace ? answer.value : undefined,
  }));
  const close = () => {
    timer.cancel();
    stopRenewing();
  };
  return {
    lesson, namespace, ready, state,
    act: (action, yaml) => act(lab, namespace, action, yaml),
    problem: () => lab.client.get(namespaces, namespace).then((found) => found.metadata.annotations?.[problemAnnotation] ?? '', () => ''),
    close,
    async end() {
      close();
      sessionStorage.removeItem(stored(lesson.id));
      sessionStorage.removeItem(`${stored(lesson.id)}-steps`);
      await lab.client.delete(namespaces, namespace).catch(() => undefined);
    },
  };
}

const creatable = [pods, persistentVolumeClaims, deployments];

async function act(lab: Lab, namespace: string, action: Action, yaml: string | undefined): Promise<void> {
  const at = whereOf(namespace);
  switch (action.kind) {
    case 'create': {
      const object = parseYaml(yaml ?? action.yaml(at)) as KubeObject;
      const type = creatable.find((t) => t.kind === object?.kind);
      if (!type) throw new Error(`Lessons create ${creatable.map((t) => t.kind).join(', ')}.`);
      await lab.client.create(type as typeof pods, { ...object, metadata: { ...object.metadata, namespace } } as never);
      return;
    }
    case 'patchNode':
      await lab.client.patch(nodes, at.node(action.node), action.patch(at));
      return;
    case 'patchPod':
      await lab.client.patch(pods, action.pod, action.patch(at), { namespace });
      return;
    case 'deletePod':
      await lab.client.delete(pods, action.pod, { namespace });
      return;
    case 'whatif':
      prepare({ yaml: action.yaml?.(at), pod: action.pod && `${namespace}/${action.pod}`, configuration: action.configuration });
      await ask(lab);
  }
}

/** Steps done and the step that is shown, kept over a reload. */
export function keptSteps(id: string): { done: number[]; at: number } {
  try {
    return JSON.parse(sessionStorage.getItem(`${stored(id)}-steps`) ?? '') as { done: number[]; at: number };
  } catch {
    return { done: [], at: 0 };
  }
}

export const keepSteps = (id: string, steps: { done: number[]; at: number }): void => sessionStorage.setItem(`${stored(id)}-steps`, JSON.stringify(steps));
