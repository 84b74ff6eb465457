/** Health: `/healthz`, `/livez`, `/readyz`, with `?verbose`, `?exclude=` and each check below. */
import { type ApiResponse, goQuote } from '@pilothouse/apimachinery';
import { messageOf, type MetricsRegistry } from '@pilothouse/base';
import type { NonResourceRoute } from '../options.ts';
import { textAnswer } from '../request/respond.ts';

export interface HealthCheck {
  name: string;
  /** Which of the three endpoints ask it. */
  in: readonly ('healthz' | 'livez' | 'readyz')[];
  /** @throws with the reason when not healthy */
  check(): Promise<void> | void;
}

/** `slis`: where each result of the whole endpoints is counted. */
export function healthRoutes(checks: readonly HealthCheck[], slis?: MetricsRegistry): NonResourceRoute[] {
  const result = slis?.gauge('kubernetes_healthcheck', '[STABLE] This metric records the result of a single healthcheck.', ['name', 'type']);
  const results = slis?.counter('kubernetes_healthchecks_total', '[STABLE] This metric records the results of all healthcheck.', ['name', 'status', 'type']);
  const count = (name: string, endpoint: string, passed: boolean): void => {
    if (!result || !results) return;
    result.with(name, endpoint).value = passed ? 1 : 0;
    results.with(name, passed ? 'success' : 'error', endpoint).value++;
  };
  return (['healthz', 'livez', 'readyz'] as const).map((endpoint): NonResourceRoute => {
    const own = checks.filter((c) => c.in.includes(endpoint));
    return {
      path: `/${endpoint}`,
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      async handle(request, { path, query, log }) {
        const asked = path.slice(endpoint.length + 2).replace(/\/$/, '');
        const selected = asked ? own.filter((c) => c.name === asked) : own;
        if (asked && !selected.length) return textAnswer('404 page not found\n', 404);
        if (asked) return one(selected[0]);
        const excluded = new Set(query.getAll('exclude'));
        const lines: string[] = [];
        let failed = false;
        for (const check of selected) {
          if (excluded.delete(check.name)) {
            lines.push(`[+]${check.name} excluded: ok`);
            continue;
          }
          const why = await problemOf(check);
          count(check.name, endpoint, why === undefined);
          lines.push(why === undefined ? `[+]${check.name} ok` : `[-]${check.name} failed: reason withheld`);
          if (why === undefined) continue;
          log.info('Health check failed', { endpoint, check: check.name, reason: why });
          failed = true;
        }
        if (excluded.size) lines.push(`warn: some health checks cannot be excluded: no matches for ${[...excluded].sort().map(goQuote).join(',')}`);
        if (failed) return textAnswer(`${lines.join('\n')}\n${endpoint} check failed\n`, 500);
        return healthy(request.method === 'HEAD' ? '' : query.has('verbose') ? `${lines.join('\n')}\n${endpoint} check passed\n` : 'ok');
      },
    };
  });
}

/** Why the check is not healthy; undefined where it is. */
async function problemOf(check: HealthCheck): Promise<string | undefined> {
  try {
    await check.check();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** A check asked by name says what is wrong: who may ask has the right to. */
async function one(check: HealthCheck): Promise<ApiResponse> {
  const why = await problemOf(check);
  return why === undefined ? textAnswer('ok') : textAnswer(`internal server error: ${why}\n`, 500);
}

const healthy = (text: string): ApiResponse => {
  const answer = textAnswer(text);
  return { ...answer, headers: { ...answer.headers, 'x-content-type-options': 'nosniff' } };
};
