/** One trace with its nodes, fetched when shown: lists and watches of traces carry none. */
import type { SchedulingTrace } from '@pilothouse/scheduler-lab/api/types';
import { StatusError } from '@pilothouse/apimachinery/status';
import type { Lab } from './lab.ts';

/** @throws StatusError, e.g. NotFound where the recorder has dropped the trace */
export async function loadTrace(lab: Lab, key: string, options: { allPlugins: boolean; maxNodes: number; signal: AbortSignal }): Promise<SchedulingTrace> {
  const [namespace, name] = key.split('/');
  const url = `/apis/lab.pilothouse.dev/v1/namespaces/${encodeURIComponent(namespace)}/schedulingtraces/${encodeURIComponent(name)}?maxNodes=${options.maxNodes}${options.allPlugins ? '&allPlugins=true' : ''}`;
  const answer = await lab.client.raw({ method: 'GET', url, signal: options.signal });
  if (answer.status >= 400) throw new StatusError(answer.object as ConstructorParameters<typeof StatusError>[0]);
  return answer.object as SchedulingTrace;
}
