/** Lifetimes: what is started belongs to a scope, and closing the scope ends it all, newest first. */

export type Closer = () => void | Promise<void>;

/**
 * A scope owns things. `close()` runs the closers in reverse order, waits for each, and may be called again;
 * a closer that throws does not keep the others from running (the errors come out as one AggregateError).
 * What is added after closing is closed at once.
 */
export class Scope {
  readonly name: string;
  readonly #closers: Closer[] = [];
  readonly #abort = new AbortController();
  #closing: Promise<void> | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** Aborts when closing begins. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** Hands a closer over; returns a function that takes it back without running it. */
  defer(closer: Closer): () => void {
    if (this.#closing) {
      void closer();
      return () => {};
    }
    this.#closers.push(closer);
    return () => {
      const at = this.#closers.indexOf(closer);
      if (at >= 0) this.#closers.splice(at, 1);
    };
  }

  /** Owns something that has `close()`; returns it. */
  own<T extends { close(): void | Promise<void> }>(owned: T): T {
    this.defer(() => owned.close());
    return owned;
  }

  /** A scope that ends with this one, or before. */
  child(name: string): Scope {
    const child = new Scope(`${this.name}/${name}`);
    const release = this.defer(() => child.close());
    child.defer(release);
    return child;
  }

  close(): Promise<void> {
    this.#closing ??= this.#run();
    return this.#closing;
  }

  async #run(): Promise<void> {
    this.#abort.abort(new Error(`${this.name} is closing`));
    const errors: unknown[] = [];
    for (let closer = this.#closers.pop(); closer; closer = this.#closers.pop()) {
      try {
        await closer();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length) throw new AggregateError(errors, `closing ${this.name} failed`);
  }
}
