import { type ApiHandler, type ApiRequest, type ApiResponse, goQuote, StatusError, timeoutError, unauthorizedError } from '@pilothouse/apimachinery';
import type { Deadlines } from '@pilothouse/base';
import { forbiddenByAuthorization } from './auth/forbidden.ts';
import type { Authenticator, RequestAttributes, User } from './contract.ts';
import type { Call, ServerCore, WatchObserver } from './handlers/call.ts';
import type { FlowControl, Ticket } from './flow-control/index.ts';
import { handlerOf } from './handlers/index.ts';
import { hasProtobufForm } from './handlers/protobuf.ts';
import type { Observed, RequestMetrics } from './metrics/requests.ts';
import type { ApiServerOptions, AuditEvent, AuditHook, Delegation, NonResourceRoute, RouteContext, ServerParts } from './options.ts';
import { methodNotAllowed, noSuchRoute, toStatusError } from './request/errors.ts';
import { type RequestInfo, requestInfo } from './request/info.ts';
import { negotiate } from './request/negotiate.ts';
import { statusAnswer, textAnswer, warningHeaders } from './request/respond.ts';
import { routeFor } from './routes/route-for.ts';
import type { Admission as InFlight } from './request/in-flight.ts';

export interface Pipeline {
  core: ServerCore;
  parts: ServerParts;
  authenticators: readonly Authenticator[];
  anonymous: boolean;
  routes: readonly NonResourceRoute[];
  delegation: Delegation | undefined;
  impersonate: ApiServerOptions['impersonate'];
  audit: AuditHook | undefined;
  inFlight: InFlight;
  flow: FlowControl | undefined;
  metrics: RequestMetrics | undefined;
  /** How long a request may take. */
  deadlines: Deadlines;
}

const anonymousUser: User = Object.freeze({ name: 'system:anonymous', groups: Object.freeze(['system:unauthenticated']) }) as User;

/** The way of every request: who, may they, what. Never rejects: whatever is thrown is answered as a Status. */
export function createHandler(pipeline: Pipeline): ApiHandler {
  return async (request) => {
    const info = requestInfo(request.method, request.url);
    const audit = request.wantObjects && !pipeline.audit ? '' : auditId(pipeline, request);
    const held: Held = { ticket: undefined, auditId: audit };
    if (info.malformed) return withHeaders(malformedAnswer(request, info), held);
    try {
      return await answer(pipeline, request, info, held);
    } catch (error) {
      return withHeaders(failureAnswer(pipeline, request, error), held);
    }
  };
}

/** The client's own, else a new one. */
function auditId({ core }: Pipeline, { headers }: ApiRequest): string {
  const sent = headers['audit-id'];
  return (Array.isArray(sent) ? sent[0] : sent) || core.random.uuid();
}

/** A path that says nothing to anybody is refused before anything is asked. */
function malformedAnswer({ url }: ApiRequest, { malformed }: RequestInfo): ApiResponse {
  if (malformed === 'encoding') return textAnswer('400 Bad Request', 400);
  return textAnswer(`Internal Server Error: ${goQuote(url.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;'))}: failed to create RequestInfo: unable to determine kind and namespace from url, ${url}\n`, 500);
}

function failureAnswer({ core }: Pipeline, request: ApiRequest, error: unknown): ApiResponse {
  const status = toStatusError(error);
  if (status.code >= 500 && status.reason === 'InternalError') core.log.error('Request failed', { method: request.method, url: request.url, err: error });
  return statusAnswer(status, request);
}

const nobody: User = Object.freeze({ name: '', groups: Object.freeze([]) }) as unknown as User;

async function answer(pipeline: Pipeline, request: ApiRequest, info: RequestInfo, held: Held): Promise<ApiResponse> {
  const { audit } = pipeline;
  const startMs = audit ? pipeline.core.clock.now() : 0;
  const eventOf = (attributes: RequestAttributes, long: boolean): AuditEvent => ({ id: held.auditId, request, attributes, long, startMs });
  let user: User;
  try {
    user = await authenticate(pipeline, request);
  } catch (error) {
    const refused = withHeaders(failureAnswer(pipeline, request, error), held);
    return audit ? audit.completed(eventOf(attributesOf(info, nobody), false), refused, toStatusError(error)) : refused;
  }
  let attributes = attributesOf(info, user);
  const event = audit && eventOf(attributes, isLong(info));
  if (event) audit.received(event);
  try {
    const asked = pipeline.impersonate?.(request, attributes, pipeline.parts);
    const other = asked instanceof Promise ? await asked : asked;
    if (other) {
      if (event) event.impersonated = other;
      attributes = attributesOf(info, other.user);
    }
    const response = withHeaders(await dispatch(pipeline, request, info, attributes, event, held), held);
    return event ? audit.completed(event, response, undefined) : response;
  } catch (error) {
    const response = withHeaders(failureAnswer(pipeline, request, error), held);
    return event ? audit.completed(event, response, toStatusError(error)) : response;
  }
}

