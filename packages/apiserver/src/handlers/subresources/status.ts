import type { KubeObject } from '@pilothouse/apimachinery';
import { cloneJson } from '../../objects/clone.ts';
import type { ServedResource } from '../../registry.ts';

/**
 * What a write of the status subresource leaves of the given object: its status, and for built-in kinds its metadata;
 * everything else is put back as it was. Changes `object`.
 */
export function onlyStatus(resource: ServedResource, object: KubeObject, old: KubeObject): KubeObject {
  const from = object as KubeObject & Record<string, unknown>;
  const result: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(old)) if (field !== 'status' && field !== 'metadata') result[field] = cloneJson(value);
  result.metadata = resource.definition.codec ? { ...cloneJson(old.metadata), ...(from.metadata.managedFields && { managedFields: from.metadata.managedFields }), resourceVersion: from.metadata.resourceVersion } : from.metadata;
  if (from.status !== undefined) result.status = from.status;
  return result as unknown as KubeObject;
}
