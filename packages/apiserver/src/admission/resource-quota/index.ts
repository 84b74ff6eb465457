/**
 * Objects are created only within the namespace's quotas. What a request will use is written into the quotas' status
 * before the object is stored, under their resource versions, so that two API servers cannot give the same room away
 * twice. Requests of one namespace that arrive together are answered together, with one write per quota.
 */
import type { ResourceQuota } from '@pilothouse/api-schemas/types/core/v1';
import { isConflict, resourceQuotas } from '@pilothouse/apimachinery';
import { andThen } from '@pilothouse/base';
import type { AdmissionAttributes, AdmissionPlugin } from '../../contract.ts';
import { isAbout } from '../refuse.ts';
import { checkQuotas } from './check.ts';
import { type Evaluator, evaluatorOf } from './evaluators.ts';

export interface QuotaStatusWriter {
  /** Writes the status under the object's resource version. @throws StatusError 409 */
  updateStatus(quota: ResourceQuota): Promise<ResourceQuota>;
  /** The quota as it is stored now. */
  get(name: string, namespace: string): Promise<ResourceQuota | undefined>;
}

/** Writes that lost a race are tried again this often. */
const retries = 5;
const ignored = new Set(['/events', 'events.k8s.io/events', '/bindings']);

interface Waiter {
  a: AdmissionAttributes;
  evaluator: Evaluator;
  settle(error?: unknown): void;
}

const keyOf = (q: ResourceQuota) => `${q.metadata.namespace}/${q.metadata.name}`;
const versionOf = (q: ResourceQuota) => Number(q.metadata.resourceVersion ?? 0);

export function resourceQuota(writer: QuotaStatusWriter): AdmissionPlugin {
  /** What this server wrote last, until the cache shows it. */
  const written = new Map<string, ResourceQuota>();
  const waiting = new Map<string, Waiter[]>();

  async function current(a: AdmissionAttributes): Promise<ResourceQuota[]> {
    return (await a.read.list(resourceQuotas, a.namespace)).map((quota) => {
      const own = written.get(keyOf(quota));
      if (own && own.metadata.uid === quota.metadata.uid && versionOf(own) > versionOf(quota)) return own;
      if (own) written.delete(keyOf(quota));
      return quota;
    });
  }

  /** Decides on all waiters with the quotas as known; those that need no write, or are refused, are settled at once. */
  function decide(quotas: ResourceQuota[], batch: readonly Waiter[]): { quotas: ResourceQuota[]; reserved: Waiter[] } {
    let state = quotas;
    const reserved: Waiter[] = [];
    for (const waiter of batch) {
      try {
        const changed = checkQuotas(state, waiter.a, waiter.evaluator);
        if (waiter.a.dryRun || !changed.length) waiter.settle();
        else {
          state = state.map((quota) => changed.find((c) => keyOf(c) === keyOf(quota)) ?? quota);
          reserved.push(waiter);
        }
      } catch (error) {
        waiter.settle(error);
      }
    }
    return { quotas: state, reserved };
  }

  async function answer(batch: Waiter[]): Promise<void> {
    let pending = batch;
    let known = await current(batch[0].a);
    for (let attempt = 0; pending.length; attempt++) {
      const { quotas, reserved } = decide(known, pending);
      const changed = quotas.filter((quota, i) => quota !== known[i]);
      const failed: ResourceQuota[] = [];
      let lost: unknown;
      await Promise.all(
        changed.map(async (quota) => {
          try {
            const stored = await writer.updateStatus(quota);
            written.set(keyOf(stored), stored);
          } catch (error) {
            failed.push(quota);
            lost = error;
          }
        }),
      );
      if (!failed.length) return reserved.forEach((waiter) => waiter.settle());
      if (!isConflict(lost) || attempt >= retries) return reserved.forEach((waiter) => waiter.settle(lost));
      // Only the quotas whose write failed are asked again: the others have the reservation already.
      const fresh = await Promise.all(failed.map((quota) => writer.get(quota.metadata.name!, quota.metadata.namespace!)));
      known = fresh.filter((quota): quota is ResourceQuota => quota !== undefined);
      pending = reserved;
      if (!known.length) return reserved.forEach((waiter) => waiter.settle());
    }
  }

  /** One batch per namespace at a time; what comes meanwhile makes the next. */
  async function drain(namespace: string): Promise<void> {
    for (;;) {
      const batch = waiting.get(namespace)!;
      if (!batch.length) break;
      waiting.set(namespace, []);
      try {
        await answer(batch);
      } catch (error) {
        for (const waiter of batch) waiter.settle(error);
      }
    }
    waiting.delete(namespace);
  }

  function enqueue(a: AdmissionAttributes, evaluator: Evaluator): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { a, evaluator, settle: (error) => (error === undefined ? resolve() : reject(error)) };
      const queue = waiting.get(a.namespace);
      if (queue) queue.push(waiter);
      else {
        waiting.set(a.namespace, [waiter]);
        void drain(a.namespace);
      }
    });
  }

  return {
    name: 'ResourceQuota',
    operations: ['CREATE', 'UPDATE'],
    validate(a) {
      const { group, plural } = a.resource.type;
      if (!a.namespace || isAbout(a, 'namespaces') || a.resource.virtual || ignored.has(`${group}/${plural}`)) return;
      const evaluator = evaluatorOf(a.resource.type);
      if (!evaluator.handles(a)) return;
      // Most namespaces have none: not worth a turn in the queue.
      return andThen(a.read.list(resourceQuotas, a.namespace), (quotas) => (quotas.length ? enqueue(a, evaluator) : undefined));
    },
  };
}