const isLong = (info: RequestInfo): boolean => info.verb === 'watch' || info.verb === 'proxy' || longRunning.has(info.subresource);

async function authenticate(pipeline: Pipeline, request: ApiRequest): Promise<User> {
  let failure: unknown;
  for (const authenticator of pipeline.authenticators) {
    try {
      const answer = authenticator.authenticate(request);
      const found = answer instanceof Promise ? await answer : answer;
      if (found) return found.user;
    } catch (error) {
      failure = error;
    }
  }
  // Wrong credentials are refused even where the anonymous would be let in.
  if (failure !== undefined) throw failure instanceof StatusError ? failure : unauthorizedError();
  if (!pipeline.anonymous || request.peer?.certificateError) throw unauthorizedError();
  return anonymousUser;
}

const attributesOf = (info: RequestInfo, user: User): RequestAttributes => ({
  user,
  verb: info.verb,
  isResource: info.isResource,
  path: info.path,
  group: info.group,
  version: info.version,
  resource: info.resource,
  subresource: info.subresource,
  namespace: info.namespace,
  name: info.name,
  ...(info.query.size && !info.byPath && selecting.has(info.verb) && { fieldSelector: info.query.get('fieldSelector') ?? undefined, labelSelector: info.query.get('labelSelector') ?? undefined }),
});

/** Verbs whose selectors authorization looks at. */
const selecting = new Set(['list', 'watch', 'deletecollection']);

/** What a request carries to its answer's headers: the seat that flow control gave, the id it is audited under. */
interface Held {
  ticket: Ticket | undefined;
  auditId: string;
}

/** The answer, saying what it was taken for. Callers in the process do not look. */
const withHeaders = (response: ApiResponse, { ticket, auditId }: Held): ApiResponse => (response.object === undefined && !response.events && auditId ? { ...response, headers: { 'audit-id': auditId, ...response.headers, ...ticket?.headers } } : response);

/** Waits for its turn, then authorizes and answers. */
async function dispatch(pipeline: Pipeline, request: ApiRequest, info: RequestInfo, attributes: RequestAttributes, event: AuditEvent | undefined, held: Held): Promise<ApiResponse> {
  const long = isLong(info);
  // A watch has a seat while it starts; other long requests need none.
  if (!pipeline.flow || (long && info.verb !== 'watch')) return authorized(pipeline, request, info, attributes, event, held.auditId);
  let admitted: Ticket | Promise<Ticket>;
  try {
    admitted = pipeline.flow.admit(info, attributes.user, request.signal);
    held.ticket = admitted instanceof Promise ? await admitted : admitted;
  } catch (error) {
    pipeline.metrics?.begin(request, info, routeName(pipeline, request, info), false).done({ status: toStatusError(error).code, headers: {} });
    throw error;
  }
  try {
    return await authorized(pipeline, request, info, attributes, event, held.auditId);
  } finally {
    held.ticket.release();
  }
}

async function authorized(pipeline: Pipeline, request: ApiRequest, info: RequestInfo, attributes: RequestAttributes, event: AuditEvent | undefined, auditId: string): Promise<ApiResponse> {
  const { core } = pipeline;
  const long = isLong(info);
  const asked = core.authorize(attributes);
  const answer = asked instanceof Promise ? await asked : asked;
  const { decision, reason } = answer;
  if (event) event.decision = answer;
  if (decision !== 'allow') throw forbiddenByAuthorization(attributes, reason);
  const { metrics } = pipeline;
  const elsewhere = pipeline.delegation?.of(info.path);
  const delegated = elsewhere && ((): Promise<ApiResponse> => elsewhere(request, { user: attributes.user, info, auditId, draining: core.draining, ...(!long && { limitMs: giveUpFactor * pipeline.deadlines.lengthMs }) }));
  if (!metrics) return perform(pipeline, request, info, attributes, { long, delegated });
  const observed = metrics.begin(request, info, routeName(pipeline, request, info), long);
  try {
    const response = await perform(pipeline, request, info, attributes, { long, delegated, observer: info.verb === 'watch' ? watchObserver(metrics, info, observed) : undefined });
    // A watch goes on; of the other long requests the end is not seen here.
    if (delegated || info.verb !== 'watch' || response.status !== 200) observed.ended(response.status);
    observed.done(response);
    return response;
  } catch (error) {
    const { code } = toStatusError(error);
    observed.ended(code);
    observed.done({ status: code, headers: {} });
    throw error;
  }
}

