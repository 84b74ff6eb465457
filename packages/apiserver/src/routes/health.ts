/** Health: `/healthz`, `/livez`, `/readyz`, with `?verbose`, `?exclude=` and each check below. */
import { goQuote } from '@pilothouse/apimachinery';
import { messageOf } from '@pilothouse/base';
import type { NonResourceRoute } from '../options.ts';
import { textAnswer } from '../request/respond.ts';

export interface HealthCheck {
  name: string;
  /** Which of the three endpoints ask it. */
  in: readonly ('healthz' | 'livez' | 'readyz')[];
  /** @throws with the reason when not healthy */
  check(): Promise<void> | void;
}

export function healthRoutes(checks: readonly HealthCheck[]): NonResourceRoute[] {
  return (['healthz', 'livez', 'readyz'] as const).map((endpoint): NonResourceRoute => {
    const own = checks.filter((c) => c.in.includes(endpoint));
    return {
      path: `/${endpoint}`,
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      async handle(request, { path, query, log }) {
        const asked = path.slice(endpoint.length + 2).replace(/\/$/, '');
        const selected = asked ? own.filter((c) => c.name === asked) : own;
        if (asked && !selected.length) return textAnswer('404 page not found\n', 404);
        const excluded = new Set(query.getAll('exclude'));
        const lines: string[] = [];
        const failed: string[] = [];
        for (const check of selected) {
          if (excluded.delete(check.name)) {
            lines.push(`[+]${check.name} excluded: ok`);
            continue;
          }
          try {
            await check.check();
            lines.push(`[+]${check.name} ok`);
          } catch (error) {
            log.info('Health check failed', { endpoint, check: check.name, reason: messageOf(error) });
            failed.push(check.name);
            lines.push(`[-]${check.name} failed: reason withheld`);
          }
        }
        if (excluded.size) lines.push(`warn: some health checks cannot be excluded: no matches for ${[...excluded].map(goQuote).join(',')}`);
        if (failed.length) {
          if (asked) return textAnswer(`internal server error: ${failed[0]} failed\n`, 500);
          return textAnswer(`${lines.join('\n')}\n${endpoint} check failed\n`, 500);
        }
        if (request.method === 'HEAD') return textAnswer('');
        return textAnswer(asked || !query.has('verbose') ? 'ok' : `${lines.join('\n')}\n${endpoint} check passed\n`);
      },
    };
  });
}
