/** Every fault suite, in the order in which they run. */
import type { FaultSuite } from './suite.ts';
import { compaction } from './compaction/compaction.ts';
import { embedded, inMemory, sharedEtcd } from './consistency/suites.ts';
import { pipelineFuzz } from './fuzz/pipeline.ts';
import { loadFaults } from './load/load.ts';
import { socketFaults } from './sockets/sockets.ts';

export const faultSuites: readonly FaultSuite[] = [
  pipelineFuzz,
  socketFaults,
  loadFaults,
  inMemory,
  embedded,
  sharedEtcd,
  compaction,
];
