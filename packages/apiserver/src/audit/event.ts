/** One line of the audit log, in the form of audit.k8s.io/v1. */
import type { ApiRequest, ApiResponse, StatusError } from '@pilothouse/apimachinery';
import { formatMicroTime } from '@pilothouse/base';
import type { User } from '../contract.ts';
import type { AuditEvent } from '../options.ts';
import { userInfo } from '../virtual/self-subject-review.ts';
import type { AuditDecision, AuditStage } from './policy.ts';

function decoded(value: unknown, bytes: unknown): unknown {
  if (value !== undefined) return value;
  const whole = Array.isArray(bytes) ? Buffer.concat(bytes) : bytes instanceof Uint8Array ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) : undefined;
  if (!whole?.length || whole[0] !== 0x7b) return undefined;
  try {
    return JSON.parse(whole.toString());
  } catch {
    return undefined;
  }
}

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
  id: string;
  decision: AuditDecision;
  stage: AuditStage;
  nowMs: number;
  body?: unknown;
  response?: ApiResponse;
  failure?: StatusError;
}

function sourceAddresses(request: ApiRequest): string[] {
  const through = first(request.headers['x-forwarded-for'])?.split(',').map((a) => a.trim()).filter(Boolean) ?? [];
  return [...new Set([...through, ...(request.peer?.address ? [request.peer.address] : [])])];
}

export function auditLine(event: AuditEvent, { id, decision, stage, nowMs, body, response, failure }: EventParts): string {
  const { request, attributes: a, impersonator, decision: authorization } = event;
  const who: User = impersonator ?? a.user;
  const answer = decision.level === 'RequestResponse' && response ? decoded(response.object, response.body) : undefined;
  const shown = (object: unknown) => (decision.omitManagedFields ? withoutManagedFields(object) : object);
  return JSON.stringify({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: decision.level,
    auditID: id,
    stage,
    requestURI: request.url,
    verb: a.verb,
    user: userInfo(who),
    ...(impersonator && { impersonatedUser: userInfo(a.user) }),
    sourceIPs: sourceAddresses(request),
    userAgent: first(request.headers['user-agent']),
    ...(a.isResource && { objectRef: { resource: a.resource, ...(a.namespace && { namespace: a.namespace }), ...(a.name && { name: a.name }), ...(a.group && { apiGroup: a.group }), apiVersion: a.version, ...(a.subresource && { subresource: a.subresource }) } }),
    ...(stage !== 'RequestReceived' && response && { responseStatus: { metadata: {}, ...(failure && { status: 'Failure', message: failure.status.message, reason: failure.status.reason, details: failure.status.details }), code: response.status } }),
    ...(body !== undefined && { requestObject: shown(body) }),
    ...(answer !== undefined && { responseObject: shown(answer) }),
    requestReceivedTimestamp: formatMicroTime(event.startMs),
    stageTimestamp: formatMicroTime(nowMs),
    ...(stage !== 'RequestReceived' && authorization && { annotations: { 'authorization.k8s.io/decision': authorization.decision === 'allow' ? 'allow' : 'forbid', 'authorization.k8s.io/reason': authorization.reason ?? '' } }),
  });
}
