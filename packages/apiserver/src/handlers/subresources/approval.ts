import type { KubeObject } from '@pilothouse/apimachinery';
import { cloneJson } from '../../objects/clone.ts';

interface Request extends KubeObject {
  status?: { conditions?: unknown[] };
}

/** What a write of `certificatesigningrequests/approval` leaves of the given object: its conditions, and its metadata. */
export function onlyConditions(object: KubeObject, old: KubeObject): KubeObject {
  const given = object as Request;
  const result = cloneJson(old) as Request;
  result.metadata = given.metadata;
  const { conditions: _, ...status } = result.status ?? {};
  result.status = { ...status, ...(given.status?.conditions?.length && { conditions: given.status.conditions }) };
  return result;
}
