/** API priority and fairness: what keeps one client from crowding out the others. */
import { flowSchemas, priorityLevelConfigurations, type StatusError, tooManyRequestsError } from '@pilothouse/apimachinery';
import type { FlowSchema, PriorityLevelConfiguration } from '@pilothouse/api-schemas/types/flowcontrol/v1';
import type { MetricsRegistry, Runtime } from '@pilothouse/base';
import type { ObjectFeed, User } from '../contract.ts';
import type { RequestInfo } from '../request/info.ts';
import { type CompiledSchema, compileSchema, inOrder } from './schemas.ts';
import { type PriorityLevel, Seats } from './seats.ts';

/** A request's seat. */
export interface Ticket {
  /** Say which schema and level the request was taken for. */
  readonly headers: Readonly<Record<string, string>>;
  /** Gives the seat back; once. */
  release(): void;
}

export interface FlowControl {
  /** Takes a seat: at once where there is one, else after waiting. @throws StatusError 429 (or rejects with it) */
  admit(request: RequestInfo, user: User, signal: AbortSignal): Ticket | Promise<Ticket>;
  /** What runs and waits now, and what became of the requests so far; by the levels' names. */
  state(): LevelState[];
}

/** A priority level, as its dumps tell it. */
export interface LevelState {
  name: string;
  /** It is deleted, and served until it is empty. */
  quiescing: boolean;
  queues: number;
  requests: RequestState[];
  dispatched: number;
  rejected: number;
  timedOut: number;
  cancelled: number;
}
export interface RequestState {
  request: RequestInfo;
  user: User;
  schema: string;
  /** What tells its flow from others of the schema. */
  distinguisher: string;
  /** -1: it did not have to wait. */
  queue: number;
  /** Milliseconds since the epoch. */
  arrived: number;
  /** Absent: it waits. */
  started?: number;
}

/** A schema with its level, as requests meet them. */
interface Flow {
  schema: CompiledSchema;
  level: PriorityLevel;
  headers: Readonly<Record<string, string>>;
  counts: FlowCounts;
}
/** A request that runs or waits. */
interface Held {
  flow: Flow;
  request: RequestInfo;
  user: User;
  queue: number;
  arrived: number;
  started: number | undefined;
}
interface FlowCounts {
  labels: readonly [priorityLevel: string, flowSchema: string];
  dispatched: number;
  waiting: number;
  rejected: Record<'queue-full' | 'concurrency-limit' | 'time-out' | 'cancelled', number>;
}

const unlimited: Ticket = { headers: Object.freeze({}), release() {} };

export interface FlowControlOptions {
  /** Requests that the server runs at one time, of all levels that are not exempt. */
  seats: number;
  /** Longest that a request waits for its seat. */
  waitMs: number;
  metrics?: MetricsRegistry;
}

