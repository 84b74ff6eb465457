import type { Node } from '@pilothouse/api-schemas/types/core/v1';

/** Region and zone of a node as one key; `''` where it has neither. */
export function zoneKeyOf(node: Node): string {
  const labels = node.metadata.labels ?? {};
  const region = labels['topology.kubernetes.io/region'] ?? labels['failure-domain.beta.kubernetes.io/region'] ?? '';
  const zone = labels['topology.kubernetes.io/zone'] ?? labels['failure-domain.beta.kubernetes.io/zone'] ?? '';
  return region || zone ? `${region}:\u0000:${zone}` : '';
}

/** Keeps nodes by zone, so that they can be gone through zone by zone in turn. Zones and nodes keep the order they came in. */
export class NodeOrder {
  readonly #zones = new Map<string, number[]>();
  readonly #zoneOf = new Map<number, string>();
  #list: Int32Array | undefined;

  get size(): number {
    return this.#zoneOf.size;
  }

  /** Adds a node, or moves it to the end of its new zone; a node whose zone is the same keeps its place. */
  put(index: number, zone: string): void {
    const had = this.#zoneOf.get(index);
    if (had === zone) return;
    if (had !== undefined) this.remove(index);
    this.#zoneOf.set(index, zone);
    const nodes = this.#zones.get(zone);
    if (nodes) nodes.push(index);
    else this.#zones.set(zone, [index]);
    this.#list = undefined;
  }

  remove(index: number): void {
    const zone = this.#zoneOf.get(index);
    if (zone === undefined) return;
    this.#zoneOf.delete(index);
    const nodes = this.#zones.get(zone)!;
    nodes.splice(nodes.indexOf(index), 1);
    if (!nodes.length) this.#zones.delete(zone);
    this.#list = undefined;
  }

  /** The first of each zone, then the second of each, and so on. Shared: not to be changed. */
  list(): Int32Array {
    if (this.#list) return this.#list;
    const list = new Int32Array(this.#zoneOf.size);
    const zones = [...this.#zones.values()];
    let at = 0;
    for (let round = 0; at < list.length; round++) {
      for (const nodes of zones) if (round < nodes.length) list[at++] = nodes[round];
    }
    this.#list = list;
    return list;
  }
}
