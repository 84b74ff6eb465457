import { isNotFound, type KubeObject, nameIsDnsSubdomain, pods, type ResourceType, StatusError } from '@pilothouse/apimachinery';
import type { Pod, PodTemplateSpec } from '@pilothouse/api-schemas/types/core/v1';
import { type Client, clone, type EventRecorder, referenceTo } from '@pilothouse/client';
import { messageOf } from '@pilothouse/base';
import { controllerReference } from './ownership.ts';

/** The cause of an error that any creation in a namespace being deleted gets; nothing is gained by reporting or retrying it. */
export const isNamespaceTerminating = (error: unknown): boolean => error instanceof StatusError && (error.status.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') ?? false);

/** A pod as a template describes it, controlled by `owner`, its name generated from the owner's. */
export function podFromTemplate<O extends KubeObject>(template: PodTemplateSpec, ownerType: ResourceType<O>, owner: O): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  const dashed = `${owner.metadata.name}-`;
  return clone({
    metadata: {
      generateName: nameIsDnsSubdomain(dashed, true).length ? owner.metadata.name : dashed,
      namespace: owner.metadata.namespace,
      labels: labels ?? {},
      annotations,
      finalizers,
      ownerReferences: [controllerReference(ownerType, owner)],
    },
    spec: template.spec,
  }) as Pod;
}

export interface PodControlOptions<O extends KubeObject> {
  client: Client;
  recorder: EventRecorder;
  ownerType: ResourceType<O>;
  owner: O;
  signal?: AbortSignal;
}

/** Creates and deletes pods for an owner, with an event about the owner for each. */
export interface PodControl {
  create(pod: Pod): Promise<Pod>;
  /** A pod that is gone already rejects with NotFound, without an event. */
  delete(pod: Pod): Promise<void>;
}

export function createPodControl<O extends KubeObject>({ client, recorder, ownerType, owner, signal }: PodControlOptions<O>): PodControl {
  const about = () => referenceTo(ownerType, owner);
  return {
    async create(pod) {
      if (!Object.keys(pod.metadata.labels ?? {}).length) throw new Error('unable to create pods, no labels');
      try {
        const created = await client.create(pods, pod, { signal });
        recorder.event(about(), 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`);
        return created;
      } catch (error) {
        if (!isNamespaceTerminating(error) && !signal?.aborted) recorder.event(about(), 'Warning', 'FailedCreate', `Error creating: ${messageOf(error)}`);
        throw error;
      }
    },
    async delete(pod) {
      try {
        await client.delete(pods, pod.metadata.name!, { namespace: pod.metadata.namespace, signal });
      } catch (error) {
        if (isNotFound(error)) throw error;
        if (!signal?.aborted) recorder.event(about(), 'Warning', 'FailedDelete', `Error deleting: ${messageOf(error)}`);
        throw new Error(`unable to delete pods: ${messageOf(error)}`, { cause: error });
      }
      recorder.event(about(), 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`);
    },
  };
}
