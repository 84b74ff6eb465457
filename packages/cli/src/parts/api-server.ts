/** Puts an API server together: certificates, store, authentication, authorization, admission, routes, bootstrap objects. */
import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AdmissionPlugin, type ApiServer, type ApiServerOptions, createApiServer, type Listener, type NonResourceRoute, type ServerParts } from '@pilothouse/apiserver';
import { impersonate, parseTokenFile, standardAuthentication, standardAuthorization } from '@pilothouse/apiserver/auth/index';
import { standardAdmission } from '@pilothouse/apiserver/admission/index';
import { mutatingPolicies } from '@pilothouse/apiserver/admission/mutating-policies';
import { mutatingWebhooks, validatingWebhooks } from '@pilothouse/apiserver/admission/webhooks/index';
import { webhookCaller } from '@pilothouse/apiserver/webhooks/call';
import { validatingPolicies } from '@pilothouse/apiserver/admission/validating-policies';
import { auditFile, createAudit, parseAuditPolicy } from '@pilothouse/apiserver/audit/index';
import { announceServer, loopbackClient, runBootstrap } from '@pilothouse/apiserver/bootstrap/index';
import { keepObjects } from '@pilothouse/apiserver/bootstrap/keep-objects';
import { keepAllocations } from '@pilothouse/apiserver/bootstrap/service-repair';
import { type Aggregation, aggregation } from '@pilothouse/apiserver/aggregation/index';
import { registerApiServices } from '@pilothouse/apiserver/custom-resources/api-services';
import { runDefinitionLifecycle } from '@pilothouse/apiserver/custom-resources/lifecycle/index';
import { noTexts, type OpenApiTexts } from '@pilothouse/apiserver/openapi/documents';
import { keepSchemaStatus } from '@pilothouse/apiserver/flow-control/dangling';
import type { FrontProxy } from './front-proxy.ts';
import type { Pki } from '@pilothouse/apiserver/pki/index';
import { connectHandlers, kubelets } from '@pilothouse/apiserver/proxy/index';
import { builtinDefinitions, defaultResourceOptions } from '@pilothouse/apiserver/resources/index';
import { builtinApi, standardRoutes } from '@pilothouse/apiserver/routes/index';
import { metricsRoute } from '@pilothouse/apiserver/routes/metrics';
import { openIdRoutes } from '@pilothouse/apiserver/routes/openid';
import { virtualHandlers } from '@pilothouse/apiserver/virtual/index';
import { messageOf, metricsRegistry, type MetricsRegistry, type Runtime, type Scope, UserError } from '@pilothouse/base';
import type { Store } from '@pilothouse/storage';
import { buildDate } from '../version.ts';

export interface ApiServerSetup {
  pki: Pki;
  store: Store;
  /** Where to listen; the first is the one clients are told. */
  bindAddresses: readonly string[];
  securePort: number;
  /** What the `kubernetes` service points at. */
  advertiseAddress: string;
  serviceClusterIpRange: string;
  serviceNodePortRange?: string;
  serviceAccountIssuer?: string;
  authorizationMode?: readonly string[];
  enableAdmissionPlugins?: readonly string[];
  disableAdmissionPlugins?: readonly string[];
  anonymousAuth?: boolean;
  tokenAuthFile?: string;
  /** Both or neither: what is audited, and where to. */
  auditPolicyFile?: string;
  auditLogPath?: string;
  maxRequestsInflight?: number;
  maxMutatingRequestsInflight?: number;
  /** In milliseconds; default 60,000. */
  requestTimeout?: number;
  /** In seconds; default 1,800. */
  minRequestTimeout?: number;
  /** Default true. */
  enablePriorityAndFairness?: boolean;
  /** The front proxy that is believed about its users, and as which this server asks extension servers; default: as the pki directory has it. */
  frontProxy?: FrontProxy;
  /** Extension servers are asked at the endpoints of their services rather than at the services' addresses. */
  enableAggregatorRouting?: boolean;
  /** Share of HTTP/2 requests after which a client is told to connect anew. */
  goawayChance?: number;
  /** The flags and their values, shown at /flagz. */
  flagz?: Readonly<Record<string, string>>;
  /** Paths beside the API that anyone may read. */
  publicRoutes?: readonly NonResourceRoute[];
  /** Where the server counts; shown at /metrics. */
  metrics: MetricsRegistry;
}

export interface RunningApiServer {
  server: ApiServer;
  listener: Listener;
  /** `https://127.0.0.1:6443` */
  url: string;
}

