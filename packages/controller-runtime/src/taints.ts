/** Taints of nodes, tolerations of pods, and writing taints. */
import type { Clock } from '@pilothouse/base';
import { formatTime } from '@pilothouse/base';
import type { Node, NodeCondition, Taint, Toleration } from '@pilothouse/api-schemas/types/core/v1';
import { nodes } from '@pilothouse/apimachinery';
import { type Client, retryOnConflict } from '@pilothouse/client';

export const sameTaint = (a: Pick<Taint, 'key' | 'effect'>, b: Pick<Taint, 'key' | 'effect'>): boolean => a.key === b.key && a.effect === b.effect;

const integer = /^(0|-?[1-9][0-9]*)$/;

/** `Lt` and `Gt` are off by default in v1.36 (TaintTolerationComparisonOperators). */
export function tolerates(toleration: Toleration, taint: Taint, options: { comparison?: boolean } = {}): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  switch (toleration.operator) {
    case undefined:
    case '':
    case 'Equal':
      return (toleration.value ?? '') === (taint.value ?? '');
    case 'Exists':
      return true;
    case 'Lt':
    case 'Gt': {
      const [x, y] = [toleration.value ?? '', taint.value ?? ''];
      if (!options.comparison || !integer.test(x) || !integer.test(y)) return false;
      return toleration.operator === 'Lt' ? BigInt(y) < BigInt(x) : BigInt(y) > BigInt(x);
    }
    default:
      return false;
  }
}

export const nodeCondition = (node: Node, type: string): NodeCondition | undefined => node.status?.conditions?.find((condition) => condition.type === type);

/** Adds and removes taints of a node in one write, over its newest version where ours is old. True where anything changed. */
export async function swapTaints(client: Client, node: Node, change: { add: readonly Taint[]; remove: readonly Pick<Taint, 'key' | 'effect'>[] }, options: { clock: Clock; signal?: AbortSignal }): Promise<boolean> {
  const { clock, signal } = options;
  let current: Node | undefined = node;
  return retryOnConflict(clock, async () => {
    const latest: Node = current ?? (await client.get(nodes, node.metadata.name!, { signal }));
    current = undefined;
    const taints = latest.spec?.taints ?? [];
    const added = change.add.filter((taint) => !taints.some((t) => sameTaint(t, taint) && (t.value ?? '') === (taint.value ?? '')));
    const kept = taints.filter((t) => !change.remove.some((r) => sameTaint(t, r)) && !added.some((a) => sameTaint(t, a)));
    if (!added.length && kept.length === taints.length) return false;
    const next = [...kept, ...added.map((taint) => ({ ...taint, timeAdded: formatTime(clock.now()) }))];
    await client.patch(nodes, node.metadata.name!, { metadata: { resourceVersion: latest.metadata.resourceVersion }, spec: { taints: next } }, { type: 'strategic', signal });
    return true;
  });
}
