import { type FieldError, forbidden, invalidError, notSupported, required, validateFieldManager } from '@pilothouse/apimachinery';
import { isTrue } from './info.ts';

/** Options of a create, update or patch, from the query. */
export interface WriteOptions {
  dryRun: boolean;
  /** '' when not given. */
  fieldManager: string;
  fieldValidation: 'Ignore' | 'Warn' | 'Strict';
  force: boolean | undefined;
}

const noOptions: WriteOptions = { dryRun: false, fieldManager: '', fieldValidation: 'Warn', force: undefined };

/** @throws StatusError 422 */
export function writeOptions(query: URLSearchParams, kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions', apply = false): WriteOptions {
  if (!query.size && !apply) return noOptions;
  const dryRun = query.getAll('dryRun');
  const fieldManager = query.get('fieldManager') ?? '';
  const fieldValidation = query.get('fieldValidation') ?? '';
  const force = query.has('force') ? isTrue(query.get('force')) : undefined;
  const errors: FieldError[] = [];
  if (kind === 'PatchOptions') {
    if (!apply && force !== undefined) errors.push(forbidden('force', 'may not be specified for non-apply patch'));
    if (apply && !fieldManager) errors.push(required('fieldManager', 'is required for apply patch'));
  }
  errors.push(...validateFieldManager(fieldManager, 'fieldManager'), ...validateDryRun(dryRun));
  if (!['', 'Ignore', 'Strict', 'Warn'].includes(fieldValidation)) errors.push(notSupported('fieldValidation', fieldValidation, ['', 'Ignore', 'Strict', 'Warn']));
  if (errors.length) throw invalidError({ group: 'meta.k8s.io', kind }, '', errors);
  return { dryRun: dryRun.length > 0, fieldManager, fieldValidation: (fieldValidation || 'Warn') as WriteOptions['fieldValidation'], force };
}

export const validateDryRun = (dryRun: readonly string[]): FieldError[] => (dryRun.every((value) => value === 'All') ? [] : [notSupported('dryRun', dryRun, ['All'])]);

/** The manager of a write's fields: as asked, else the client's name. */
export function managerName(asked: string, userAgent: string | string[] | undefined): string {
  if (asked) return asked;
  const agent = Array.isArray(userAgent) ? userAgent[0] : (userAgent ?? '');
  const slash = agent.indexOf('/');
  const name = slash < 0 ? agent : agent.slice(0, slash);
  return (Buffer.byteLength(name) > 128 ? Buffer.from(name).subarray(0, 128).toString() : name) || 'unknown';
}
