/**
 * Counters, gauges and histograms for Prometheus. A series is looked up once by its labels' values and kept by whoever
 * counts, so that counting is one addition on a plain number; text is made only when somebody asks.
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */

/** One series of a counter or gauge: add to `value`. */
export interface Series {
  value: number;
}

export interface Histogram {
  observe(value: number): void;
}

/** All series of one name, told apart by the values of their labels. */
export interface Family<S> {
  /** The series with these values, in the order in which the labels were declared; made on first use, the same ever after. */
  with(...values: string[]): S;
}

type Kind = 'counter' | 'gauge';

export interface MetricsRegistry {
  /** Registering a name again returns the family that is there. */
  counter(name: string, help: string, labels?: readonly string[]): Family<Series>;
  gauge(name: string, help: string, labels?: readonly string[]): Family<Series>;
  /** `buckets`: upper bounds, rising; the last, infinite one is added. */
  histogram(name: string, help: string, buckets: readonly number[], labels?: readonly string[]): Family<Histogram>;
  /** Values that are read when somebody asks: pairs of label values and the number. */
  collect(kind: Kind, name: string, help: string, labels: readonly string[], read: () => Iterable<readonly [values: readonly string[], value: number]>): void;
  /** Everything in Prometheus' text format, names in order. */
  text(): string;
}

/** `count` bounds, each `factor` times the one before. */
export function exponentialBuckets(start: number, factor: number, count: number): number[] {
  const bounds: number[] = [];
  for (let i = 0, bound = start; i < count; i++, bound *= factor) bounds.push(Number(bound.toPrecision(12)));
  return bounds;
}

interface Source {
  head: string;
  lines(out: string[]): void;
}

class HistogramSeries implements Histogram {
  readonly #bounds: readonly number[];
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Array(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    const bounds = this.#bounds;
    let i = 0;
    while (i < bounds.length && value > bounds[i]) i++;
    this.counts[i]++;
    this.sum += value;
  }
}

const escaped = (text: string): string => text.replace(/[\\\n"]/g, (found) => (found === '\n' ? '\\n' : `\\${found}`));

/** `a="x",b="y"`, in the order of the labels' names. */
function labelText(labels: readonly string[], values: readonly string[]): string {
  return labels
    .map((name, i) => `${name}="${escaped(values[i] ?? '')}"`)
    .sort()
    .join(',');
}
const braced = (text: string): string => (text ? `{${text}}` : '');

/** Numbers as Go writes them. */
function numberText(value: number): string {
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  const exponent = /^(.*)e([+-])(\d)$/.exec(String(value));
  return exponent ? `${exponent[1]}e${exponent[2]}0${exponent[3]}` : String(value);
}

function family<S>(make: () => S): { family: Family<S>; all: Map<string, { values: readonly string[]; series: S }> } {
  const all = new Map<string, { values: readonly string[]; series: S }>();
  return {
    all,
    family: {
      with(...values) {
        const key = values.length === 1 ? values[0] : values.join('\u0000');
        let held = all.get(key);
        if (!held) all.set(key, (held = { values, series: make() }));
        return held.series;
      },
    },
  };
}

export function metricsRegistry(): MetricsRegistry {
  const sources = new Map<string, Source & { family?: unknown }>();
  const head = (kind: string, name: string, help: string): string => `# HELP ${name} ${help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}\n# TYPE ${name} ${kind}`;

  function plain(kind: Kind, name: string, help: string, labels: readonly string[]): Family<Series> {
    const known = sources.get(name);
    if (known) return known.family as Family<Series>;
    const made = family<Series>(() => ({ value: 0 }));
    if (!labels.length) made.family.with();
    sources.set(name, {
      family: made.family,
      head: head(kind, name, help),
      lines(out) {
        for (const { values, series } of made.all.values()) out.push(`${name}${braced(labelText(labels, values))} ${numberText(series.value)}`);
      },
    });
    return made.family;
  }

  return {
    counter: (name, help, labels = []) => plain('counter', name, help, labels),
    gauge: (name, help, labels = []) => plain('gauge', name, help, labels),
    histogram(name, help, buckets, labels = []) {
      const known = sources.get(name);
      if (known) return known.family as Family<Histogram>;
      const made = family(() => new HistogramSeries(buckets));
      if (!labels.length) made.family.with();
      const bounds = [...buckets, Infinity].map(numberText);
      sources.set(name, {
        family: made.family,
        head: head('histogram', name, help),
        lines(out) {
          for (const { values, series } of made.all.values()) {
            const text = labelText(labels, values);
            let total = 0;
            for (const [i, count] of series.counts.entries()) {
              total += count;
              out.push(`${name}_bucket{${text}${text && ','}le="${bounds[i]}"} ${total}`);
            }
            out.push(`${name}_sum${braced(text)} ${numberText(series.sum)}`, `${name}_count${braced(text)} ${total}`);
          }
        },
      });
      return made.family;
    },
    collect(kind, name, help, labels, read) {
      sources.set(name, {
        head: head(kind, name, help),
        lines(out) {
          for (const [values, value] of read()) out.push(`${name}${braced(labelText(labels, values))} ${numberText(value)}`);
        },
      });
    },
    text() {
      const out: string[] = [];
      for (const name of [...sources.keys()].sort()) {
        const lines: string[] = [];
        sources.get(name)!.lines(lines);
        if (lines.length) out.push(sources.get(name)!.head, ...lines);
      }
      return out.length ? `${out.join('\n')}\n` : '';
    },
  };
}
