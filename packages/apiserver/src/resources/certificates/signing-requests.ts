import { certificateSigningRequests as type, duplicate, forbidden, invalid, notSupported, required, type FieldError } from '@pilothouse/apimachinery';
import type { CertificateSigningRequest as Published, CertificateSigningRequestCondition as Condition } from '@pilothouse/api-schemas/types/certificates/v1';
import type { Strategy, WriteContext } from '../../contract.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { timestamp } from '../time.ts';
import { same } from '../validation/equality.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../validation/object-meta.ts';
import { validateSignerName } from '../validation/signer-name.ts';
import { problemOfCertificates, problemOfRequest } from './request-pem.ts';

type Request = Filled<Published>;

const usages = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];
const legacySigner = 'kubernetes.io/legacy-unknown';
/** Decisions: once there, they stay, and they can only be true. */
const decisions = ['Approved', 'Denied', 'Failed'];
const approvals = ['Approved', 'Denied'];

const bytesOf = (base64: string | null | undefined): Buffer => Buffer.from(base64 ?? '', 'base64');
const conditionsOf = (object: Request | undefined): readonly Condition[] => object?.status.conditions ?? [];
const ofType = (object: Request, wanted: string): Condition[] => conditionsOf(object).filter((condition) => condition.type === wanted);
const repeats = (values: readonly string[]): boolean => new Set(values).size < values.length;

function validateConditions(errors: FieldError[], object: Request, old: Request | undefined): void {
  const path = 'status.conditions';
  const before = conditionsOf(old).map((condition) => condition.type);
  const decidedTwice = approvals.every((decision) => before.includes(decision));
  const seen: string[] = [];
  conditionsOf(object).forEach(({ type, status }, i) => {
    if (!type && !before.includes('')) errors.push(required(`${path}[${i}].type`));
    const allowed = decisions.includes(type) ? ['True'] : ['False', 'True', 'Unknown'];
    if (!status) errors.push(required(`${path}[${i}].status`));
    else if (!allowed.includes(status)) errors.push(notSupported(`${path}[${i}].status`, status, allowed));
    const opposite = approvals.includes(type) && approvals.some((other) => other !== type && seen.includes(other));
    if (opposite && !decidedTwice) errors.push(invalid(path, type, 'Approved and Denied conditions are mutually exclusive'));
    if (seen.includes(type) && !repeats(before)) errors.push(duplicate(`${path}[${i}].type`, type));
    seen.push(type);
  });
}

/** What was wrong in the stored object already is not held against an update. */
function validate(object: Request, old?: Request): FieldError[] {
  const errors: FieldError[] = [];
  const { metadata, spec, status } = object;
  validateObjectMeta(errors, metadata, { name: () => [], namespaced: false });
  const problem = old && spec.request === old.spec.request ? undefined : problemOfRequest(bytesOf(spec.request));
  if (problem) errors.push(invalid('spec.request', spec.request, problem));
  if (!spec.usages?.length) errors.push(required('spec.usages'));
  const usagesBefore: readonly string[] = old?.spec.usages ?? [];
  if (usagesBefore.every((usage) => usages.includes(usage)))
    spec.usages?.forEach((usage, i) => {
      if (!usages.includes(usage)) errors.push(notSupported(`spec.usages[${i}]`, usage, usages));
    });
  if (!repeats(usagesBefore))
    spec.usages?.forEach((usage, i) => {
      if (spec.usages!.indexOf(usage) < i) errors.push(duplicate(`spec.usages[${i}]`, usage));
    });
  if (spec.signerName === legacySigner && old?.spec.signerName !== legacySigner) errors.push(invalid('spec.signerName', spec.signerName, 'the legacy signerName is not allowed via this API version'));
  else validateSignerName(errors, spec.signerName, 'spec.signerName');
  if (spec.expirationSeconds !== undefined && spec.expirationSeconds < 600) errors.push(invalid('spec.expirationSeconds', spec.expirationSeconds, 'may not specify a duration less than 600 seconds (10 minutes)'));
  validateConditions(errors, object, old);
  if (!old || (status.certificate !== old.status.certificate && !problemOfCertificates(bytesOf(old.status.certificate)))) {
    const wrong = problemOfCertificates(bytesOf(status.certificate));
    if (wrong) errors.push(invalid('status.certificate', '<certificate data>', wrong));
  }
  return errors;
}

function validateUpdate(object: Request, old: Request, { subresource }: Pick<WriteContext, 'subresource'>): FieldError[] {
  const errors = validate(object, old);
  for (const type of decisions) if (ofType(object, type).length < ofType(old, type).length) errors.push(forbidden('status.conditions', `updates may not remove a condition of type "${type}"`));
  if (subresource !== 'approval')
    for (const type of approvals) {
      const now = ofType(object, type);
      const before = ofType(old, type);
      if (now.length > before.length) errors.push(forbidden('status.conditions', `updates may not add a condition of type "${type}"`));
      else if (now.length === before.length && !same(now, before)) errors.push(forbidden('status.conditions', `updates may not modify a condition of type "${type}"`));
    }
  if ((object.status.certificate ?? '') !== (old.status.certificate ?? '')) {
    if (subresource !== 'status') errors.push(forbidden('status.certificate', 'updates may not set certificate content'));
    else if (old.status.certificate) errors.push(forbidden('status.certificate', 'updates may not modify existing certificate content'));
  }
  validateObjectMetaUpdate(errors, object.metadata, old.metadata);
  return errors;
}

/** A signer cannot touch what was decided: it gets the stored conditions back. */
function keepApprovals(object: Request, old: Request): void {
  for (const type of approvals) {
    const before = ofType(old, type);
    if (before.length !== ofType(object, type).length) continue;
    let next = 0;
    object.status.conditions = object.status.conditions?.map((condition) => (condition.type === type ? structuredClone(before[next++]) : condition));
    if (!object.status.conditions) delete object.status.conditions;
  }
}

function fillTimes(object: Request, old: Request, now: string): void {
  for (const condition of conditionsOf(object)) {
    condition.lastUpdateTime ??= now;
    condition.lastTransitionTime ??= conditionsOf(old).find((other) => other.type === condition.type && other.status === condition.status && other.lastTransitionTime)?.lastTransitionTime ?? now;
  }
}

const strategy: Strategy<Request> = {
  prepareForCreate({ spec }, { user }) {
    for (const key of ['username', 'uid', 'groups', 'extra'] as const) delete spec[key];
    const extra = Object.entries(user.extra ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    if (user.name) spec.username = user.name;
    if (user.uid) spec.uid = user.uid;
    if (user.groups.length) spec.groups = [...user.groups];
    if (extra.length) spec.extra = Object.fromEntries(extra.map(([key, values]) => [key, [...values]]));
  },
  prepareForUpdate(object, old, context) {
    object.spec = old.spec;
    if (context.subresource === 'status') keepApprovals(object, old);
    if (context.subresource) fillTimes(object, old, timestamp(context));
  },
  validate: (object) => validate(object),
  validateUpdate,
  validateStatusUpdate: validateUpdate,
};

export const certificateSigningRequests = defineResource<any>(type, { strategy, selectableFields: { 'spec.signerName': (object: Request) => object.spec.signerName ?? '' } });
