/** Clients that read and write ConfigMaps at random, and note what they did and were told. */
import { realClock } from '@pilothouse/base';
import type { Operation, Read, Write } from '@pilothouse/testing/histories/operations';
import type { Listed } from '@pilothouse/testing/histories/watches';
import type { Dice } from '../suite.ts';
import { type Answer, type ApiTarget, NotSent } from './api-target.ts';

export const collection = '/api/v1/namespaces/default/configmaps';
const label = 'round';

export interface Recorder {
  history: Operation[];
  lists: Listed[];
}

export interface ClientOptions {
  name: string;
  targets: readonly ApiTarget[];
  /** Which of the targets it begins with. */
  first: number;
  keys: readonly string[];
  /** Objects of this round carry it as a label. */
  round: string;
  dice: Dice;
  recorder: Recorder;
  running(): boolean;
}

/** Works until told to stop; a server that does not answer is left for the next. */
export async function runClient(options: ClientOptions): Promise<void> {
  const { dice, keys, running, targets, recorder } = options;
  let at = options.first;
  let writes = 0;
  while (running()) {
    const target = targets[at % targets.length];
    const key = dice.pick(keys);
    const value = `${options.name}-${writes++}`;
    const move = dice.pick(['read', 'swap', 'swap', 'swap', 'create', 'delete', 'patch', 'list', 'stale'] as const);
    let answered: boolean;
    if (move === 'list') answered = await list(target, options, recorder);
    else if (move === 'create') answered = await write(target, options, { key, value, ifRevision: 0 });
    else if (move === 'patch') answered = await write(target, options, { key, value, ifRevision: undefined });
    else {
      const found = await read(target, options, key);
      answered = found !== undefined;
      // Swaps go to any server: what one has shown, another must know.
      const other = dice.once(2) ? dice.pick(targets) : target;
      if (found?.revision && move !== 'read') {
        const ifRevision = move === 'stale' ? Math.max(1, found.revision - 1) : found.revision;
        if (move === 'delete') await write(other, options, { key, value: undefined, ifRevision: found.revision });
        else await write(other, options, { key, value, ifRevision });
      }
    }
    if (!answered) {
      at++;
      await realClock.sleep(20);
    }
  }
}

/** Undefined: no answer. Revision 0: absent. */
async function read(target: ApiTarget, { name, recorder }: ClientOptions, key: string): Promise<{ revision: number } | undefined> {
  const start = realClock.monotonic();
  const answer = await target.call('GET', `${collection}/${key}`).catch(() => undefined);
  if (answer?.status !== 200 && answer?.status !== 404) return undefined;
  const found = answer.status === 200 ? { revision: Number(answer.body.metadata.resourceVersion), value: answer.body.data.v as string } : undefined;
  recorder.history.push({ kind: 'read', client: `${name} at ${target.name}`, key, start, end: realClock.monotonic(), found } satisfies Read);
  return found ?? { revision: 0 };
}

async function list(target: ApiTarget, { name, round }: ClientOptions, recorder: Recorder): Promise<boolean> {
  const start = realClock.monotonic();
  const answer = await target.call('GET', `${collection}?labelSelector=${label}%3D${round}`).catch(() => undefined);
  if (answer?.status !== 200) return false;
  const entries = new Map<string, { revision: number; value: string }>(answer.body.items.map((item: any) => [item.metadata.name, { revision: Number(item.metadata.resourceVersion), value: item.data.v }]));
  recorder.lists.push({ client: `${name} at ${target.name}`, start, end: realClock.monotonic(), revision: Number(answer.body.metadata.resourceVersion), entries });
  return true;
}

type Wanted = Pick<Write, 'key' | 'value' | 'ifRevision'>;

/** False when no answer came. */
async function write(target: ApiTarget, { name, round, recorder }: ClientOptions, { key, value, ifRevision }: Wanted): Promise<boolean> {
  const start = realClock.monotonic();
  const common = { kind: 'write', client: `${name} at ${target.name}`, key, value, ifRevision, start } as const;
  let answer: Answer | undefined;
  try {
    answer = await send(target, { key, value, ifRevision }, round);
  } catch (error) {
    if (!(error instanceof NotSent)) recorder.history.push({ ...common, end: Number.POSITIVE_INFINITY, outcome: 'unknown' });
    return false;
  }
  const end = realClock.monotonic();
  const { status, body } = answer;
  if (status === 200 || status === 201) recorder.history.push({ ...common, end, outcome: 'done', ...(value !== undefined && { revision: Number(body.metadata.resourceVersion) }) });
  else if (status === 404 || status === 409) recorder.history.push({ ...common, end, outcome: 'refused', said: `${status} ${body.message}` });
  else if (status !== 429) {
    recorder.history.push({ ...common, end: Number.POSITIVE_INFINITY, outcome: 'unknown', said: `${status} ${body.message}` });
    return false;
  }
  return true;
}

function send(target: ApiTarget, { key, value, ifRevision }: Wanted, round: string): Promise<Answer> {
  const path = `${collection}/${key}`;
  if (value === undefined) return target.call('DELETE', path, { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { resourceVersion: String(ifRevision) } });
  const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: key, labels: { [label]: round } }, data: { v: value } };
  if (ifRevision === 0) return target.call('POST', collection, object);
  if (ifRevision === undefined) return target.call('PATCH', path, { data: { v: value } }, 'application/merge-patch+json');
  return target.call('PUT', path, { ...object, metadata: { ...object.metadata, resourceVersion: String(ifRevision) } });
}