/** Follows FlowSchemas and PriorityLevelConfigurations; what none of them is about is not limited. */
export function flowControl({ clock }: Pick<Runtime, 'clock'>, feed: ObjectFeed, options: FlowControlOptions): FlowControl {
  const seats = new Seats(options.seats);
  const schemas = new Map<string, FlowSchema>();
  const levels = new Map<string, PriorityLevelConfiguration>();
  const counts = new Map<string, FlowCounts>();
  const requests = new Set<Held>();
  let flows: readonly Flow[] = [];
  let stale = true;
  const keep = <T extends { metadata?: { name?: string } }>(held: Map<string, T>) => (object: T | undefined, old: T | undefined): void => {
    stale = true;
    if (object) held.set(object.metadata!.name!, object);
    else held.delete(old!.metadata!.name!);
  };
  void feed.follow(flowSchemas, keep(schemas));
  void feed.follow(priorityLevelConfigurations, keep(levels));
  if (options.metrics) collect(options.metrics, seats, counts);

  const countsOf = (schema: string, level: string): FlowCounts => {
    const key = `${schema} ${level}`;
    let found = counts.get(key);
    if (!found) counts.set(key, (found = { labels: [level, schema], dispatched: 0, waiting: 0, rejected: { 'queue-full': 0, 'concurrency-limit': 0, 'time-out': 0, cancelled: 0 } }));
    return found;
  };
  const refresh = (): void => {
    stale = false;
    seats.configure([...levels.values()]);
    flows = inOrder([...schemas.values()].map(compileSchema)).flatMap((schema): Flow[] => {
      // A schema whose level is not there (status condition Dangling) takes no requests.
      const level = levels.has(schema.level) ? seats.levels.get(schema.level) : undefined;
      if (!level) return [];
      const headers = Object.freeze({ 'x-kubernetes-pf-flowschema-uid': schema.uid, 'x-kubernetes-pf-prioritylevel-uid': level.uid });
      return [{ schema, level, headers, counts: countsOf(schema.name, level.name) }];
    });
  };

  return {
    admit(request, user, signal) {
      if (stale) refresh();
      const flow = flows.find(({ schema }) => schema.matches(request, user)) ?? flows.find(({ schema }) => schema.name === 'catch-all');
      if (!flow) return unlimited;
      const now = clock.now();
      if (!flow.level.exempt && !seats.tryTake(flow.level)) return wait({ flow, request, user, queue: -1, arrived: now, started: undefined }, signal);
      return start({ flow, request, user, queue: -1, arrived: now, started: now });
    },
    state() {
      if (stale) refresh();
      return [...seats.levels.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).map((level) => stateOf(level));
    },
  };

  function stateOf({ name, queues }: PriorityLevel): LevelState {
    const of = [...counts.values()].filter(({ labels }) => labels[0] === name);
    const sum = (value: (count: FlowCounts) => number): number => of.reduce((total, count) => total + value(count), 0);
    return {
      name,
      quiescing: !levels.has(name),
      queues: queues?.count ?? 0,
      requests: [...requests].flatMap(({ flow: { schema, level }, request, user, queue, arrived, started }): RequestState[] =>
        level.name === name ? [{ request, user, schema: schema.name, distinguisher: schema.distinguish(request, user), queue, arrived, ...(started !== undefined && { started }) }] : [],
      ),
      dispatched: sum((count) => count.dispatched),
      rejected: sum(({ rejected }) => rejected['queue-full'] + rejected['concurrency-limit']),
      timedOut: sum(({ rejected }) => rejected['time-out']),
      cancelled: sum(({ rejected }) => rejected.cancelled),
    };
  }

  /** The request has its seat, where it needs one. */
  function start(held: Held): Ticket {
    const { level, headers, counts: count } = held.flow;
    count.dispatched++;
    requests.add(held);
    const seated = !level.exempt;
    return {
      headers,
      release() {
        requests.delete(held);
        if (seated) seats.leave(level);
      },
    };
  }

  function wait(held: Held, signal: AbortSignal): Promise<Ticket> {
    const { flow, request, user } = held;
    const { level, schema, counts: count } = flow;
    const { queues } = level;
    const refused = (why: keyof FlowCounts['rejected']): StatusError => {
      count.rejected[why]++;
      return withHeaders(tooManyRequestsError('Too many requests, please try again later.', 1), flow.headers);
    };
    if (!queues) throw refused('concurrency-limit');
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        count.waiting--;
        requests.delete(held);
        timer.cancel();
        signal.removeEventListener('abort', onAbort);
      };
      const waiting = {
        start(): void {
          settle();
          held.started = clock.now();
          resolve(start(held));
        },
      };
      const giveUp = (why: 'time-out' | 'cancelled'): void => {
        if (!queues.remove(waiting)) return;
        settle();
        reject(refused(why));
      };
      const onAbort = (): void => giveUp('cancelled');
      held.queue = queues.add(`${schema.name}\0${schema.distinguish(request, user)}`, waiting);
      if (held.queue < 0) {
        reject(refused('queue-full'));
        return;
      }
      requests.add(held);
      count.waiting++;
      const timer = clock.after(options.waitMs, () => giveUp('time-out'));
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}

function withHeaders(error: StatusError, headers: Readonly<Record<string, string>>): StatusError {
  Object.assign(error.headers, headers);
  return error;
}

function collect(metrics: MetricsRegistry, seats: Seats, counts: ReadonlyMap<string, FlowCounts>): void {
  const flow = ['priority_level', 'flow_schema'];
  const each = (value: (count: FlowCounts) => number) => () => [...counts.values()].map((count) => [count.labels, value(count)] as const);
  metrics.collect('counter', 'apiserver_flowcontrol_dispatched_requests_total', '[BETA] Number of requests executed by API Priority and Fairness subsystem', flow, each((count) => count.dispatched));
  metrics.collect('gauge', 'apiserver_flowcontrol_current_inqueue_requests', '[BETA] Number of requests currently pending in queues of the API Priority and Fairness subsystem', flow, each((count) => count.waiting));
  metrics.collect('counter', 'apiserver_flowcontrol_rejected_requests_total', '[BETA] Number of requests rejected by API Priority and Fairness subsystem', [...flow, 'reason'], () =>
    [...counts.values()].flatMap(({ labels, rejected }) => Object.entries(rejected).flatMap(([reason, count]) => (count ? [[[...labels, reason], count] as const] : []))),
  );
  metrics.collect('gauge', 'apiserver_flowcontrol_nominal_limit_seats', "[BETA] Nominal number of execution seats configured for each priority level", ['priority_level'], () => [...seats.levels.values()].map((level) => [[level.name], level.nominal] as const));
  metrics.collect('gauge', 'apiserver_flowcontrol_current_executing_seats', '[BETA] Concurrency (number of seats) occupied by the currently executing (initial stage for a WATCH, any stage otherwise) requests in the API Priority and Fairness subsystem', ['priority_level'], () => [...seats.levels.values()].filter((level) => !level.exempt).map((level) => [[level.name], level.running] as const));
}
