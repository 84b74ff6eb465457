import type { NonResourceRoute } from '../options.ts';

/** The most specific route of the path. */
export function routeFor<R extends Pick<NonResourceRoute, 'path' | 'exact' | 'methods'>>(routes: readonly R[], path: string, method: string): R | undefined {
  let best: R | undefined;
  for (const route of routes) {
    const matches = path === route.path || path === `${route.path}/` || (!route.exact && path.startsWith(route.path.endsWith('/') ? route.path : `${route.path}/`));
    if (!matches || !(route.methods ?? ['GET', 'HEAD']).includes(method)) continue;
    if (!best || route.path.length > best.path.length || (route.path.length === best.path.length && route.exact && !best.exact)) best = route;
  }
  return best;
}
