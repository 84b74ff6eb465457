import { type FieldError, invalid, nameIsDnsLabel, namespaces as type, qualifiedName } from '@pilothouse/apimachinery';
import type { Namespace as Published } from '@pilothouse/api-schemas/types/core/v1';
import type { Strategy } from '../../contract.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { checkName } from '../validation/check-name.ts';
import { validateKubeFinalizer, validateObjectMeta, validateObjectMetaUpdate } from '../validation/object-meta.ts';

type Namespace = Filled<Published>;
const nameLabel = 'kubernetes.io/metadata.name';

function validateFinalizer(errors: FieldError[], name: string, path: string): void {
  checkName(errors, path, name, qualifiedName);
  validateKubeFinalizer(errors, name, path);
}

const strategy: Strategy<Namespace> = {
  defaults(object) {
    const { name, labels } = object.metadata;
    if (name && labels?.[nameLabel] !== name) object.metadata.labels = Object.fromEntries(Object.entries({ ...labels, [nameLabel]: name }).sort(([a], [b]) => (a < b ? -1 : 1)));
    object.status.phase ||= 'Active';
  },
  prepareForCreate(object) {
    object.status = { phase: 'Active' };
    const finalizers = object.spec.finalizers ?? [];
    if (!finalizers.includes('kubernetes')) object.spec.finalizers = [...finalizers, 'kubernetes'];
    strategy.defaults!(object);
  },
  prepareForUpdate(object, old, context) {
    if (context.subresource === 'finalize') object.status = old.status;
    if (context.subresource !== '') return;
    // The finalizers of the spec change through `finalize` alone.
    object.spec = { ...old.spec };
  },
  validate(object) {
    const errors: FieldError[] = [];
    validateObjectMeta(errors, object.metadata, { name: nameIsDnsLabel, namespaced: false });
    for (const name of object.spec.finalizers ?? []) validateFinalizer(errors, name, 'spec.finalizers');
    return errors;
  },
  validateUpdate(object, old, context) {
    const errors: FieldError[] = [];
    validateObjectMetaUpdate(errors, object.metadata, old.metadata);
    if (context.subresource === 'finalize') object.spec.finalizers?.forEach((name, i) => validateFinalizer(errors, name, `spec.finalizers[${i}]`));
    return errors;
  },
  validateStatusUpdate(object, old) {
    const errors: FieldError[] = [];
    validateObjectMetaUpdate(errors, object.metadata, old.metadata);
    const deleting = object.metadata.deletionTimestamp !== undefined;
    const expected = deleting ? 'Terminating' : 'Active';
    if (object.status.phase !== expected) errors.push(invalid('status.Phase', object.status.phase ?? '', `may only be '${expected}' if \`deletionTimestamp\` is ${deleting ? 'not ' : ''}empty`));
    return errors;
  },
};

export const namespaces = defineResource<any>(type, { strategy, selectableFields: { 'status.phase': (object: Namespace) => object.status.phase ?? '' } });
