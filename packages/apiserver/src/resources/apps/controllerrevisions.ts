import { controllerRevisions as type, type FieldError, nameIsDnsSubdomain, required } from '@pilothouse/apimachinery';
import type { ControllerRevision } from '@pilothouse/api-schemas/types/apps/v1';
import { defineResource } from '../define.ts';
import { nonnegative } from '../validation/numbers.ts';
import { immutable, validateObjectMeta, withMeta } from '../validation/object-meta.ts';

const rules = { name: nameIsDnsSubdomain, namespaced: true };

function validateRevision(errors: FieldError[], object: ControllerRevision, old: ControllerRevision | undefined): void {
  if (old) validateObjectMeta(errors, object.metadata, rules);
  if (object.revision < 0) nonnegative(errors, object, '', 'revision');
  const data = object.data as unknown;
  if (old) immutable(errors, data, old.data, 'data');
  else if (data === undefined || data === null) errors.push(required('data', 'data is mandatory'));
  else if (typeof data !== 'object' || Array.isArray(data)) errors.push(required('data', 'data must be a valid JSON object'));
  for (const error of errors) if (error.field === '.revision') error.field = 'revision';
}

export const controllerRevisions = defineResource<any>(type, { strategy: withMeta<ControllerRevision>(rules, validateRevision) });