/** `10.96.0.0/16` → its n-th address. */
export function nthAddress(cidr: string, n: number): string {
  const [base] = cidr.split('/');
  const value = base.split('.').reduce((acc, octet) => acc * 256 + Number(octet), 0) + n;
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** Texts of the OpenAPI documents, written beside the program by the build; none when run from sources without a build. */
function loadTexts(): OpenApiTexts {
  const here = dirname(fileURLToPath(import.meta.url));
  const file = [join(here, 'openapi-texts.json'), join(here, '../../../../dist/openapi-texts.json')].find((path) => existsSync(path));
  return file ? JSON.parse(readFileSync(file, 'utf8')) : noTexts;
}

function readTokens(file: string | undefined) {
  if (!file) return undefined;
  try {
    return parseTokenFile(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UserError(`--token-auth-file ${file}: ${messageOf(error)}`);
  }
}

function auditFor(runtime: Runtime, { auditPolicyFile, auditLogPath }: ApiServerSetup) {
  if (!auditPolicyFile || !auditLogPath) return undefined;
  let text: string;
  try {
    text = readFileSync(auditPolicyFile, 'utf8');
  } catch (error) {
    throw new UserError(`--audit-policy-file ${auditPolicyFile}: ${messageOf(error)}`);
  }
  return createAudit(runtime, parseAuditPolicy(text), auditFile(runtime, auditLogPath));
}

function parsePortRange(text: string | undefined): { from: number; to: number } | undefined {
  if (!text) return undefined;
  const [from, to] = text.split('-').map(Number);
  if (!(from > 0 && to >= from && to < 65536)) throw new UserError(`--service-node-port-range ${text}: needed FROM-TO, e.g. 30000-32767`);
  return { from, to };
}

function policiesAndWebhooks(runtime: Runtime, { read, registry }: ServerParts): AdmissionPlugin[] {
  const asking = { registry, callWebhook: webhookCaller(runtime, read) };
  return [mutatingPolicies(read, registry), mutatingWebhooks(read, asking), validatingPolicies(read, registry), validatingWebhooks(read, asking)];
}

/** Starts serving; resolves when the server is ready and its own objects exist. The scope closes it. */
export async function startApiServer(runtime: Runtime, scope: Scope, setup: ApiServerSetup): Promise<RunningApiServer> {
  const { pki, store } = setup;
  const staticTokens = readTokens(setup.tokenAuthFile);
  const nodePorts = parsePortRange(setup.serviceNodePortRange);
  const serviceAddress = nthAddress(setup.serviceClusterIpRange, 1);
  let address = `${setup.advertiseAddress}:${setup.securePort}`;
  let self: { host: string; port: number } | undefined;
  let auth: ReturnType<typeof authFor> | undefined;
  const authOf = (parts: ServerParts) => (auth ??= authFor(parts));
  const authFor = (parts: ServerParts) => ({
    authentication: standardAuthentication(runtime, {
      clientAuthorities: [pki.ca.certificate],
      requestHeaderAuthorities: [frontProxy.authorities],
      requestHeader: frontProxy.requestHeader,
      serviceAccounts: { privateKey: pki.serviceAccount.then((key) => key.privateKey), issuer: setup.serviceAccountIssuer, jwksUri: `https://${address}/openid/v1/jwks` },
      read: parts.read,
      client: loopback,
      staticTokens,
      anonymous: setup.anonymousAuth,
    }),
    authorization: standardAuthorization({ feed: parts.read, modes: setup.authorizationMode, publicPaths: setup.publicRoutes?.map((route) => route.path), signal: scope.signal }),
  });
  const kubeletConnections = scope.own(kubelets({ clientCertificate: () => pki.client('apiserver-kubelet-client') }));
  const state: { bootstrapped: boolean; server?: ApiServer } = { bootstrapped: false };
  // Steps that write (quota) do so through the server they are part of.
  const loopback = loopbackClient((request) => state.server!.handle(request));
  let texts: OpenApiTexts | undefined;
  const textsOnce = () => (texts ??= loadTexts());
  const frontProxy: FrontProxy = setup.frontProxy ?? { authorities: pki.frontProxyCa.certificate, requestHeader: { allowedNames: ['front-proxy-client'] }, identity: () => pki.client('front-proxy-client') };
  let behind: Aggregation | undefined;
  const aggregationOf = (parts: ServerParts): Aggregation => (behind ??= aggregation(runtime, scope, parts, { identity: frontProxy.identity, toEndpoints: setup.enableAggregatorRouting, self: () => self }));
  const impersonation = new Map<string, string>();
  const audit = auditFor(runtime, setup);
  if (audit) scope.own(audit);
  const options: ApiServerOptions = {
    store,
    texts: textsOnce,
    definitions: builtinDefinitions({ serviceClusterIpRanges: [setup.serviceClusterIpRange], ...(nodePorts && { serviceNodePortRange: nodePorts }) }),
    authenticators: (parts) => [authOf(parts).authentication.authenticator],
    anonymous: setup.anonymousAuth,
    authorizers: (parts) => [authOf(parts).authorization.authorizer],
    admission: (parts) => standardAdmission({
      client: loopback,
      enable: setup.enableAdmissionPlugins,
      disable: setup.disableAdmissionPlugins,
      further: policiesAndWebhooks(runtime, parts),
      ...((setup.authorizationMode ?? ['RBAC']).includes('RBAC') && { rbac: authOf(parts).authorization.rbac }),
    }),
    delegation: (parts) => aggregationOf(parts).delegation,
    impersonate: (request, attributes, parts) => impersonate(request.headers, attributes, parts.authorize, impersonation),
    metrics: setup.metrics,
    ...(audit && { audit }),
    virtualHandlers: (parts) => virtualHandlers({ authorizer: authOf(parts).authorization.authorizer, tokens: authOf(parts).authentication.tokens, issuer: authOf(parts).authentication.issuer }),
    connectHandlers: connectHandlers(kubeletConnections),
    nonResourceRoutes: (parts) => standardRoutes({
      serverAddress: () => address,
      texts: textsOnce,
      api: aggregationOf(parts).api(parts.customResources?.api ?? builtinApi),
      ...(parts.customResources && { definitions: parts.customResources.established }),
      remoteOpenApi: aggregationOf(parts).openApi,
      build: { gitCommit: '', buildDate, runtime: process.version, platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}` },
      healthChecks: [
        { name: 'ping', in: ['healthz', 'livez', 'readyz'], check() {} },
        { name: 'log', in: ['healthz', 'livez', 'readyz'], check() {} },
        { name: 'etcd', in: ['healthz', 'livez', 'readyz'], check: () => store.health() },
        { name: 'etcd-readiness', in: ['readyz'], check: () => store.health() },
        { name: 'informer-sync', in: ['readyz'], check() { if (!state.server?.ready) throw new Error('the caches are not complete yet'); if (state.server.problem) throw state.server.problem; } },
        { name: 'poststarthook/rbac/bootstrap-roles', in: ['healthz', 'livez', 'readyz'], check() { if (!state.bootstrapped) throw new Error('bootstrap objects are being created'); } },
        { name: 'shutdown', in: ['readyz'], check() { if (scope.closed) throw new Error('process is shutting down'); } },
      ],
      slis: metricsRegistry(),
      status: { ...runtime, startedMs: runtime.clock.now() - process.uptime() * 1_000 },
      flags: setup.flagz,
      more: [...openIdRoutes(authOf(parts).authentication.issuer), metricsRoute(setup.metrics), ...(setup.publicRoutes ?? [])],
    }),
    priorityAndFairness: setup.enablePriorityAndFairness ?? true,
    maxReadsInFlight: setup.maxRequestsInflight,
    maxWritesInFlight: setup.maxMutatingRequestsInflight,
    ...(setup.requestTimeout !== undefined && { requestTimeoutMs: setup.requestTimeout }),
    ...(setup.minRequestTimeout !== undefined && { minWatchTimeoutMs: setup.minRequestTimeout * 1_000 }),
  };
  const server = scope.own(await createApiServer(runtime, options));
  state.server = server;
  const listeners = await Promise.all(setup.bindAddresses.map((host) => server.listen({ host, port: setup.securePort, goawayChance: setup.goawayChance, tls: { cert: pki.apiserver.certificate, key: pki.apiserver.key, clientCa: [pki.ca.certificate, frontProxy.authorities] } })));
  const [listener] = listeners;
  address = `${setup.advertiseAddress}:${listener.port}`;
  const host = listener.host === '0.0.0.0' || listener.host === '::' ? '127.0.0.1' : listener.host;
  self = { host, port: listener.port };
  const facts = { advertiseAddress: setup.advertiseAddress, port: listener.port, serviceRanges: [setup.serviceClusterIpRange], serviceAddress, clientCa: pki.ca.certificate, requestHeaderCa: frontProxy.authorities, requestHeader: frontProxy.requestHeader };
  await runBootstrap(loopback, runtime, facts);
  keepObjects(runtime, scope, { client: loopback, read: server.read, facts });
  await auth!.authorization.ready;
  keepAllocations({ ...runtime, client: loopback, store }, scope, { serviceNodePortRange: nodePorts ?? defaultResourceOptions.serviceNodePortRange });
  await announceServer(loopback, runtime, scope, { hostName: hostname(), advertiseAddress: setup.advertiseAddress, port: listener.port, store });
  await keepSchemaStatus(server.read, loopback, runtime, scope);
  await aggregationOf(server.parts).keepAvailability(loopback);
  const custom = server.parts.customResources;
  if (custom) {
    runDefinitionLifecycle(runtime, scope, { client: loopback, parts: server.parts, custom });
    registerApiServices(runtime, scope, { client: loopback, read: server.read, custom });
  }
  state.bootstrapped = true;
  return { server, listener, url: `https://${host.includes(':') ? `[${host}]` : host}:${listener.port}` };
}
