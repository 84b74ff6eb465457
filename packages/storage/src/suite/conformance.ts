/** The one suite every backend passes: what `contract.ts` promises, as tests. */
import { afterEach, beforeEach, describe } from 'vitest';
import type { Store } from '../contract.ts';
import { compactionTests } from './compaction.ts';
import { concurrencyTests } from './concurrency.ts';
import { lifetimeTests } from './lifetime.ts';
import { modelTests } from './model.ts';
import { readTests } from './reads.ts';
import { watchTests } from './watches.ts';
import { writeTests } from './writes.ts';

export interface Opened {
  store: Store;
  /** Removes what the store leaves behind; called after it was closed. */
  dispose?(): void | Promise<void>;
}

/** What a test works with. Keys lie under `at`, which no other test uses: the store may hold more. */
export interface Subject {
  readonly store: Store;
  /** A key of this test. */
  at(name: string): string;
}

let tests = 0;

/** Declares the suite for one backend. `open` is called for each test. */
export function storeConformance(name: string, open: () => Promise<Opened>): void {
  describe(`${name} keeps the store contract`, () => {
    let opened: Opened;
    let prefix: string;
    beforeEach(async () => {
      opened = await open();
      prefix = `/t${process.pid}-${tests++}/`;
    });
    afterEach(async () => {
      await opened.store.close();
      await opened.dispose?.();
    });
    const subject: Subject = {
      get store() {
        return opened.store;
      },
      at: (key) => prefix + key,
    };
    writeTests(subject);
    readTests(subject);
    watchTests(subject);
    concurrencyTests(subject);
    compactionTests(subject);
    lifetimeTests(subject);
    modelTests(subject);
  });
}
