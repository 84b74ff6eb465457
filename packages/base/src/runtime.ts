import { type Clock, realClock } from './clock.ts';
import { type Logger, silentLogger } from './logger.ts';
import { type Random, realRandom } from './random.ts';

/** What every component is given: time, chance and a log. */
export interface Runtime {
  clock: Clock;
  random: Random;
  log: Logger;
}

/** The machine's clock and randomness; silent unless a log is given. */
export const realRuntime = (log: Logger = silentLogger): Runtime => ({ clock: realClock, random: realRandom, log });
