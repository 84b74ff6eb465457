/** Durations as Go's `time.ParseDuration` reads them. */
const unitMs: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, 'µs': 1e-3, 'μs': 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds. @throws Error in Go's words */
export function parseGoDuration(text: string): number {
  const quoted = JSON.stringify(text);
  const sign = text.startsWith('-') ? -1 : 1;
  let rest = text.replace(/^[-+]/, '');
  if (rest === '0') return 0;
  if (!rest) throw new Error(`time: invalid duration ${quoted}`);
  let total = 0;
  while (rest) {
    const amount = /^(\d+\.?\d*|\.\d+)/.exec(rest)?.[0];
    if (!amount) throw new Error(`time: invalid duration ${quoted}`);
    rest = rest.slice(amount.length);
    const unit = /^[^\d.]+/.exec(rest)?.[0];
    if (!unit) throw new Error(`time: missing unit in duration ${quoted}`);
    if (unitMs[unit] === undefined) throw new Error(`time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`);
    total += Number(amount) * unitMs[unit];
    rest = rest.slice(unit.length);
  }
  return sign * total;
}

/** As Go writes one of whole milliseconds: `1h0m0s`, `1m30s`, `1.5s`, `300ms`, `0s`. */
export function formatGoDuration(ms: number): string {
  if (ms < 0) return `-${formatGoDuration(-ms)}`;
  if (ms === 0) return '0s';
  if (ms < 1000) return `${ms}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  return `${hours ? `${hours}h` : ''}${hours || minutes ? `${minutes}m` : ''}${(ms % 60_000) / 1000}s`;
}
