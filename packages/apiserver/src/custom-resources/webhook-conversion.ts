/** Conversion of custom resources by their webhook. Facts: apiextensions apiserver/conversion. */
import type { WebhookConversion } from '@pilothouse/api-schemas/types/apiextensions/v1';
import { apiVersionOf, type KubeObject, parseApiVersion } from '@pilothouse/apimachinery';
import { messageOf, type Runtime } from '@pilothouse/base';
import { plainError } from '../request/errors.ts';
import type { CallWebhook } from '../webhooks/call.ts';

/** The objects in the version asked for, in their order. @throws StatusError 500 */
export type ConvertObjects = (objects: readonly KubeObject[], apiVersion: string) => Promise<KubeObject[]>;

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

const reviewGroup = 'apiextensions.k8s.io';
const knownVersions = ['v1', 'v1beta1'];
const timeoutMs = 30_000;

export function webhookConversion({ group, kind }: { group: string; kind: string }, webhook: WebhookConversion, { callWebhook, random }: { callWebhook: CallWebhook; random: Runtime['random'] }): ConvertObjects {
  const version = webhook.conversionReviewVersions.find((one) => knownVersions.includes(one)) ?? 'v1';
  const apiVersion = apiVersionOf(reviewGroup, version);
  return async (objects, desiredAPIVersion) => {
    const gvk = `${group}/${parseApiVersion(objects[0].apiVersion ?? '').version}, Kind=${kind}`;
    const fail = (what: string): never => {
      throw plainError(`conversion webhook for ${gvk} ${what}`);
    };
    const uid = random.uuid();
    let answer: unknown;
    try {
      answer = await callWebhook(webhook.clientConfig ?? {}, { apiVersion, kind: 'ConversionReview', request: { uid, desiredAPIVersion, objects } }, { timeoutMs });
      const converted = convertedObjects(answer, { apiVersion, uid, strict: version === 'v1' });
      if (converted.length === objects.length) return objects.map((object, i) => checked(object, converted[i], desiredAPIVersion, (why) => fail(`returned invalid object at index ${i}: ${why}`)));
      return fail(`returned ${converted.length} objects, expected ${objects.length}`);
    } catch (error) {
      if (error instanceof ReviewError || !isStatusError(error)) return fail(`failed: ${messageOf(error)}`);
      throw error;
    }
  };
}

const isStatusError = (error: unknown): boolean => (error as Error)?.name === 'StatusError';

/** What the webhook answered is no good. */
class ReviewError extends Error {}

function convertedObjects(answer: unknown, { apiVersion, uid, strict }: { apiVersion: string; uid: string; strict: boolean }): unknown[] {
  const review = isObject(answer) ? answer : {};
  if (strict && (review.apiVersion !== apiVersion || review.kind !== 'ConversionReview')) throw new ReviewError(`expected webhook response of ${apiVersion}, Kind=ConversionReview, got ${String(review.apiVersion ?? '')}, Kind=${String(review.kind ?? '')}`);
  if (!isObject(review.response)) throw new ReviewError('no response provided');
  const { uid: given = '', result, convertedObjects: objects } = review.response;
  if (strict && given !== uid) throw new ReviewError(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(given)}`);
  const { status = '', message } = isObject(result) ? result : {};
  if (status !== 'Success') throw new ReviewError(message ? String(message) : `response.result.status was '${String(status)}', not 'Success'`);
  return Array.isArray(objects) ? objects : [];
}

/** The converted object with the original's metadata, but for labels and annotations. */
function checked(original: KubeObject, converted: unknown, apiVersion: string, refuse: (why: string) => never): KubeObject {
  if (!isObject(converted)) return refuse('expected an object');
  if (converted.apiVersion !== apiVersion) refuse(`invalid groupVersion (expected ${apiVersion}, received ${String(converted.apiVersion)})`);
  if (converted.kind !== original.kind) refuse(`invalid kind (expected ${original.kind}, received ${String(converted.kind)})`);
  const { metadata } = converted;
  if (!isObject(metadata)) return refuse('missing metadata in converted object');
  for (const [field, name] of [['name', 'name'], ['namespace', 'namespace'], ['uid', 'UID']] as const) {
    const [before, after] = [original.metadata[field] ?? '', metadata[field] ?? ''];
    if (before !== after) refuse(`must have the same ${name}: ${before} != ${String(after)}`);
  }
  const restored: Json = { ...original.metadata };
  for (const field of ['labels', 'annotations'] as const) {
    const given = metadata[field];
    if (given === undefined || given === null) delete restored[field];
    else if (isObject(given) && Object.values(given).every((value) => typeof value === 'string')) restored[field] = given;
    else refuse(`invalid metadata.${field} in converted object`);
  }
  return { ...converted, metadata: restored } as unknown as KubeObject;
}
