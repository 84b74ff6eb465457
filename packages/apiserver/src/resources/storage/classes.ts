/** Storage classes and volume attributes classes: both name a driver and give it parameters. */
import { duplicate, type FieldError, forbidden, immutableText, invalid, type KubeObject, nameIsDnsSubdomain, notSupported, qualifiedName, required, storageClasses as storageClassType, tooLong, volumeAttributesClasses as attributesClassType } from '@pilothouse/apimachinery';
import type { TopologySelectorTerm } from '@pilothouse/api-schemas/types/core/v1';
import type { StorageClass, VolumeAttributesClass } from '@pilothouse/api-schemas/types/storage/v1';
import type { Strategy } from '../../contract.ts';
import { defineResource } from '../define.ts';
import { same } from '../validation/equality.ts';
import { checkName } from '../validation/check-name.ts';
import { sortedMap } from '../validation/internal-form.ts';
import { immutable, validateObjectMetaUpdate, wholeAndChange } from '../validation/object-meta.ts';
import { nodeLabelDeprecation } from '../validation/pod-warnings.ts';
import { validateTopologySelectorTerm } from '../validation/selectors.ts';

const maxParameters = 512;
const maxParameterBytes = 256 * 1024;

function validateProvisioner(errors: FieldError[], name: string, path: string): void {
  if (!name) errors.push(required(path));
  else checkName(errors, path, name.toLowerCase(), qualifiedName);
}

function validateParameters(errors: FieldError[], parameters: Record<string, string> | undefined, mayBeEmpty: boolean): void {
  const entries = Object.entries(parameters ?? {});
  if (entries.length > maxParameters) {
    errors.push(tooLong('parameters', maxParameters));
    return;
  }
  if (entries.some(([key]) => key === '')) errors.push(invalid('parameters', '', 'field can not be empty.'));
  if (entries.reduce((bytes, [key, value]) => bytes + Buffer.byteLength(key) + Buffer.byteLength(value), 0) > maxParameterBytes) errors.push(tooLong('parameters', maxParameterBytes));
  if (!mayBeEmpty && entries.length === 0) errors.push(required('parameters', 'must contain at least one key/value pair'));
}

/** Terms are the same that name the same keys with the same sets of values. An empty one is a duplicate by itself, once per term there is. */
function termAsText({ matchLabelExpressions = [] }: TopologySelectorTerm): string {
  const sets = new Map(matchLabelExpressions.map(({ key, values }) => [key, [...new Set(values)].sort()]));
  return JSON.stringify(Object.fromEntries([...sets].sort(([a], [b]) => (a < b ? -1 : 1))));
}

function validateStorageClass(errors: FieldError[], object: StorageClass): void {
  validateProvisioner(errors, object.provisioner, 'provisioner');
  validateParameters(errors, object.parameters, true);
  const { reclaimPolicy: policy, volumeBindingMode: mode } = object;
  if (policy && policy !== 'Delete' && policy !== 'Retain') errors.push(notSupported('reclaimPolicy', policy, ['Delete', 'Retain']));
  if (mode === undefined) errors.push(required('volumeBindingMode'));
  else if (mode !== 'Immediate' && mode !== 'WaitForFirstConsumer') errors.push(notSupported('volumeBindingMode', mode, ['Immediate', 'WaitForFirstConsumer']));
  const terms = object.allowedTopologies ?? [];
  const seen = terms.map(() => '{}');
  terms.forEach((term, i) => {
    validateTopologySelectorTerm(errors, term, `allowedTopologies[${i}]`);
    const sets = termAsText(term);
    for (const other of seen) if (other === sets) errors.push(duplicate(`allowedTopologies[${i}].matchLabelExpressions`, ''));
    seen.push(sets);
  });
}

const sameParameters = (a: object | undefined, b: object | undefined): boolean => same(a ?? {}, b ?? {});

const classRules = { name: nameIsDnsSubdomain, namespaced: false };

const storageClassStrategy: Strategy<StorageClass & KubeObject> = {
  defaults(object) {
    object.reclaimPolicy ??= 'Delete';
    object.volumeBindingMode ??= 'Immediate';
  },
  ...wholeAndChange<StorageClass & KubeObject>(classRules, {
    whole: validateStorageClass,
    change(errors, object, old) {
      validateObjectMetaUpdate(errors, object.metadata, old.metadata);
      if (!sameParameters(object.parameters, old.parameters)) errors.push(invalid('parameters', object.parameters ? sortedMap(object.parameters) : null, immutableText));
      immutable(errors, object.provisioner, old.provisioner, 'provisioner');
      immutable(errors, object.reclaimPolicy, old.reclaimPolicy, 'reclaimPolicy');
      immutable(errors, object.volumeBindingMode, old.volumeBindingMode, 'volumeBindingMode');
    },
  }),
  warnings: (object) =>
    (object.allowedTopologies ?? []).flatMap((term, i) =>
      (term.matchLabelExpressions ?? []).flatMap(({ key }, j) => (nodeLabelDeprecation(key) ? [`allowedTopologies[${i}].matchLabelExpressions[${j}].key: ${nodeLabelDeprecation(key)}`] : [])),
    ),
};

const attributesStrategy: Strategy<VolumeAttributesClass & KubeObject> = wholeAndChange<VolumeAttributesClass & KubeObject>(classRules, {
  changeFirst: true,
  whole(errors, object) {
    validateProvisioner(errors, object.driverName, 'driverName');
    validateParameters(errors, object.parameters, false);
  },
  change(errors, object, old) {
    validateObjectMetaUpdate(errors, object.metadata, old.metadata);
    if (object.driverName !== old.driverName) errors.push(forbidden('driverName', 'updates to driverName are forbidden.'));
    if (!sameParameters(object.parameters, old.parameters)) errors.push(forbidden('parameters', 'updates to parameters are forbidden.'));
  },
});

export const storageClasses = defineResource<any>(storageClassType, { strategy: storageClassStrategy });
export const volumeAttributesClasses = defineResource<any>(attributesClassType, { strategy: attributesStrategy });
