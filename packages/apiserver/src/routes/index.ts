/** The paths beside the resources, listed once. */
import { builtinGroups, builtinResources } from '@pilothouse/api-schemas';
import type { MetricsRegistry } from '@pilothouse/base';
import type { RemoteOpenApi } from '../aggregation/remote-open-api.ts';
import type { ServedApi } from '../discovery/documents.ts';
import { type CustomSource, openApiDocuments, type OpenApiTexts } from '../openapi/documents.ts';
import type { NonResourceRoute } from '../options.ts';
import { jsonAnswer } from '../request/respond.ts';
import { discoveryRoutes } from './discovery.ts';
import { type HealthCheck, healthRoutes } from './health.ts';
import { metricsRoute } from './metrics.ts';
import { openApiRoutes } from './openapi.ts';
import { versionRoute } from './version.ts';
import { flagzRoute, type StatuszOptions, statuszRoute } from './z-pages.ts';

export type { HealthCheck };
export { kubernetesVersion } from './version.ts';

/** What is served before any custom resource. */
export const builtinApi: ServedApi = {
  groups: () => builtinGroups,
  resources: (group, version) => builtinResources.filter((r) => r.group === group && r.version === version),
};

export interface StandardRouteOptions {
  /** `host:port` for clients, known once the server listens. */
  serverAddress: () => string;
  /** Loads the OpenAPI texts on first use. */
  texts: () => OpenApiTexts;
  healthChecks: readonly HealthCheck[];
  /** Where the results of health checks are counted, for `/metrics/slis`. */
  slis?: MetricsRegistry;
  build: { gitCommit: string; buildDate: string; runtime: string; platform: string };
  /** For `/statusz`. */
  status?: Omit<StatuszOptions, 'paths' | 'runtime'>;
  /** For `/flagz`: flag without dashes → value. Absent: not served. */
  flags?: Readonly<Record<string, string>>;
  /** Routes of other parts: metrics, OpenID, the lab. */
  more?: readonly NonResourceRoute[];
  api?: ServedApi;
  /** Definitions of custom resources that are served. */
  definitions?: CustomSource;
  /** OpenAPI documents of other servers. */
  remoteOpenApi?: RemoteOpenApi;
}

export function standardRoutes(options: StandardRouteOptions): NonResourceRoute[] {
  const api = options.api ?? builtinApi;
  const routes: NonResourceRoute[] = [
    ...discoveryRoutes(api, options.serverAddress),
    ...openApiRoutes(openApiDocuments(options.texts, options.definitions), options.remoteOpenApi),
    ...healthRoutes(options.healthChecks, options.slis),
    ...(options.slis ? [metricsRoute(options.slis, '/metrics/slis')] : []),
    versionRoute(options.build),
    ...(options.status && options.flags ? [flagzRoute(options.status.random, options.flags)] : []),
    ...(options.more ?? []),
  ];
  const index = (): string[] => {
    const groups = api.groups().flatMap((g) => (g.name ? [`/apis/${g.name}`, ...g.versions.map((v) => `/apis/${g.name}/${v}`)] : g.versions.map((v) => `/api/${v}`)));
    const checks = options.healthChecks.flatMap((c) => c.in.map((endpoint) => `/${endpoint}/${c.name}`));
    return [...new Set(['/api', '/apis', '/apis/', ...groups, ...routes.map((r) => r.path), ...checks])].sort();
  };
  if (options.status) routes.push(statuszRoute({ ...options.status, runtime: options.build.runtime, paths: index }));
  return [...routes, { path: '/', exact: true, handle: () => jsonAnswer({ paths: index() }) }];
}
