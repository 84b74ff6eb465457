import type { ApiRequest, ApiResponse, StatusError } from '@pilothouse/apimachinery';
import type { Awaitable, MetricsRegistry, Runtime } from '@pilothouse/base';
import type { Store } from '@pilothouse/storage';
import type { AdmissionPlugin, Authenticator, Authorizer, ConnectHandler, Decision, ObjectFeed, RequestAttributes, ResourceDefinition, User, VirtualHandler } from './contract.ts';
import type { Delegated } from './aggregation/delegate.ts';
import type { CustomResources } from './custom-resources/serving.ts';
import type { OpenApiTexts } from './openapi/documents.ts';
import type { ResourceRegistry } from './registry.ts';

/** What extensions may use of the server they are plugged into. */
export interface ServerParts extends Runtime {
  /** Reads and follows objects from the caches, without authorization. */
  read: ObjectFeed;
  registry: ResourceRegistry;
  store: Store;
  /** Asks the server's authorizers. */
  authorize(attributes: RequestAttributes): Awaitable<Decision>;
  /** Rules of all authorizers for SelfSubjectRulesReview. */
  authorizers(): readonly Authorizer[];
  /** What CustomResourceDefinitions define; absent where definitions are not served. */
  customResources: CustomResources | undefined;
}

/** A list of extensions, or what makes it once the server's parts exist. */
export type Plugged<T> = readonly T[] | ((parts: ServerParts) => readonly T[]);

/** Answers paths outside the resources: discovery, health, metrics, version. */
export interface NonResourceRoute {
  /** `/healthz`: this path and everything below it; with `exact`, this path alone (a slash at its end is ignored). The longest match wins. */
  path: string;
  exact?: boolean;
  /** Default: GET and HEAD. */
  methods?: readonly string[];
  handle(request: ApiRequest, context: RouteContext): Promise<ApiResponse> | ApiResponse;
}

export interface RouteContext extends ServerParts {
  user: User;
  /** Decoded, without the query. */
  path: string;
  query: URLSearchParams;
}

/** Answers what other servers serve under this one's paths, ahead of resources and routes. */
export interface Delegation {
  /** Whoever answers the path; undefined: this server. Asked for every request that was authorized. */
  of(path: string): ((request: ApiRequest, asked: Delegated) => Promise<ApiResponse>) | undefined;
}

/** Called around each request. */
export interface AuditHook {
  received(event: AuditEvent): void;
  /** Returns the answer, wrapped where its end is to be noted. */
  completed(event: AuditEvent, response: ApiResponse, failure: StatusError | undefined): ApiResponse;
}

export interface AuditEvent {
  /** Also in the answer's Audit-Id. */
  id: string;
  request: ApiRequest;
  /** Those of the one who sent it. Without a name: credentials that nobody knows. */
  attributes: RequestAttributes;
  /** As whom the sender acts, and the verb of a constrained mode that allowed it. */
  impersonated?: Impersonated;
  /** What the authorizers said; known once they were asked. */
  decision?: Decision;
  /** Watches, logs, exec and the like: their start is noted apart from their end. */
  long: boolean;
  startMs: number;
}

export interface Impersonated {
  user: User;
  constraint?: string;
}

export interface ApiServerOptions {
  store: Store;
  /** Default: the built-in resources. */
  definitions?: readonly ResourceDefinition[];
  /** Asked in order. Default: none. */
  authenticators?: Plugged<Authenticator>;
  /** Requests that no authenticator knows are `system:anonymous`. Default true. */
  anonymous?: boolean;
  /** Asked in order until one allows or denies. Absent: everything is allowed. */
  authorizers?: Plugged<Authorizer>;
  /** In the order in which they run. */
  admission?: Plugged<AdmissionPlugin>;
  nonResourceRoutes?: Plugged<NonResourceRoute>;
  virtualHandlers?: Plugged<VirtualHandler>;
  connectHandlers?: Plugged<ConnectHandler>;
  /** The aggregation layer. Default: none. */
  delegation?: (parts: ServerParts) => Delegation;
  /** Whom the request's Impersonate headers ask to act as; undefined where they do not. `attributes.user` is who asks. @throws StatusError 400, 403 */
  impersonate?: (request: ApiRequest, attributes: RequestAttributes, parts: ServerParts) => Awaitable<Impersonated | undefined>;
  audit?: AuditHook;
  /** Where requests, watches and the store's work are counted. */
  metrics?: MetricsRegistry;
  /** What componentstatuses shows beside the store, by name: `scheduler`, `controller-manager`. Reject with the reason when not healthy. */
  componentChecks?: Readonly<Record<string, () => Promise<void>>>;
  /** Documentation of fields, for the columns of Tables; loaded on first use. Default: none. */
  texts?: () => OpenApiTexts;
  /** Requests other than watches at one time; more are answered 429. Defaults 400 and 200, 0: no limit. */
  maxReadsInFlight?: number;
  maxWritesInFlight?: number;
  /** Shares what may run at one time out by FlowSchemas and PriorityLevelConfigurations: the limits above are added up. Default false. */
  priorityAndFairness?: boolean;
  /** Default 60,000. */
  requestTimeoutMs?: number;
  /** Watches without timeoutSeconds end after this to twice this. Default 1,800,000. */
  minWatchTimeoutMs?: number;
}

export const plug = <T>(plugged: Plugged<T> | undefined, parts: ServerParts): readonly T[] => (typeof plugged === 'function' ? plugged(parts) : (plugged ?? []));
