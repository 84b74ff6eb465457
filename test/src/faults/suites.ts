/** Every fault suite, in the order in which they run. */
import type { FaultSuite } from './suite.ts';
import { pipelineFuzz } from './fuzz/pipeline.ts';

export const faultSuites: readonly FaultSuite[] = [
  pipelineFuzz,
];
