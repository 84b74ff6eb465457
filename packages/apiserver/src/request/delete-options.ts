import { badRequestError, type FieldError, goQuote, invalid, invalidError, notSupported, parseApiVersion, StatusError } from '@pilothouse/apimachinery';
import type { DeleteOptions } from '@pilothouse/api-schemas/types/meta/v1';
import { messageOf } from '@pilothouse/base';
import { builtinCodec } from '../objects/codec.ts';
import { type BodySource, decodeValue } from '../objects/decode.ts';
import { parseBody } from './body.ts';
import { isTrue } from './info.ts';
import { parseInt64 } from '../handlers/list-options.ts';
import { validateDryRun } from './write-options.ts';

const policies = ['Foreground', 'Background', 'Orphan'];

/** Options of a delete: from the body, or, without one, from the query. @throws StatusError 400, 422 */
export function deleteOptions(source: BodySource, query: URLSearchParams): DeleteOptions {
  const options = hasBody(source) ? fromBody(source) : fromQuery(query);
  const errors = validate(options);
  if (errors.length) throw invalidError({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors);
  return options;
}

const hasBody = (source: BodySource): boolean => source.bodyObject !== undefined || !!source.body?.length;

function fromBody(source: BodySource): DeleteOptions {
  try {
    return readOptions(source);
  } catch (error) {
    // Only the reason is told, not what was to be read.
    if (error instanceof StatusError && error.code === 400 && error.cause) throw badRequestError(messageOf(error.cause));
    throw error;
  }
}

function readOptions(source: BodySource): DeleteOptions {
  const parsed = source.bodyObject !== undefined ? { value: source.bodyObject, duplicateFields: [] } : parseBody(source.headers, source.body, 'DeleteOptions', 'v1');
  const { apiVersion = '', kind } = (parsed.value ?? {}) as { apiVersion?: unknown; kind?: unknown };
  if (typeof kind === 'string' && kind !== '' && kind !== 'DeleteOptions') throw badRequestError(`no kind ${goQuote(kind)} is registered for version ${goQuote(String(apiVersion || 'v1'))} in scheme "pkg/runtime/scheme.go:111"`);
  // DeleteOptions are known in every group version; the older clients send their own.
  const { group, version } = typeof apiVersion === 'string' && apiVersion ? parseApiVersion(apiVersion) : { group: '', version: 'v1' };
  const codec = builtinCodec('io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions');
  const { metadata: _, ...options } = decodeValue<any>(parsed, { group, version, kind: 'DeleteOptions', codec }, 'Ignore', [], source.body);
  return options as DeleteOptions;
}

function fromQuery(query: URLSearchParams): DeleteOptions {
  if (!query.size) return {};
  const grace = parseInt64(query.get('gracePeriodSeconds'));
  const policy = query.get('propagationPolicy');
  const orphan = query.get('orphanDependents');
  const dryRun = query.getAll('dryRun');
  const uid = query.get('preconditions.uid');
  if (policy !== null && policy === '') throw badRequestError('invalid propagationPolicy');
  return {
    ...(grace !== undefined && { gracePeriodSeconds: grace }),
    ...(policy !== null && { propagationPolicy: policy }),
    ...(orphan !== null && { orphanDependents: isTrue(orphan) }),
    ...(dryRun.length && { dryRun }),
    ...(uid && { preconditions: { uid } }),
  };
}

function validate(options: DeleteOptions): FieldError[] {
  const errors: FieldError[] = [];
  if (options.orphanDependents !== undefined && options.propagationPolicy !== undefined) errors.push(invalid('propagationPolicy', options.propagationPolicy, 'orphanDependents and deletionPropagation cannot be both set'));
  if (options.propagationPolicy !== undefined && !policies.includes(options.propagationPolicy)) errors.push(notSupported('propagationPolicy', options.propagationPolicy, [...policies, 'nil']));
  errors.push(...validateDryRun(options.dryRun ?? []));
  return errors;
}

