import type { WriteContext } from '../contract.ts';
import type { Call } from './call.ts';

/** What strategies see of a write. */
export function writeContext({ core, user, info, warnings }: Call, dryRun: boolean, subresource = ''): WriteContext {
  const { clock, random, log, read, authorize, client, store } = core;
  return { clock, random, log, user, namespace: info.namespace, dryRun, verb: info.verb, subresource, read, authorize, client, store, warn: (text) => void warnings.push(text) };
}
