/** The status of FlowSchemas: whether the priority level that each names is there. */
import { flowSchemas, goQuote, isConflict, isNotFound, priorityLevelConfigurations } from '@pilothouse/apimachinery';
import type { FlowSchema, FlowSchemaCondition } from '@pilothouse/api-schemas/types/flowcontrol/v1';
import { formatTime, messageOf, type Runtime, type Scope } from '@pilothouse/base';
import type { LoopbackClient } from '../bootstrap/client.ts';
import type { ObjectFeed } from '../contract.ts';

/** The condition `Dangling` as it shall be; undefined where the schema says so already. */
export function danglingCondition({ spec, status }: FlowSchema, levels: { has(name: string): boolean }, now: string): FlowSchemaCondition | undefined {
  const level = spec?.priorityLevelConfiguration.name ?? '';
  const found = levels.has(level);
  const text = `This FlowSchema references the PriorityLevelConfiguration object named ${goQuote(level)} ${found ? 'and it exists' : 'but there is no such object'}`;
  const wanted = { type: 'Dangling', status: found ? 'False' : 'True', reason: found ? 'Found' : 'NotFound', message: text };
  const held = status?.conditions?.find((condition) => condition.type === 'Dangling');
  if (held?.status === wanted.status && held.reason === wanted.reason && held.message === wanted.message) return undefined;
  return { ...wanted, lastTransitionTime: held?.status === wanted.status ? held.lastTransitionTime : now };
}

const retryMs = 5_000;

/** Keeps the status current as schemas and levels come and go, until the scope closes. */
export async function keepSchemaStatus(feed: ObjectFeed, client: LoopbackClient, runtime: Runtime, scope: Scope): Promise<void> {
  const { clock, log } = runtime;
  const levels = new Set<string>();
  const stale = new Set<string>();
  const known = new Set<string>();
  let due = false;
  const schedule = (delayMs: number): void => {
    if (due || scope.closed) return;
    due = true;
    clock.after(delayMs, () => {
      due = false;
      void work();
    });
  };
  const work = async (): Promise<void> => {
    for (const name of stale) {
      if (scope.closed) return;
      stale.delete(name);
      try {
        const schema = await client.get(flowSchemas, name);
        const wanted = schema && danglingCondition(schema, levels, formatTime(clock.now()));
        if (wanted) await client.update(flowSchemas, { ...schema, status: { ...schema.status, conditions: [...(schema.status?.conditions ?? []).filter((condition) => condition.type !== 'Dangling'), wanted] } }, 'status');
      } catch (error) {
        if (isNotFound(error)) continue;
        stale.add(name);
        if (!isConflict(error) && !scope.closed) log.warn('Cannot write the status of a flow schema', { schema: name, err: messageOf(error) });
        return schedule(isConflict(error) ? 0 : retryMs);
      }
    }
  };
  await feed.follow(
    priorityLevelConfigurations,
    (level, old) => {
      if (level && old) return;
      if (level) levels.add(level.metadata.name!);
      else levels.delete(old!.metadata.name!);
      for (const name of known) stale.add(name);
      if (stale.size) schedule(0);
    },
    scope.signal,
  );
  await feed.follow(
    flowSchemas,
    (schema, old) => {
      if (!schema) return void known.delete(old!.metadata.name!);
      known.add(schema.metadata.name!);
      if (!danglingCondition(schema, levels, '')) return;
      stale.add(schema.metadata.name!);
      schedule(0);
    },
    scope.signal,
  );
}
