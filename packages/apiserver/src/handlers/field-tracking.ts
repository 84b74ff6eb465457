import type { KubeObject } from '@pilothouse/apimachinery';
import type { ManagedFieldsEntry } from '@pilothouse/api-schemas/types/meta/v1';
import type { Call } from './call.ts';

/** Keeps metadata.managedFields: who set which field. */

/** After decoding a create. */
export function trackCreate(_call: Call, object: KubeObject, _given: ManagedFieldsEntry[] | undefined, _manager: string): void {
  delete object.metadata.managedFields;
}

/** After an update's object was made. */
export function trackUpdate(_call: Call, object: KubeObject, _old: KubeObject, _manager: string, _subresource: string): void {
  delete object.metadata.managedFields;
}
