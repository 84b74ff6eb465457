/** Reads one line of a file of cases: looks that what `runCase` takes for granted is there. */
import type { SchedulerCase } from './types.ts';

/** A line that is no case; the message says what is wrong with which field. */
export class CaseError extends Error {
  override name = 'CaseError';
}

const modes: readonly string[] = ['each', 'sequence', 'sequence-preempt', 'hints'] satisfies SchedulerCase['mode'][];

type Fields = Record<string, any>;
const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

function listOf(source: Fields, field: string): unknown[] {
  if (!Array.isArray(source[field])) throw new CaseError(`${field}: a list is needed`);
  return source[field];
}

function named(value: unknown, path: string): Fields {
  if (!isObject(value)) throw new CaseError(`${path}: an object is needed`);
  if (!isObject(value.metadata) || typeof value.metadata.name !== 'string' || !value.metadata.name) throw new CaseError(`${path}.metadata.name: required`);
  return value;
}

function checkPod(pod: Fields, path: string): void {
  if (!isObject(pod.spec)) throw new CaseError(`${path}.spec: an object is needed`);
  if (!Array.isArray(pod.spec.containers)) throw new CaseError(`${path}.spec.containers: a list is needed`);
  if (typeof pod.metadata.namespace !== 'string') throw new CaseError(`${path}.metadata.namespace: required`);
}

/** @throws CaseError */
export function parseCase(text: string): SchedulerCase {
  let source: unknown;
  try {
    source = JSON.parse(text);
  } catch (error) {
    throw new CaseError(`not JSON: ${(error as Error).message}`);
  }
  if (!isObject(source)) throw new CaseError('a case is an object');
  if (typeof source.name !== 'string' || !source.name) throw new CaseError('name: required');
  if (!modes.includes(source.mode)) throw new CaseError(`mode: ${JSON.stringify(source.mode) ?? 'nothing'} is none of ${modes.join(', ')}`);
  if (source.config !== undefined && source.config !== null && !isObject(source.config)) throw new CaseError('config: an object is needed');
  listOf(source, 'objects').forEach((object, i) => {
    const path = `objects[${i}]`;
    const { kind } = named(object, path);
    if (typeof kind !== 'string') throw new CaseError(`${path}.kind: required`);
    if (kind === 'Pod') checkPod(object as Fields, path);
  });
  const pods = new Set(listOf(source, 'pods').map((pod, i) => {
    checkPod(named(pod, `pods[${i}]`), `pods[${i}]`);
    const { metadata } = pod as Fields;
    return `${metadata.namespace}/${metadata.name}`;
  }));
  if (source.mode === 'hints' && !(source.hints === null && source.registered)) {
    listOf(source, 'hints').forEach((hint, i) => {
      if (!isObject(hint)) throw new CaseError(`hints[${i}]: an object is needed`);
      for (const field of ['pod', 'resource', 'action']) if (typeof hint[field] !== 'string') throw new CaseError(`hints[${i}].${field}: required`);
      if (!pods.has(hint.pod)) throw new CaseError(`hints[${i}].pod: no pod ${hint.pod} in the case`);
    });
  }
  return source as SchedulerCase;
}
