/** The kinds of objects that lessons bring along. */
import { deployments, type KubeObject, persistentVolumeClaims, persistentVolumes, podDisruptionBudgets, pods, priorityClasses, type ResourceType, storageClasses } from '@pilothouse/apimachinery';
import type { Client } from '@pilothouse/client';

/** Belong to no namespace, so they do not go with it. */
export const clusterObjectTypes: readonly ResourceType<any>[] = [priorityClasses, storageClasses, persistentVolumes];

const types: readonly ResourceType<any>[] = [...clusterObjectTypes, pods, deployments, persistentVolumeClaims, podDisruptionBudgets];

/** @throws Error for a kind that lessons do not use, StatusError */
export function createObject(client: Client, object: KubeObject): Promise<unknown> {
  const type = types.find((t) => t.kind === object.kind);
  if (!type) throw new Error(`a lesson has an object of kind ${object.kind}, which the keeper does not know`);
  return client.create(type, object);
}
