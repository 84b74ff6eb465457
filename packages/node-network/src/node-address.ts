import { networkInterfaces } from 'node:os';
import { runOrThrow } from './run.ts';

/** From the range for tests between networks (RFC 2544): never routed outside the machine. */
export const localNodeAddress = '198.19.0.1';

/**
 * Gives the machine an address that its pods can reach and nobody else: a second one on the loopback interface, which
 * any kernel has. 127.0.0.1 will not do, for Kubernetes refuses it in Endpoints and pods have a loopback of their own.
 * Needs root; repeatable.
 */
export async function ensureNodeAddress(address = localNodeAddress): Promise<string> {
  if (Object.values(networkInterfaces()).some((list) => list?.some((a) => a.address === address))) return address;
  await runOrThrow('ip', ['address', 'replace', `${address}/32`, 'dev', 'lo', 'scope', 'global']);
  return address;
}

/** Takes the address away again. */
export async function removeNodeAddress(address = localNodeAddress): Promise<void> {
  await runOrThrow('ip', ['address', 'delete', `${address}/32`, 'dev', 'lo']).catch(() => undefined);
}
