/** One line of the audit log, in the form of audit.k8s.io/v1. */
import { type ApiRequest, type ApiResponse, decodeProtobuf, type Status, type StatusError } from '@pilothouse/apimachinery';
import { formatMicroTime } from '@pilothouse/base';
import { isIP } from 'node:net';
import type { AuditEvent } from '../options.ts';
import { userInfo } from '../virtual/self-subject-review.ts';
import { type AuditDecision, type AuditLevel, auditLevels, type AuditStage } from './policy.ts';
import { annotationsOf } from './annotations.ts';

/** A value in JSON or protobuf, as a value; undefined where it is neither. */
function decoded(value: unknown, bytes: unknown): any {
  if (value !== undefined) return value;
  const whole = Array.isArray(bytes) ? Buffer.concat(bytes) : bytes instanceof Uint8Array ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) : undefined;
  if (!whole?.length) return undefined;
  try {
    if (whole[0] === 0x7b || whole[0] === 0x5b) return JSON.parse(whole.toString());
    return whole.subarray(0, 4).equals(protobufMark) ? decodeProtobuf(whole) : undefined;
  } catch {
    return undefined;
  }
}

const protobufMark = Buffer.from('k8s\0');

function withoutManagedFields(object: any): unknown {
  if (!object || typeof object !== 'object') return object;
  const strip = (o: any) => {
    if (!o?.metadata?.managedFields) return o;
    const { managedFields: _m, ...metadata } = o.metadata;
    return { ...o, metadata };
  };
  return Array.isArray(object.items) ? { ...strip(object), items: object.items.map(strip) } : strip(object);
}

/** The body of a write as it came; a copy, for the server makes the original its own. */
export function requestObject(request: ApiRequest): unknown {
  return request.bodyObject === undefined ? decoded(undefined, request.body) : structuredClone(request.bodyObject);
}

const first = (value: string | string[] | undefined) => (Array.isArray(value) ? value[0] : value);

export interface EventParts {
  decision: AuditDecision;
  stage: AuditStage;
  nowMs: number;
  /** What was sent, where a write sent something. */
  body?: any;
  response?: ApiResponse;
  failure?: StatusError;
}

function sourceAddresses(request: ApiRequest): string[] {
  const found = first(request.headers['x-forwarded-for'])?.split(',').map((a) => a.trim()).filter((a) => isIP(a)) ?? [];
  const real = first(request.headers['x-real-ip']);
  if (real && isIP(real) && !found.includes(real)) found.push(real);
  const peer = request.peer?.address;
  return peer && found.at(-1) !== peer ? [...found, peer] : found;
}

const longestAgent = 1024;
const shownAgent = (agent: string | undefined): string | undefined => (agent && agent.length > longestAgent ? `${agent.slice(0, longestAgent)}...TRUNCATED` : agent);

/** What the request is about; what the path does not say, the object that was sent does. */
function objectReference({ attributes: a }: AuditEvent, body: any): object | undefined {
  if (!a.isResource) return undefined;
  const { name, namespace, uid, resourceVersion } = (a.verb === 'create' || a.verb === 'update' ? body?.metadata : undefined) ?? {};
  const parts = { resource: a.resource, namespace: a.namespace || namespace, name: a.name || name, uid, apiGroup: a.group, apiVersion: a.version, resourceVersion, subresource: a.subresource };
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value));
}

/** The outcome: all of a Status, else its code alone. */
function responseStatus(response: ApiResponse, failure: StatusError | undefined): object {
  const status = failure?.status ?? statusIn(response);
  return { metadata: {}, ...(status && { ...(status.status && { status: status.status }), ...(status.message && { message: status.message }), ...(status.reason && { reason: status.reason }), ...(status.details && { details: status.details }) }), code: response.status };
}

function statusIn({ object, body }: ApiResponse): Status | undefined {
  const bytes = body instanceof Uint8Array ? body : Array.isArray(body) && body.length === 1 ? body[0] : undefined;
  if (object === undefined && !(bytes && Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 16)).toString().startsWith('{"kind":"Status"'))) return undefined;
  const value = decoded(object, bytes);
  return value?.kind === 'Status' && value.apiVersion === 'v1' ? value : undefined;
}

const atLeast = (decision: AuditDecision, level: AuditLevel): boolean => auditLevels.indexOf(decision.level) >= auditLevels.indexOf(level);

export function auditLine(event: AuditEvent, { decision, stage, nowMs, body, response, failure }: EventParts): string {
  const { id, request, attributes: a, impersonated, decision: authorization } = event;
  const answered = stage !== 'RequestReceived' && response;
  const answer = answered && atLeast(decision, 'RequestResponse') ? decoded(response.object, response.body) : undefined;
  const shown = (object: unknown) => (decision.omitManagedFields ? withoutManagedFields(object) : object);
  const reference = objectReference(event, stage === 'RequestReceived' ? undefined : body);
  return JSON.stringify({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: decision.level,
    auditID: id,
    stage,
    requestURI: request.url,
    verb: a.verb,
    user: userInfo(a.user),
    ...(impersonated && stage !== 'RequestReceived' && { impersonatedUser: userInfo(impersonated.user), ...(impersonated.constraint && { authenticationMetadata: { impersonationConstraint: impersonated.constraint } }) }),
    sourceIPs: sourceAddresses(request),
    userAgent: shownAgent(first(request.headers['user-agent'])),
    ...(reference && { objectRef: reference }),
    ...(answered && { responseStatus: responseStatus(response, failure) }),
    ...(body !== undefined && stage !== 'RequestReceived' && atLeast(decision, 'Request') && { requestObject: shown(body) }),
    ...(answer !== undefined && { responseObject: shown(answer) }),
    requestReceivedTimestamp: formatMicroTime(event.startMs),
    stageTimestamp: formatMicroTime(nowMs),
    ...(authorization && stage !== 'RequestReceived' && { annotations: { 'authorization.k8s.io/decision': authorization.decision === 'allow' ? 'allow' : 'forbid', 'authorization.k8s.io/reason': authorization.reason ?? '', ...annotationsOf(request) } }),
  });
}
