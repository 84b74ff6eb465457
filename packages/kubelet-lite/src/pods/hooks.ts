/** Lifecycle hooks: what is run in a container right after its start and before its end. */
import type { LifecycleHandler } from '@pilothouse/api-schemas/types/core/v1';
import type { Clock } from '@pilothouse/base';
import type { Cri } from '../cri/contract.ts';
import { execAnswer, httpAnswer } from '../probes/handlers.ts';
import type { AnyContainer } from './pod-facts.ts';

export interface HookInputs {
  cri: Cri;
  clock: Clock;
  container: AnyContainer;
  containerId: string;
  podIp: string;
  signal?: AbortSignal;
}

/** A hook without an answer must not hold a container for ever. */
const httpTimeoutMs = 30_000;

/** @throws Error saying how the hook failed */
export async function runHook(handler: LifecycleHandler, { cri, clock, container, containerId, podIp, signal }: HookInputs): Promise<void> {
  if (handler.exec) {
    const command = handler.exec.command ?? [];
    const { result, output } = await execAnswer(cri, containerId, command, 0);
    if (result !== 'success') throw new Error(`Exec lifecycle hook (${JSON.stringify(command)}) for Container ${JSON.stringify(container.name)} failed: ${output}`);
  } else if (handler.httpGet) {
    const { result, output } = await httpAnswer(handler.httpGet, { podIp, ports: container.ports, timeoutMs: httpTimeoutMs, clock, userAgent: 'kube-lifecycle/1.36' });
    // Any answer counts: only a connection that cannot be made fails the hook.
    if (result !== 'success' && !output.startsWith('HTTP probe failed with statuscode')) throw new Error(`HTTP lifecycle hook for Container ${JSON.stringify(container.name)} failed: ${output}`);
  } else if (handler.sleep) {
    await clock.sleep(handler.sleep.seconds * 1000, signal);
  } else throw new Error('invalid handler: it has no action');
}
