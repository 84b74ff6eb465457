import { tooManyRequestsError } from '@pilothouse/apimachinery';

/** Lets a bounded number of requests in at one time, reads and writes apart. */
export interface Admission {
  /** Returns what lets the next one in. @throws StatusError 429 */
  enter(method: string): () => void;
  readonly reads: number;
  readonly writes: number;
}

/** 0: no limit. */
export function inFlightLimits(mostReads: number, mostWrites: number): Admission {
  let reads = 0;
  let writes = 0;
  const refuse = () => tooManyRequestsError('Too many requests, please try again later.', 1);
  const leaveRead = (): void => void reads--;
  const leaveWrite = (): void => void writes--;
  return {
    enter(method) {
      if (method === 'GET' || method === 'HEAD') {
        if (mostReads && reads >= mostReads) throw refuse();
        reads++;
        return leaveRead;
      }
      if (mostWrites && writes >= mostWrites) throw refuse();
      writes++;
      return leaveWrite;
    },
    get reads() {
      return reads;
    },
    get writes() {
      return writes;
    },
  };
}
