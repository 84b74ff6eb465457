/** Traces and held cycles with their nodes, fetched when shown: lists and watches carry none. */
import type { HeldCycle, SchedulingTrace } from '@pilothouse/scheduler-lab/api/types';
import { StatusError } from '@pilothouse/apimachinery/status';
import type { Lab } from './lab.ts';

interface Detail {
  allPlugins?: boolean;
  maxNodes: number;
  signal: AbortSignal;
}

async function load<T>(lab: Lab, plural: string, key: string, { allPlugins, maxNodes, signal }: Detail): Promise<T> {
  const [namespace, name] = key.split('/');
  const url = `/apis/lab.pilothouse.dev/v1/namespaces/${encodeURIComponent(namespace)}/${plural}/${encodeURIComponent(name)}?maxNodes=${maxNodes}${allPlugins ? '&allPlugins=true' : ''}`;
  const answer = await lab.client.raw({ method: 'GET', url, signal });
  if (answer.status >= 400) throw new StatusError(answer.object as ConstructorParameters<typeof StatusError>[0]);
  return answer.object as T;
}

/** `key`: `namespace/name` of the trace. @throws StatusError, e.g. NotFound where the recorder has dropped it */
export const loadTrace = (lab: Lab, key: string, detail: Detail): Promise<SchedulingTrace> => load(lab, 'schedulingtraces', key, detail);

/** `key`: `namespace/name` of the pod. @throws StatusError NotFound where it was let go */
export const loadHeldCycle = (lab: Lab, key: string, detail: Detail): Promise<HeldCycle> => load(lab, 'heldcycles', key, detail);
