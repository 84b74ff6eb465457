/** Pods and runtime views for tests: only what matters is said. */
import type { Container, Pod, PodSpec } from '@pilothouse/api-schemas/types/core/v1';
import { containerHash } from '../pods/pod-facts.ts';
import type { RuntimeContainer, RuntimePod } from '../pods/runtime-pod.ts';

export const aContainer = (name: string, more: Partial<Container> = {}): Container => ({ name, image: 'busybox', ...more }) as Container;

export const aPod = (spec: Partial<PodSpec> = {}, metadata: Partial<Pod['metadata']> = {}): Pod => ({
  metadata: { name: 'p', namespace: 'ns', uid: 'u1', generation: 1, ...metadata },
  spec: { restartPolicy: 'Always', containers: [aContainer('c')], ...spec } as PodSpec,
  status: {},
});

/** `c:running`, `c:exited(3)`, `c:created`, `c:exited(0)#2` (restart count 2). */
export function aRun(text: string): RuntimeContainer {
  const [, name, state, code, count] = /^([\w-]+):(\w+)(?:\((\d+)\))?(?:#(\d+))?$/.exec(text)!;
  const exited = state === 'exited';
  return {
    id: `${name}-${count ?? 0}`, name, state: state as RuntimeContainer['state'], sandboxId: 's1', createdAtMs: 1000, startedAtMs: state === 'created' ? 0 : 2000, finishedAtMs: exited ? 3000 : 0,
    exitCode: exited ? Number(code ?? 0) : 0, reason: exited ? (Number(code ?? 0) ? 'Error' : 'Completed') : '', message: '', image: 'busybox', imageId: 'sha256:1', restartCount: Number(count ?? 0), hash: containerHash(aContainer(name)), logPath: '', terminationMessagePath: '',
  };
}

export const aRuntime = (runs: string[], sandbox: 'ready' | 'gone' | 'none' = 'ready'): RuntimePod => ({
  uid: 'u1', name: 'p', namespace: 'ns',
  sandboxes: sandbox === 'none' ? [] : [{ id: 's1', ready: sandbox === 'ready', attempt: 0, createdAtMs: 500, ips: ['10.1.2.3'], hostNetwork: false }],
  containers: runs.map(aRun).sort((a, b) => b.restartCount - a.restartCount),
});
