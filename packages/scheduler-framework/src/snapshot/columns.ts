/** Columns: one value per node, by node index. They grow together. */

/** A resource beyond cpu, memory and ephemeral storage. */
export class ScalarColumn {
  allocatable: Float64Array;
  requested: Float64Array;

  constructor(capacity: number) {
    this.allocatable = new Float64Array(capacity);
    this.requested = new Float64Array(capacity);
  }
}

/** The values of one label, coded as small numbers; -1 where a node has no such label. */
export class LabelColumn {
  readonly key: string;
  codes: Int32Array;
  readonly values: string[] = [];
  readonly #codeOf = new Map<string, number>();

  constructor(key: string, capacity: number) {
    this.key = key;
    this.codes = new Int32Array(capacity).fill(-1);
  }

  set(index: number, value: string | undefined): void {
    this.codes[index] = value === undefined ? -1 : this.#encode(value);
  }

  /** -1 where no node ever had the value. */
  codeOf(value: string): number {
    return this.#codeOf.get(value) ?? -1;
  }

  #encode(value: string): number {
    let code = this.#codeOf.get(value);
    if (code === undefined) {
      code = this.values.length;
      this.values.push(value);
      this.#codeOf.set(value, code);
    }
    return code;
  }
}

export function grownFloats(column: Float64Array, capacity: number): Float64Array {
  const grown = new Float64Array(capacity);
  grown.set(column);
  return grown;
}

export function grownCodes(column: Int32Array, capacity: number): Int32Array {
  const grown = new Int32Array(capacity).fill(-1);
  grown.set(column);
  return grown;
}
