import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realRuntime } from '@pilothouse/base';
import { storeConformance } from '../suite/conformance.ts';
import { openLmdbStore } from './lmdb-store.ts';

storeConformance('lmdb', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'pilothouse-lmdb-'));
  return { store: await openLmdbStore(realRuntime(), { dir }), dispose: () => rmSync(dir, { recursive: true }) };
});
