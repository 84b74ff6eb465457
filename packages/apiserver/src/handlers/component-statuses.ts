import { type ApiResponse, type KubeObject, notFoundError } from '@pilothouse/apimachinery';
import { messageOf } from '@pilothouse/base';
import { answerObject } from './answer.ts';
import type { Call, ServerCore } from './call.ts';
import { answerViews } from './list.ts';
import { viewOfObject } from './view.ts';

/** `GET componentstatuses`: asks the parts of the control plane how they are. */
export async function listComponentStatuses(call: Call): Promise<ApiResponse> {
  const statuses = await Promise.all(componentsOf(call.core).map(([name, check]) => statusOf(name, check)));
  return answerViews(call, statuses.map(viewOfObject), {});
}

/** `GET componentstatuses/x` */
export async function getComponentStatus(call: Call): Promise<ApiResponse> {
  const component = componentsOf(call.core).find(([name]) => name === call.info.name);
  if (!component) throw notFoundError({ group: '', plural: 'componentstatus' }, call.info.name);
  return answerObject(call, viewOfObject(await statusOf(...component)));
}

type Check = () => Promise<void>;

/** The store, and what the server was told of. */
const componentsOf = ({ store, componentChecks }: ServerCore): [string, Check][] => [...Object.entries(componentChecks), ['etcd-0', () => store.health()]];

async function statusOf(name: string, check: Check): Promise<KubeObject> {
  let condition: Record<string, string> = { type: 'Healthy', status: 'True', message: 'ok' };
  try {
    await check();
  } catch (error) {
    condition = { type: 'Healthy', status: 'False', message: messageOf(error) };
  }
  return { kind: 'ComponentStatus', apiVersion: 'v1', metadata: { name }, conditions: [condition] } as KubeObject;
}
