/** The pods of one node: workers for those that the API shows, the end of those that it shows no more, and clean-up. */
import { existsSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { messageOf } from '@pilothouse/base';
import { isNotFound } from '../cri/contract.ts';
import { admit } from './admission.ts';
import type { NodeContext } from './context.ts';
import { isTerminalPhase, qosClassOf } from './pod-facts.ts';
import type { RuntimePod } from './runtime-pod.ts';
import { killPod } from './kill-pod.ts';
import { podLogDirectory } from './sandbox-config.ts';
import { createPodWorker, type PodWorker } from './worker.ts';

export interface PodManager {
  /** The API shows the pod, newly or changed. */
  upsert(pod: Pod): void;
  /** The API shows it no more. */
  removed(pod: Pod): void;
  worker(uid: string): PodWorker | undefined;
  workers(): Iterable<PodWorker>;
  /** By name. */
  find(namespace: string, name: string): PodWorker | undefined;
  /** Pods that the runtime or the disk holds though nobody wants them: ends and removes them. Call once the API's pods are known. */
  cleanUp(): Promise<void>;
  /** Removes ended containers that a newer one replaced, but for the last. */
  collectContainers(): Promise<void>;
  close(): Promise<void>;
}

export function createPodManager(context: NodeContext): PodManager {
  const { log } = context.runtime;
  const workers = new Map<string, PodWorker>();
  const refused = new Map<string, Pod>();
  const names = new Map<string, string>();
  const removing = new Set<string>();
  let closed = false;

  const active = (except: string) => {
    const pods: Pod[] = [];
    for (const [uid, worker] of workers) if (uid !== except && worker.phase !== 'terminated' && !isTerminalPhase(worker.pod.status?.phase)) pods.push(worker.pod);
    return pods;
  };
  const keyOf = (pod: Pod) => `${pod.metadata.namespace}/${pod.metadata.name}`;

  function add(pod: Pod): void {
    const uid = pod.metadata.uid!;
    names.set(keyOf(pod), uid);
    const known = pod.status?.startTime !== undefined || isTerminalPhase(pod.status?.phase) || pod.metadata.deletionTimestamp !== undefined;
    const refusal = known ? undefined : admit({ pod, node: context.node(), others: active(uid), allowedUnsafeSysctls: context.settings.allowedUnsafeSysctls });
    if (refusal) {
      refused.set(uid, pod);
      context.event(pod, 'Warning', refusal.reason, refusal.message);
      const generation = pod.metadata.generation;
      context.status.set(pod, { ...(generation && { observedGeneration: generation }), phase: 'Failed', conditions: pod.status?.conditions, reason: refusal.reason, message: `Pod was rejected: ${refusal.message}`, qosClass: qosClassOf(pod), startTime: pod.status?.startTime });
      return;
    }
    const worker = createPodWorker({ context, pod, others: () => active(uid) });
    workers.set(uid, worker);
    worker.wake();
  }

  async function forget(pod: Pod, seen: RuntimePod): Promise<void> {
    const uid = pod.metadata.uid!;
    await removeRuntimePod(seen);
    await context.volumes.remove(uid);
    if (!context.simulated) {
      removeLogs({ namespace: pod.metadata.namespace!, name: pod.metadata.name!, uid });
    }
    context.probes.remove(uid);
    context.images.forget(uid);
    context.crashBackoff.forget(`${uid}_`);
    context.sources.unregister(uid);
    context.status.forget(uid);
    context.reader.forget(uid);
  }

  async function removeRuntimePod(seen: RuntimePod): Promise<void> {
    const gone = (error: unknown) => {
      if (!isNotFound(error)) throw error;
    };
    for (const c of seen.containers) await context.cri.call('RemoveContainer', { containerId: c.id }).catch(gone);
    for (const s of seen.sandboxes) {
      await context.cri.call('StopPodSandbox', { podSandboxId: s.id }).catch(gone);
      await context.cri.call('RemovePodSandbox', { podSandboxId: s.id }).catch(gone);
    }
  }

  function removeLogs(identity: { namespace: string; name: string; uid: string }): void {
    rmSync(podLogDirectory(context.settings.podLogsDir, identity), { recursive: true, force: true });
    const dir = context.settings.containerLogsDir;
    if (!dir || !existsSync(dir)) return;
    for (const link of readdirSync(dir)) {
      if (!link.startsWith(`${identity.name}_${identity.namespace}_`)) continue;
      try {
        if (!existsSync(readlinkSync(join(dir, link)))) rmSync(join(dir, link), { force: true });
      } catch {
        // Not a link of ours.
      }
    }
  }

  const manager: PodManager = {
    upsert(pod) {
      const uid = pod.metadata.uid!;
      const worker = workers.get(uid);
      if (worker) return worker.update(pod);
      if (refused.has(uid)) {
        refused.set(uid, pod);
        if (pod.metadata.deletionTimestamp) context.status.finish(pod);
        return;
      }
      if (!removing.has(uid)) add(pod);
    },
    removed(pod) {
      const uid = pod.metadata.uid!;
      if (names.get(keyOf(pod)) === uid) names.delete(keyOf(pod));
      refused.delete(uid);
      const worker = workers.get(uid);
      if (!worker) {
        context.status.forget(uid);
        return;
      }
      removing.add(uid);
      worker.terminate({});
      void worker.ended().then(async () => {
        await worker.close();
        workers.delete(uid);
        const seen = await context.reader.pod({ uid, name: pod.metadata.name!, namespace: pod.metadata.namespace! }).catch(() => worker.seen);
        await forget(pod, seen);
      }).catch((error) => log.warn('Removing a pod failed', { pod: keyOf(pod), err: messageOf(error) })).finally(() => removing.delete(uid));
    },
    worker: (uid) => workers.get(uid),
    workers: () => workers.values(),
    find(namespace, name) {
      const uid = names.get(`${namespace}/${name}`);
      return uid === undefined ? undefined : workers.get(uid);
    },
    async cleanUp() {
      const wanted = (uid: string) => workers.has(uid) || removing.has(uid) || refused.has(uid);
      for (const glimpse of (await context.reader.glance()).values()) {
        if (wanted(glimpse.uid) || closed) continue;
        try {
          const seen = await context.reader.pod(glimpse);
          const pod: Pod = { metadata: { uid: glimpse.uid, name: glimpse.name, namespace: glimpse.namespace }, spec: { containers: [], terminationGracePeriodSeconds: 30 } };
          await killPod(context, { pod, runtimePod: seen, graceSeconds: 1 });
          await forget(pod, await context.reader.pod(glimpse));
        } catch (error) {
          log.warn('Cleaning up a pod failed', { pod: `${glimpse.namespace}/${glimpse.name}`, err: messageOf(error) });
        }
      }
      for (const uid of context.volumes.present()) if (!wanted(uid)) await context.volumes.remove(uid).catch((error) => log.warn('Removing a pod directory failed', { uid, err: messageOf(error) }));
      for (const [uid, path] of context.cgroups.pods(context.settings.cgroupRoot)) if (!wanted(uid)) context.cgroups.remove(path);
    },
    async collectContainers() {
      for (const worker of workers.values()) {
        const perName = new Map<string, number>();
        for (const c of worker.seen.containers) {
          const count = (perName.get(c.name) ?? 0) + 1;
          perName.set(c.name, count);
          // The newest, and of those before it the last, whose log `--previous` reads.
          if (count > 2 && c.state === 'exited') await context.cri.call('RemoveContainer', { containerId: c.id }).catch(() => undefined);
        }
        const { sandboxes } = worker.seen;
        for (const s of sandboxes.slice(1)) if (!s.ready && !worker.seen.containers.some((c) => c.sandboxId === s.id)) await context.cri.call('RemovePodSandbox', { podSandboxId: s.id }).catch(() => undefined);
      }
    },
    async close() {
      closed = true;
      await Promise.all([...workers.values()].map((w) => w.close()));
    },
  };
  return manager;
}

