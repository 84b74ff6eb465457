import { networkInterfaces } from 'node:os';
import { runOrThrow } from './run.ts';

/** From the range for tests between networks (RFC 2544): never routed outside the machine. */
export const localNodeAddress = '198.19.0.1';
const linkName = 'pilothouse0';

/**
 * Gives the machine an address that its pods can reach and nobody else: a dummy interface. A loopback address will not
 * do, for Kubernetes refuses it in Endpoints and pods have a loopback of their own. Needs root; repeatable.
 */
export async function ensureNodeAddress(address = localNodeAddress): Promise<string> {
  if (Object.values(networkInterfaces()).some((list) => list?.some((a) => a.address === address))) return address;
  const links = JSON.parse((await runOrThrow('ip', ['-j', 'link', 'show', 'type', 'dummy'])) || '[]') as { ifname?: string }[];
  if (!links.some((l) => l.ifname === linkName)) await runOrThrow('ip', ['link', 'add', linkName, 'type', 'dummy']);
  await runOrThrow('ip', ['address', 'replace', `${address}/32`, 'dev', linkName]);
  await runOrThrow('ip', ['link', 'set', linkName, 'up']);
  return address;
}

/** Takes the address away again. */
export async function removeNodeAddress(): Promise<void> {
  await runOrThrow('ip', ['link', 'delete', linkName]).catch(() => undefined);
}
