import type { Runtime } from '@pilothouse/base';

/** Now, as the API writes times: RFC 3339 with seconds. */
export const timestamp = ({ clock }: Pick<Runtime, 'clock'>): string => `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;
