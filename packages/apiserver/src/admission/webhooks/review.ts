/** AdmissionReview: what a webhook is asked, and what its answer must be. Facts: apiserver/pkg/admission/plugin/webhook/request. */
import { readJsonPatch, type JsonPatchOperation, type KubeObject, parseStored, type Status, StatusError } from '@pilothouse/apimachinery';
import type { AdmissionAttributes } from '../../contract.ts';
import { admissionRequest } from '../../policies/evaluation.ts';
import type { RequestedResource } from '../../policies/matching.ts';

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

const knownVersions = ['v1', 'v1beta1'];

/** The first version of AdmissionReview that both sides know. */
export const reviewVersion = (accepted: readonly string[] | undefined): string | undefined => accepted?.find((version) => knownVersions.includes(version));

export interface Asked {
  uid: string;
  /** `v1` or `v1beta1`. */
  version: string;
  /** The object in the version that the webhook's rule is about. */
  object: KubeObject | undefined;
  old: KubeObject | undefined;
}

export function reviewOf(a: AdmissionAttributes, matched: RequestedResource, { uid, version, object, old }: Asked): Json {
  return {
    kind: 'AdmissionReview',
    apiVersion: `admission.k8s.io/${version}`,
    request: { uid, ...admissionRequest(a, matched), object: object ?? null, oldObject: old ?? null },
  };
}

export interface Answer {
  allowed: boolean;
  result: Partial<Status> | undefined;
  patch: JsonPatchOperation[] | undefined;
  warnings: string[];
}

/** What the webhook said. @throws Error with upstream's words for what cannot be an answer */
export function answerOf(answer: unknown, { uid, version }: Pick<Asked, 'uid' | 'version'>, { mutating }: { mutating: boolean }): Answer {
  const review = isObject(answer) ? answer : {};
  const apiVersion = `admission.k8s.io/${version}`;
  if (version === 'v1' && (review.apiVersion !== apiVersion || review.kind !== 'AdmissionReview')) throw new Error(`expected webhook response of ${apiVersion}, Kind=AdmissionReview, got ${shownKind(review)}`);
  const { response } = review;
  if (!isObject(response)) throw new Error('webhook response was absent');
  if (version === 'v1' && response.uid !== uid) throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`);
  return {
    allowed: response.allowed === true,
    result: isObject(response.status) ? (response.status as Partial<Status>) : undefined,
    patch: mutating ? patchOf(response, version) : undefined,
    warnings: Array.isArray(response.warnings) ? response.warnings.filter((text): text is string => typeof text === 'string') : [],
  };
}

const shownKind = ({ apiVersion, kind }: Json): string => `${typeof apiVersion === 'string' && apiVersion.includes('/') ? apiVersion : `/${String(apiVersion ?? '')}`}, Kind=${String(kind ?? '')}`;

function patchOf({ patch, patchType }: Json, version: string): JsonPatchOperation[] | undefined {
  if (typeof patch !== 'string' || !patch) {
    if (version === 'v1' && patchType !== undefined && patchType !== null) throw new Error('webhook returned response.patchType but not response.patch');
    return undefined;
  }
  if (version === 'v1' && (patchType === undefined || patchType === null)) throw new Error('webhook returned response.patch but not response.patchType');
  if (patchType !== undefined && patchType !== null && patchType !== 'JSONPatch') throw new Error(`webhook returned invalid response.patchType of ${JSON.stringify(patchType)}`);
  return readJsonPatch(parseStored(Buffer.from(patch, 'base64').toString()), { strict: false }).operations;
}

/** How a webhook's refusal is told to the client. */
export function refusal(webhook: string, result: Partial<Status> | undefined): StatusError {
  const refused = `admission webhook ${JSON.stringify(webhook)} denied the request`;
  const said = result?.message || result?.reason;
  const code = result?.code ?? 0;
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    ...(result?.reason && { reason: result.reason }),
    ...(result?.details && { details: result.details }),
    status: !result?.status || result.status === 'Success' ? 'Failure' : result.status,
    message: said ? `${refused}: ${said}` : `${refused} without explanation`,
    code: code < 400 ? 400 : code,
  } as Status);
}
