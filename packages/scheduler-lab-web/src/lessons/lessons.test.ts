import { parseYaml } from '@pilothouse/apimachinery/yaml';
import { describe, expect, test } from 'vitest';
import { lessons } from './index.ts';
import { type LessonState, lessonLabel, whereOf } from './lesson.ts';

const at = whereOf('lab-x-1234');
const nothing: LessonState = { at, pods: new Map(), nodes: new Map(), traces: [], review: undefined };

test('lessons have ids of their own', () => {
  expect(new Set(lessons.map((l) => l.id)).size).toBe(lessons.length);
});

describe.each(lessons.map((lesson) => [lesson.id, lesson] as const))('the lesson %s', (_id, lesson) => {
  test('keeps its pods on its own nodes', () => {
    const yamls = lesson.steps.flatMap((s) => s.actions ?? []).flatMap((a) => (a.kind === 'create' ? [a.yaml(at)] : a.kind === 'whatif' && a.yaml ? [a.yaml(at)] : []));
    const objects = [...yamls.map((text) => parseYaml(text) as any), ...(lesson.objects?.(at) ?? [])];
    for (const object of objects) {
      expect(object.metadata.namespace).toBe('lab-x-1234');
      if (object.kind !== 'Pod') continue;
      expect(object.spec.nodeSelector[lessonLabel]).toBe('lab-x-1234');
      expect(object.spec.tolerations).toContainEqual({ key: lessonLabel, operator: 'Exists' });
    }
  });
  test('names cluster-wide objects after its namespace', () => {
    for (const object of lesson.clusterObjects?.(at) ?? []) expect(object.metadata.name).toContain('lab-x-1234');
  });
  test('has nothing done at its beginning, and says what each step waits for', () => {
    for (const step of lesson.steps) {
      if (!step.check) continue;
      expect(step.check(nothing), step.title).toBe(false);
      expect(step.goal, step.title).toBeTruthy();
    }
  });
  test('asks questions that have an answer', () => {
    for (const { question } of lesson.steps) if (question) expect(question.options[question.right]).toBeTruthy();
  });
});
