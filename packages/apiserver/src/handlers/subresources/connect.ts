import { type ApiResponse, badRequestError, type KubeObject } from '@pilothouse/apimachinery';
import type { ConnectContext, ConnectHandler } from '../../contract.ts';
import { admit, mutate } from '../admit.ts';
import type { Call } from '../call.ts';

/** Passes a request on to what answers it: a kubelet, a pod, a service, a node. */
export async function connect(call: Call, handler: ConnectHandler): Promise<ApiResponse> {
  const { core, request, info, user } = call;
  // A log is read, not connected to.
  if (info.subresource !== 'log' && info.query.has('dryRun')) throw badRequestError('dryRun is not supported');
  const lead = `/${info.parts.slice(0, 3).join('/')}`;
  const behind = info.path.slice(info.path.indexOf(lead) + lead.length);
  const context: ConnectContext = {
    clock: core.clock,
    random: core.random,
    log: core.log,
    request,
    user,
    namespace: info.namespace,
    name: info.name,
    path: behind,
    query: info.query,
    read: core.read,
    async admit(options) {
      const admission = { operation: 'CONNECT' as const, subresource: info.subresource, object: options as KubeObject, old: undefined, dryRun: false, options: {}, name: info.name };
      await mutate(call, admission);
      await admit(call, admission);
    },
  };
  return handler.connect(context);
}
