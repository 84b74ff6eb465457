/** Reads what kubelets say at `/metrics/resource`. Pure. */

/** Use at one time: of the processor since the start, of memory now. */
export interface Point {
  /** When it was measured, milliseconds. */
  atMs: number;
  /** Core-seconds used so far. */
  cpuSeconds: number;
  memoryBytes: number;
  /** When the count of the processor began; 0 where that is not said. */
  startMs: number;
}

export interface Measurements {
  /** By name; `''` is the one node of a server that does not name it. */
  nodes: Map<string, Point>;
  /** By `namespace/name`, then by container. */
  pods: Map<string, Map<string, Point>>;
}

const line = /^(\w+)(?:\{(.*)\})?\s+(\S+)(?:\s+(\d+))?\s*$/;
const label = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Lines of other series, and what is incomplete, are left out. `nowMs`: the time of samples that carry none. */
export function parseMeasurements(text: string, nowMs: number): Measurements {
  const nodes = new Map<string, Partial<Point>>();
  const pods = new Map<string, Map<string, Partial<Point>>>();
  for (const row of text.split('\n')) {
    const kind = row.startsWith('node_') ? 'node' : row.startsWith('container_') ? 'container' : undefined;
    if (!kind) continue;
    const [, series, labelText = '', value, time] = line.exec(row) ?? [];
    const amount = Number(value);
    if (!series || !Number.isFinite(amount)) continue;
    const labels = Object.fromEntries([...labelText.matchAll(label)].map(([, name, content]) => [name, content]));
    const point: Partial<Point> = kind === 'node' ? entry(nodes, labels.node ?? '', empty) : labels.container ? entry(entry(pods, `${labels.namespace}/${labels.pod}`, () => new Map<string, Partial<Point>>()), labels.container, empty) : {};
    const atMs = time === undefined ? nowMs : Number(time);
    switch (series.slice(kind.length + 1)) {
      case 'cpu_usage_seconds_total':
        point.cpuSeconds = amount;
        point.atMs = atMs;
        break;
      case 'memory_working_set_bytes':
        point.memoryBytes = amount;
        point.atMs ??= atMs;
        break;
      case 'start_time_seconds':
        point.startMs = amount * 1000;
        break;
    }
  }
  return { nodes: complete(nodes), pods: new Map([...pods].flatMap(([pod, containers]) => {
    const whole = complete(containers);
    // A pod of which a container cannot be told is not reported in part.
    return whole.size === containers.size ? [[pod, whole] as const] : [];
  })) };
}

const empty = (): Partial<Point> => ({});

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  let found = map.get(key);
  if (found === undefined) map.set(key, (found = make()));
  return found;
}

const complete = (points: ReadonlyMap<string, Partial<Point>>): Map<string, Point> =>
  new Map([...points].flatMap(([name, { atMs, cpuSeconds, memoryBytes, startMs = 0 }]) => (atMs === undefined || cpuSeconds === undefined || memoryBytes === undefined ? [] : [[name, { atMs, cpuSeconds, memoryBytes, startMs }] as const])));
