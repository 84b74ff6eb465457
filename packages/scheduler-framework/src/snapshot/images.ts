import type { Node } from '@pilothouse/api-schemas/types/core/v1';

export interface ImageState {
  /** Bytes, as the first node that named the image told. */
  sizeBytes: number;
  /** Indexes of the nodes that have it. */
  readonly nodes: Set<number>;
}

/** Which nodes have which image. */
export class ImageTable {
  readonly #images = new Map<string, ImageState>();
  readonly #namesOf = new Map<number, string[]>();

  get(name: string): ImageState | undefined {
    return this.#images.get(name);
  }

  put(index: number, node: Node): void {
    this.remove(index);
    const names: string[] = [];
    for (const image of node.status?.images ?? []) {
      for (const name of image.names ?? []) {
        const state = this.#images.get(name);
        if (state) state.nodes.add(index);
        else this.#images.set(name, { sizeBytes: image.sizeBytes ?? 0, nodes: new Set([index]) });
        names.push(name);
      }
    }
    if (names.length) this.#namesOf.set(index, names);
  }

  remove(index: number): void {
    for (const name of this.#namesOf.get(index) ?? []) {
      const state = this.#images.get(name);
      if (state?.nodes.delete(index) && !state.nodes.size) this.#images.delete(name);
    }
    this.#namesOf.delete(index);
  }
}
