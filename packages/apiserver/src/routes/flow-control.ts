/** What priority and fairness does now: tables under `/debug/api_priority_and_fairness/`, their cells ended by commas. */
import type { FlowControl, LevelState, RequestState } from '../flow-control/index.ts';
import type { NonResourceRoute } from '../options.ts';
import { textAnswer } from '../request/respond.ts';

const levelHeads = ['PriorityLevelName', 'ActiveQueues', 'IsIdle', 'IsQuiescing', 'WaitingRequests', 'ExecutingRequests', 'DispatchedRequests', 'RejectedRequests', 'TimedoutRequests', 'CancelledRequests'];
const queueHeads = ['PriorityLevelName', 'Index', 'PendingRequests', 'ExecutingRequests', 'SeatsInUse', 'NextDispatchR', 'InitialSeatsSum', 'MaxSeatsSum', 'TotalWorkSum'];
const requestHeads = ['PriorityLevelName', 'FlowSchemaName', 'QueueIndex', 'RequestIndexInQueue', 'FlowDistingsher', 'ArriveTime', 'InitialSeats', 'FinalSeats', 'AdditionalLatency', 'StartTime'];
const detailHeads = ['UserName', 'Verb', 'APIPath', 'Namespace', 'Name', 'APIVersion', 'Resource', 'SubResource'];

type Cell = string | number | boolean;

export const flowControlRoutes = (flow: FlowControl): NonResourceRoute[] => [
  route('dump_priority_levels', () => [levelHeads, ...flow.state().map(levelRow)]),
  route('dump_queues', () => [queueHeads, ...flow.state().flatMap(queueRows)]),
  route('dump_requests', (query) => {
    const details = Boolean(query.get('includeRequestDetails'));
    return [[...requestHeads, ...(details ? detailHeads : [])], ...flow.state().flatMap((level) => requestRows(level, details))];
  }),
];

const route = (name: string, rows: (query: URLSearchParams) => Cell[][]): NonResourceRoute => ({
  path: `/debug/api_priority_and_fairness/${name}`,
  exact: true,
  methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  handle: (_, { query }) => textAnswer(aligned(rows(query))),
});

function levelRow({ name, quiescing, requests, dispatched, rejected, timedOut, cancelled }: LevelState): Cell[] {
  const waiting = requests.filter(({ started }) => started === undefined);
  return [name, new Set(waiting.map(({ queue }) => queue)).size, !requests.length, quiescing, waiting.length, requests.length - waiting.length, dispatched, rejected, timedOut, cancelled];
}

/** Every request takes one seat, for one unit of work. */
function queueRows({ name, queues, requests }: LevelState): Cell[][] {
  return Array.from({ length: queues }, (_, index) => {
    const own = requests.filter(({ queue }) => queue === index);
    const waiting = own.filter(({ started }) => started === undefined).length;
    return [name, index, waiting, own.length - waiting, own.length - waiting, '0.00000000ss', waiting, waiting, `${waiting}.00000000ss`];
  });
}

function requestRows({ name, requests }: LevelState, details: boolean): Cell[][] {
  const waiting = new Map<number, number>();
  const row = ({ schema, distinguisher, queue, arrived, started, request, user }: RequestState): Cell[] => {
    let place = -1;
    if (started === undefined) waiting.set(queue, (place = (waiting.get(queue) ?? -1) + 1));
    const { verb, path, namespace, name: object, group, version, resource, subresource } = request;
    const cells: Cell[] = [name, schema, queue, place, distinguisher, timeText(arrived), 1, 0, '0s', started === undefined ? '0001-01-01T00:00:00Z' : timeText(started)];
    return details ? [...cells, user.name, verb, path, namespace, object, group ? `${group}/${version}` : version, resource, subresource] : cells;
  };
  return requests.map(row);
}

/** Nanoseconds without the zeros at their end. */
const timeText = (ms: number): string => new Date(ms).toISOString().replace(/\.?0+Z$/, 'Z');

/** Columns as wide as their widest cell and a space, at least 8; the last cell of a row is in none. */
function aligned(rows: readonly (readonly Cell[])[]): string {
  const widths = rows[0].map((_, i) => Math.max(8, ...rows.map((row) => String(row[i]).length + 2)));
  return rows.map((row) => `${row.map((cell, i) => (i < row.length - 1 ? `${cell},`.padEnd(widths[i]) : cell)).join('')}\n`).join('');
}
