/** Makes a failing request smaller as long as it keeps failing. */
import type { FuzzRequest } from './request.ts';

type Fails = (request: FuzzRequest) => Promise<boolean>;

/** Attempts in all. */
const mostTries = 250;

/** The smallest request found that still `fails`: fewer headers, query parameters, members, bytes. */
export async function shrink(request: FuzzRequest, fails: Fails): Promise<FuzzRequest> {
  let best = request;
  let tries = 0;
  const attempt = async (smaller: FuzzRequest): Promise<boolean> => {
    if (++tries > mostTries || !(await fails(smaller))) return false;
    best = smaller;
    return true;
  };
  for (const name of Object.keys(best.headers)) {
    const { [name]: _, ...headers } = best.headers;
    await attempt({ ...best, headers });
  }
  const mark = best.url.indexOf('?');
  if (mark >= 0) for (const part of best.url.slice(mark + 1).split('&')) {
    const rest = best.url.slice(mark + 1).split('&').filter((p) => p !== part);
    await attempt({ ...best, url: best.url.slice(0, mark) + (rest.length ? `?${rest.join('&')}` : '') });
  }
  if (best.body) {
    const parsed = tryParse(best.body);
    if (parsed !== undefined) await shrinkValue(parsed, (value) => attempt({ ...best, body: Buffer.from(JSON.stringify(value)) }), () => tries >= mostTries);
    else await shrinkBytes(() => best.body!, (body) => attempt({ ...best, body }), () => tries >= mostTries);
  }
  return best;
}

function tryParse(body: Buffer): unknown {
  try {
    const value = JSON.parse(body.toString()) as unknown;
    // Only where writing it again gives the same value: no keys twice, no numbers out of range.
    return JSON.stringify(value).length === body.length ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Takes members out of a JSON value, the large ones first. */
async function shrinkValue(root: unknown, attempt: (value: unknown) => Promise<boolean>, spent: () => boolean): Promise<void> {
  const walk = async (value: unknown): Promise<void> => {
    if (typeof value !== 'object' || value === null) return;
    const container = value as Record<string, unknown>;
    if (!Array.isArray(value)) for (const key of Object.keys(container)) {
      if (spent()) return;
      const old = container[key];
      delete container[key];
      if (await attempt(root)) continue;
      container[key] = old;
      await walk(old);
    }
    if (Array.isArray(value)) for (let i = value.length - 1; i >= 0 && !spent(); i--) {
      const [old] = value.splice(i, 1);
      if (await attempt(root)) continue;
      value.splice(i, 0, old);
      await walk(old);
    }
  };
  await walk(root);
}

/** Takes runs of bytes out, halving their length. */
async function shrinkBytes(current: () => Buffer, attempt: (body: Buffer) => Promise<boolean>, spent: () => boolean): Promise<void> {
  for (let size = Math.ceil(current().length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < current().length && !spent(); ) {
      const body = current();
      const smaller = Buffer.concat([body.subarray(0, at), body.subarray(at + size)]);
      if (smaller.length === body.length || !(await attempt(smaller))) at += size;
    }
    if (size === 1) break;
  }
}
