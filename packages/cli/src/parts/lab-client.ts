/** The scheduler's lab as its commands ask it. */
import { isNotFound, type ApiResponse, type Status, StatusError } from '@pilothouse/apimachinery';
import { UserError } from '@pilothouse/base';
import type { Client } from '@pilothouse/client';
import { labApiVersion, labGroup, labVersion, type SchedulingReview, type SchedulingReviewSpec, type SchedulingTrace } from '@pilothouse/scheduler-lab';

const root = `/apis/${labGroup}/${labVersion}`;

async function bytesOf({ body }: ApiResponse): Promise<Buffer> {
  if (!body) return Buffer.alloc(0);
  if (body instanceof Uint8Array) return Buffer.from(body);
  const pieces: Uint8Array[] = [];
  for await (const piece of body as AsyncIterable<Uint8Array>) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** @throws StatusError as the server says it; UserError where nobody serves the group */
async function ask<T>(client: Client, method: string, url: string, body?: object): Promise<T> {
  const response = await client.raw({ method, url, headers: { accept: 'application/json', ...(body && { 'content-type': 'application/json' }) }, ...(body && { body: Buffer.from(JSON.stringify(body)) }) });
  const text = (await bytesOf(response)).toString();
  if (response.status < 300) return JSON.parse(text) as T;
  let status: Status | undefined;
  try {
    status = JSON.parse(text) as Status;
  } catch {
    // A plain text: the API server's own word that nobody is behind the group.
  }
  if (status?.kind === 'Status' && !(response.status === 404 && !status.details?.name)) throw new StatusError(status);
  throw new UserError(`the cluster's scheduler does not explain itself: nobody serves ${labApiVersion} (${text.trim() || response.status}). Is it Pilothouse's, run with --explain?`);
}

/** The pod's latest attempt in full; undefined where none is kept. */
export async function latestTrace(client: Client, namespace: string, pod: string): Promise<SchedulingTrace | undefined> {
  try {
    return await ask(client, 'GET', `${root}/namespaces/${encodeURIComponent(namespace)}/schedulingtraces/${encodeURIComponent(pod)}?allPlugins=true&maxNodes=1000`);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

export const askReview = (client: Client, namespace: string, spec: SchedulingReviewSpec): Promise<SchedulingReview> =>
  ask(client, 'POST', `${root}/namespaces/${encodeURIComponent(namespace)}/schedulingreviews`, { apiVersion: labApiVersion, kind: 'SchedulingReview', metadata: {}, spec });
