import type { KubeObject } from '@pilothouse/apimachinery';
import type { ServedResource } from '../../registry.ts';
import { onlyConditions } from './approval.ts';
import { onlyStatus } from './status.ts';

/** What a write of a subresource takes of the object given; the rest stays as it is. May change `object`. */
export function partOf(resource: ServedResource, subresource: string, object: KubeObject, old: KubeObject): KubeObject {
  if (subresource === 'status') return onlyStatus(resource, object, old);
  if (subresource === 'approval') return onlyConditions(object, old);
  return object;
}
