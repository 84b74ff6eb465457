/** Small facts about a pod's spec that many decisions share. */
import type { Container, EphemeralContainer, Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { RuntimeContainer, RuntimePod } from './runtime-pod.ts';
import { newestContainer } from './runtime-pod.ts';
import { milliOf, unitsOf } from './quantity.ts';

/** What is common to containers of every kind. */
export type AnyContainer = Container & Pick<EphemeralContainer, 'targetContainerName'>;
export type ContainerKind = 'init' | 'regular' | 'ephemeral';

/** `name_namespace(uid)`: how the kubelet writes pods in messages. */
export const formatPod = (pod: Pod): string => `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;

/** An init container that runs beside the others. */
export const isSidecar = (container: Container): boolean => container.restartPolicy === 'Always';

export const isTerminalPhase = (phase: string | undefined): boolean => phase === 'Succeeded' || phase === 'Failed';

export function* containersOf(pod: Pod): Generator<{ container: AnyContainer; kind: ContainerKind }> {
  for (const container of pod.spec?.initContainers ?? []) yield { container, kind: 'init' };
  for (const container of pod.spec?.containers ?? []) yield { container, kind: 'regular' };
  for (const container of pod.spec?.ephemeralContainers ?? []) yield { container: container as AnyContainer, kind: 'ephemeral' };
}

export function findContainer(pod: Pod, name: string): { container: AnyContainer; kind: ContainerKind } | undefined {
  for (const found of containersOf(pod)) if (found.container.name === name) return found;
  return undefined;
}

/** `spec.containers{name}`: an event's field path. */
export const fieldPathOf = (kind: ContainerKind, name: string): string => `spec.${{ init: 'initContainers', regular: 'containers', ephemeral: 'ephemeralContainers' }[kind]}{${name}}`;

/** Pods of files and of the upstream kubelet's mirror annotation. */
export const isMirrorPod = (pod: Pod): boolean => pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;
export const isStaticPod = (pod: Pod): boolean => pod.metadata.annotations?.['kubernetes.io/config.source'] === 'file';

type Rule = { action: string; exitCodes?: { operator: string; values?: number[] } };

/** The action of the first rule of the container that its exit code meets. */
export function matchedRule(container: AnyContainer, exitCode: number): string | undefined {
  for (const rule of (container.restartPolicyRules ?? []) as Rule[]) {
    if (!rule.exitCodes) continue;
    const listed = rule.exitCodes.values?.includes(exitCode) ?? false;
    if (rule.exitCodes.operator === 'In' ? listed : !listed) return rule.action;
  }
  return undefined;
}

/** Whether a container that ended with that code starts anew, by its rules, its own policy, then the pod's. */
export function restartsAfter(pod: Pod, container: AnyContainer, exitCode: number): boolean {
  if (matchedRule(container, exitCode) !== undefined) return true;
  const policy = container.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always';
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

/** Whether a container that is not running is to be started (k8s.io/kubernetes: ShouldContainerBeRestarted). */
export function shouldStart(pod: Pod, container: AnyContainer, status: RuntimeContainer | undefined): boolean {
  if (pod.metadata.deletionTimestamp) return false;
  if (!status) return true;
  if (status.state === 'running') return false;
  if (status.state !== 'exited') return true;
  return restartsAfter(pod, container, status.exitCode);
}

export const anyRegularCreated = (pod: Pod, runtime: RuntimePod): boolean => pod.spec!.containers.some((c) => newestContainer(runtime, c.name));

/** Guaranteed, Burstable or BestEffort, from the containers' (or the pod's own) cpu and memory. */
export function qosClassOf(pod: Pod): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  if (pod.status?.qosClass) return pod.status.qosClass as 'Guaranteed';
  const sets = pod.spec?.resources ? [pod.spec.resources] : [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map((c) => c.resources ?? {});
  let asked = false;
  let guaranteed = true;
  const sums: Record<string, number> = {};
  for (const { requests = {}, limits = {} } of sets) {
    for (const name of ['cpu', 'memory']) {
      const read = name === 'cpu' ? milliOf : unitsOf;
      const request = read(requests[name]);
      const limit = read(limits[name]);
      if (request || limit) asked = true;
      if (!limit) guaranteed = false;
      sums[name] = (sums[name] ?? 0) + limit - (request || limit);
    }
  }
  if (!asked) return 'BestEffort';
  return guaranteed && !sums.cpu && !sums.memory ? 'Guaranteed' : 'Burstable';
}

/** Grace of a pod's end in seconds: what its deletion says, else its spec. */
export const gracePeriodOf = (pod: Pod): number => pod.metadata.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 30;

/** FNV-1a over what a running container cannot change: a different hash means it is replaced. Written as upstream writes it, in hexadecimal. */
export function containerHash(container: AnyContainer): string {
  const text = JSON.stringify({ name: container.name, image: container.image });
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16);
}
