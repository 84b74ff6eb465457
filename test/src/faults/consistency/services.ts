/** Clients that create and delete services at all servers: no address and no node port may be held by two at a time. */
import { realClock } from '@pilothouse/base';
import type { Dice } from '../suite.ts';
import type { ApiTarget } from './api-target.ts';

/** From the answer to the creation until the deletion is asked for, a service surely holds what it was given. */
export interface Holding {
  service: string;
  what: string;
  from: number;
  until: number;
}

const collection = '/api/v1/namespaces/default/services';

export async function runServices({ name, targets, dice, running, holdings }: { name: string; targets: readonly ApiTarget[]; dice: Dice; running(): boolean; holdings: Holding[] }): Promise<void> {
  for (let n = 0; running(); n++) {
    const target = dice.pick(targets);
    const service = `s${name}-${n}`;
    const made = await target.call('POST', collection, { kind: 'Service', apiVersion: 'v1', metadata: { name: service }, spec: { type: 'NodePort', ports: [{ port: 80 }] } }).catch(() => undefined);
    if (made?.status !== 201) {
      await realClock.sleep(30);
      continue;
    }
    const { spec } = made.body;
    const held = [spec.clusterIP, `port ${spec.ports[0].nodePort}`].map((what): Holding => ({ service, what, from: realClock.monotonic(), until: Number.POSITIVE_INFINITY }));
    holdings.push(...held);
    await realClock.sleep(dice.below(200));
    if (dice.once(4)) continue;
    const until = realClock.monotonic();
    for (const holding of held) holding.until = until;
    await dice.pick(targets).call('DELETE', `${collection}/${service}`).catch(() => undefined);
  }
}

/** What was held twice. */
export function checkHoldings(holdings: readonly Holding[]): string[] {
  const wrong: string[] = [];
  for (const [what, all] of Map.groupBy(holdings, (h) => h.what)) {
    let before: Holding | undefined;
    for (const next of [...all].sort((a, b) => a.from - b.from)) {
      if (before && next.from < before.until) wrong.push(`${what} was given to ${next.service} while ${before.service} had it`);
      if (!before || next.until > before.until) before = next;
    }
  }
  return wrong;
}

/** What services share now, by any server. */
export async function sharedNow(target: ApiTarget): Promise<string[]> {
  const { body } = await target.call('GET', '/api/v1/services');
  const held = (body.items as any[]).flatMap(({ metadata, spec }) => [spec.clusterIP, ...spec.ports.map((p: any) => p.nodePort && `port ${p.nodePort}`)].filter((what) => what && what !== 'None').map((what): Holding => ({ service: metadata.name, what, from: 0, until: Number.POSITIVE_INFINITY })));
  return checkHoldings(held.map((holding, i) => ({ ...holding, from: i })));
}
