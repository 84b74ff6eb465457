/** The life of CustomResourceDefinitions: names, conditions, establishment, cleaning up. Every API server does this; writes that meet give way. */
import type { CustomResourceDefinition } from '@pilothouse/api-schemas/types/apiextensions/v1';
import { customResourceDefinitions, isConflict, isNotFound, leases } from '@pilothouse/apimachinery';
import { messageOf, type Runtime, type Scope } from '@pilothouse/base';
import type { LoopbackClient } from '../../bootstrap/client.ts';
import { isServerLease } from '../../bootstrap/identity.ts';
import type { ServerParts } from '../../options.ts';
import { cleanupFinalizer, isTrue, withCondition } from '../conditions.ts';
import type { CustomResources } from '../serving.ts';
import { establishDefinition, judgeDefinition } from './conditions.ts';
import { deleteInstances, deletionInProgress } from './finalizer.ts';
import { nameDefinition } from './naming.ts';

const retryMs = 1_000;
/** With several servers a definition is established when all of them have had time to serve it. */
const establishDelayMs = 5_000;

/** Runs until the scope closes. */
export function runDefinitionLifecycle(runtime: Runtime, scope: Scope, { client, parts, custom }: { client: LoopbackClient; parts: ServerParts; custom: CustomResources }): void {
  const { clock, log } = runtime;
  /** What this server wrote and the cache may not show yet. */
  const written = new Map<string, CustomResourceDefinition>();
  const queue = new Set<string>();
  const cleaning = new Set<string>();
  /** When a definition was first seen with its names accepted. */
  const acceptedAt = new Map<string, number>();
  let running = false;

  const revisionOf = ({ metadata }: CustomResourceDefinition): number => Number(metadata.resourceVersion ?? 0);
  const newest = (crd: CustomResourceDefinition): CustomResourceDefinition => {
    const own = written.get(crd.metadata.name!);
    return own && own.metadata.uid === crd.metadata.uid && revisionOf(own) > revisionOf(crd) ? own : crd;
  };
  const all = (): CustomResourceDefinition[] => [...custom.definitions()].map(newest);

  const enqueue = (name: string): void => {
    if (scope.closed) return;
    queue.add(name);
    if (running) return;
    running = true;
    void drain();
  };
  const later = (name: string, ms: number): void => void clock.after(ms, () => enqueue(name));
  const enqueueGroup = (group: string, except: string): void => {
    for (const { metadata, spec } of all()) if (spec.group === group && metadata.name !== except) enqueue(metadata.name!);
  };

  async function drain(): Promise<void> {
    for (const name of queue) {
      if (scope.closed) break;
      queue.delete(name);
      try {
        await sync(name);
      } catch (error) {
        if (isNotFound(error) || scope.closed) continue;
        if (!isConflict(error)) log.warn('Cannot bring a custom resource definition along', { definition: name, err: messageOf(error) });
        later(name, isConflict(error) ? 50 : retryMs);
      }
    }
    running = false;
  }

  async function write(crd: CustomResourceDefinition): Promise<CustomResourceDefinition> {
    const result = await client.update(customResourceDefinitions, crd, 'status');
    written.set(result.metadata.name!, result);
    return result;
  }

  async function sync(name: string): Promise<void> {
    let crd = all().find(({ metadata }) => metadata.name === name);
    if (!crd) return;
    const named = nameDefinition(crd, all().filter(({ spec }) => spec.group === crd!.spec.group), clock.now());
    if (named) {
      crd = await write(named);
      enqueueGroup(crd.spec.group, name);
    }
    const judged = judgeDefinition(crd, clock.now());
    if (judged) crd = await write(judged);
    await establish(name, crd);
    if (crd.metadata.deletionTimestamp && crd.metadata.finalizers?.includes(cleanupFinalizer)) void cleanUp(name);
  }

  async function establish(name: string, crd: CustomResourceDefinition): Promise<void> {
    if (!isTrue(crd, 'NamesAccepted')) acceptedAt.delete(name);
    const established = establishDefinition(crd, clock.now());
    if (!established) return;
    if (!acceptedAt.has(name)) acceptedAt.set(name, clock.now());
    const wait = (await serverCount()) > 1 ? acceptedAt.get(name)! + establishDelayMs - clock.now() : 0;
    if (wait > 0) return later(name, wait);
    await custom.settled(name, revisionOf(crd));
    await write(established);
  }

  const serverCount = async (): Promise<number> => (await parts.read.list(leases, 'kube-system')).filter((lease) => isServerLease(lease, clock.now())).length;

  async function cleanUp(name: string): Promise<void> {
    if (cleaning.has(name)) return;
    cleaning.add(name);
    try {
      let crd = await client.get(customResourceDefinitions, name);
      if (!crd?.metadata.deletionTimestamp || !crd.metadata.finalizers?.includes(cleanupFinalizer)) return;
      crd = await write(withCondition(crd, deletionInProgress, clock.now()));
      const { condition, done } = await deleteInstances(crd, { runtime, registry: parts.registry, store: parts.store, client, signal: scope.signal });
      if (scope.closed) return;
      crd = (await client.get(customResourceDefinitions, name)) ?? crd;
      const told = withCondition(crd, condition, clock.now());
      await write(done ? { ...told, metadata: { ...told.metadata, finalizers: told.metadata.finalizers?.filter((one) => one !== cleanupFinalizer) } } : told);
      if (!done) later(name, retryMs);
    } catch (error) {
      if (isNotFound(error) || scope.closed) return;
      if (!isConflict(error)) log.warn('Cannot clean up after a custom resource definition', { definition: name, err: messageOf(error) });
      later(name, isConflict(error) ? 50 : retryMs);
    } finally {
      cleaning.delete(name);
    }
  }

  scope.defer(custom.onChange((crd, old) => {
    const name = (crd ?? old)!.metadata.name!;
    if (crd) return enqueue(name);
    written.delete(name);
    acceptedAt.delete(name);
    // Its names are free.
    enqueueGroup(old!.spec.group, name);
  }));
  for (const crd of custom.definitions()) enqueue(crd.metadata.name!);
}
