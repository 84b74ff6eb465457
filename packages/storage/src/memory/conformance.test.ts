import { realRuntime } from '@pilothouse/base';
import { storeConformance } from '../suite/conformance.ts';
import { openMemoryStore } from './memory-store.ts';

storeConformance('memory', async () => ({ store: openMemoryStore(realRuntime()) }));
