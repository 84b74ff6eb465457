/** Makes the machine answer for the addresses of load balancers. */
import { messageOf, type Runtime } from '@pilothouse/base';
import { services } from '@pilothouse/apimachinery';
import type { Service } from '@pilothouse/api-schemas/types/core/v1';
import type { InformerFactory } from '@pilothouse/client';
import { run, runOrThrow } from './run.ts';

/** Marks the addresses that are ours to take away again. */
const label = 'lo:lb';

const addressesOf = (service: Service): string[] => (service.spec?.type === 'LoadBalancer' ? (service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip, ipMode }) => (ip?.includes('.') && ipMode !== 'Proxy' ? ip : [])) : []);

/**
 * Keeps every IPv4 address of the services' load balancers on the loopback interface, so that the machine answers for
 * them (ARP) on all its networks; where the packets go is the proxy's. Needs root. What an earlier run left is taken over.
 * `close` takes the addresses away.
 */
export function announceLoadBalancers({ runtime: { log }, informers }: { runtime: Pick<Runtime, 'log'>; informers: InformerFactory }): { close(): Promise<void> } {
  const informer = informers.informer(services);
  let closing = false;
  let dirty = false;
  let working: Promise<void> | undefined;
  const present = async (): Promise<string[]> => [...(await run('ip', ['-4', '-o', 'address', 'show', 'dev', 'lo'])).stdout.matchAll(/inet (\S+)\/32 .*\blo:lb\b/g)].map((match) => match[1]);
  const settle = async (): Promise<void> => {
    while (dirty) {
      dirty = false;
      const wanted = new Set(closing ? [] : informer.lister.list().flatMap(addressesOf));
      try {
        const there = await present();
        for (const address of wanted) if (!there.includes(address)) await runOrThrow('ip', ['address', 'replace', `${address}/32`, 'dev', 'lo', 'scope', 'global', 'label', label]);
        for (const address of there) if (!wanted.has(address)) await runOrThrow('ip', ['address', 'delete', `${address}/32`, 'dev', 'lo']);
      } catch (error) {
        log.warn('Addresses of load balancers could not be announced', { reason: messageOf(error) });
      }
    }
    working = undefined;
  };
  const touch = () => {
    dirty = true;
    working ??= settle();
  };
  const unhook = informer.handle({
    add: touch,
    update: (service, old) => addressesOf(service).join() !== addressesOf(old).join() && touch(),
    delete: touch,
  });
  return {
    async close() {
      unhook();
      closing = true;
      touch();
      await working;
    },
  };
}
