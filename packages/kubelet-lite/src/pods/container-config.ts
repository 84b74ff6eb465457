/** A container as the CRI takes it, from what the pod says and the node resolved. */
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { ContainerConfig, Draft, Mount, MountPropagation } from '../cri/contract.ts';
import { expand } from './expand.ts';
import { type AnyContainer, containerHash } from './pod-facts.ts';
import { linuxResources } from './resources.ts';
import { annotationKeys, labelKeys, podLabels } from './sandbox-config.ts';
import { containerSecurity, type ImageUser } from './security.ts';

export const propagations: Record<string, MountPropagation> = { None: 'PROPAGATION_PRIVATE', HostToContainer: 'PROPAGATION_HOST_TO_CONTAINER', Bidirectional: 'PROPAGATION_BIDIRECTIONAL' };

export const containerLogPath = (name: string, restartCount: number): string => `${name}/${restartCount}.log`;

export interface ContainerInputs {
  pod: Pod;
  container: AnyContainer;
  restartCount: number;
  env: ReadonlyMap<string, string>;
  mounts: Draft<Mount>[];
  /** Id of the image, and the name the user wrote. */
  imageRef: string;
  imageUser: ImageUser;
  memoryCapacity: number;
  cgroupV2: boolean;
  seccompRoot: string;
  /** Container whose process namespace an ephemeral container joins. */
  targetId?: string;
}

export function containerConfig(inputs: ContainerInputs): Draft<ContainerConfig> {
  const { pod, container, env, restartCount } = inputs;
  const expandAll = (list: readonly string[] | undefined) => (list ?? []).map((text) => expand(text, (name) => env.get(name)));
  return {
    metadata: { name: container.name, attempt: restartCount },
    image: { image: inputs.imageRef, userSpecifiedImage: container.image },
    command: expandAll(container.command),
    args: expandAll(container.args),
    workingDir: container.workingDir ?? '',
    envs: [...env].map(([key, value]) => ({ key, value: Buffer.from(value) })),
    mounts: inputs.mounts,
    labels: { ...podLabels(pod), [labelKeys.containerName]: container.name },
    annotations: {
      [annotationKeys.hash]: containerHash(container),
      [annotationKeys.restartCount]: String(restartCount),
      [annotationKeys.terminationMessagePath]: container.terminationMessagePath ?? '',
      [annotationKeys.terminationMessagePolicy]: container.terminationMessagePolicy ?? 'File',
      ...(pod.spec?.terminationGracePeriodSeconds !== undefined && { [annotationKeys.terminationGracePeriod]: String(pod.spec.terminationGracePeriodSeconds) }),
      ...(pod.metadata.deletionGracePeriodSeconds !== undefined && { [annotationKeys.deletionGracePeriod]: String(pod.metadata.deletionGracePeriodSeconds) }),
      ...(container.lifecycle?.preStop && { [annotationKeys.preStop]: JSON.stringify(container.lifecycle.preStop) }),
      ...(container.ports?.length && { [annotationKeys.ports]: JSON.stringify(container.ports) }),
    },
    logPath: containerLogPath(container.name, restartCount),
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    linux: {
      resources: linuxResources(pod, container, { memoryCapacity: inputs.memoryCapacity, cgroupV2: inputs.cgroupV2 }),
      securityContext: containerSecurity(pod, container, { image: inputs.imageUser, seccompRoot: inputs.seccompRoot, targetId: inputs.targetId }),
    },
    ...(container.lifecycle?.stopSignal && { stopSignal: container.lifecycle.stopSignal as 'SIGTERM' }),
  };
}