/** Who answers, as it is counted. */
function routeName({ core, routes }: Pipeline, request: ApiRequest, info: RequestInfo): string | undefined {
  return info.isResource && core.registry.find(info.group, info.version, info.resource) ? 'resource' : routeFor(routes, info.path, request.method)?.path;
}

function watchObserver(metrics: RequestMetrics, info: RequestInfo, observed: Observed): WatchObserver {
  const events = metrics.watchEvents(info.group, info.version, info.resource);
  return {
    sent: (count) => {
      events.value += count;
    },
    ended: () => observed.ended(200),
  };
}

/** A request to another server is given up a little after its client was answered that it takes too long. */
const giveUpFactor = 1.25;

interface Performing {
  /** No answer is due within the time of a request. */
  long: boolean;
  /** Another server answers. */
  delegated: (() => Promise<ApiResponse>) | undefined;
  observer?: WatchObserver | undefined;
}

/** Answers an authorized request. */
async function perform(pipeline: Pipeline, request: ApiRequest, info: RequestInfo, attributes: RequestAttributes, { long, delegated, observer }: Performing): Promise<ApiResponse> {
  const release = long ? undefined : pipeline.inFlight.enter(request.method);
  const answering = delegated ? delegated() : info.isResource ? resourceAnswer(pipeline, request, info, attributes.user, observer) : routeAnswer(pipeline, request, info, attributes.user);
  if (long) return answering;
  try {
    return await inTime(pipeline, answering);
  } finally {
    release?.();
  }
}

/** @throws StatusError 504 where the answer takes longer than a request may; its work goes on and its outcome is unknown */
function inTime({ deadlines }: Pipeline, answering: Promise<ApiResponse>): Promise<ApiResponse> {
  return new Promise((resolve, reject) => {
    const timer = deadlines.start(() => reject(timeoutError('request did not complete within the allotted timeout', 0)));
    answering.then(
      (response) => {
        timer.cancel();
        resolve(response);
      },
      (error: unknown) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}

const longRunning = new Set(['exec', 'attach', 'portforward', 'proxy', 'log']);

async function resourceAnswer(pipeline: Pipeline, request: ApiRequest, info: RequestInfo, user: User, observer: WatchObserver | undefined): Promise<ApiResponse> {
  const { core } = pipeline;
  const resource = core.registry.find(info.group, info.version, info.resource);
  if (!resource) {
    const route = routeFor(pipeline.routes, info.path, request.method);
    if (route) return callRoute(pipeline, route, request, info, user);
    throw noSuchRoute();
  }
  if (request.method === 'HEAD' || request.method === 'OPTIONS') throw methodNotAllowed();
  const call: Call = { core, request, info, user, resource, accept: negotiate(request.headers, info.query, (info.verb === 'list' || info.verb === 'watch') && !info.parts[1], hasProtobufForm(resource)), warnings: [], ...(observer && { observer }) };
  const { deprecation } = resource;
  if (deprecation) call.warnings.push(deprecation);
  let response: ApiResponse;
  try {
    response = await handlerOf(call)(call);
  } catch (error) {
    if (!call.warnings.length) throw error;
    response = failureAnswer(pipeline, request, error);
  }
  if (!call.warnings.length) return response;
  return { ...response, headers: { ...response.headers, warning: warningHeaders(call.warnings) } };
}

async function routeAnswer(pipeline: Pipeline, request: ApiRequest, info: RequestInfo, user: User): Promise<ApiResponse> {
  const route = routeFor(pipeline.routes, info.path, request.method);
  if (!route) {
    if (info.path.startsWith('/api/') || info.path.startsWith('/apis/')) throw noSuchRoute();
    return textAnswer('404 page not found\n', 404);
  }
  return callRoute(pipeline, route, request, info, user);
}

const callRoute = ({ parts }: Pipeline, route: NonResourceRoute, request: ApiRequest, info: RequestInfo, user: User): Promise<ApiResponse> | ApiResponse => {
  const context: RouteContext = { ...parts, user, path: info.path, query: info.query };
  return route.handle(request, context);
};
