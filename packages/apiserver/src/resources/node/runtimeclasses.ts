import { dns1123Label, duplicate, type FieldError, type KubeObject, nameIsDnsSubdomain, required, runtimeClasses as type, validateLabels } from '@pilothouse/apimachinery';
import type { RuntimeClass as Published } from '@pilothouse/api-schemas/types/node/v1';
import type { Strategy } from '../../contract.ts';
import { roundAmounts } from '../defaults/pod-spec.ts';
import { defineResource } from '../define.ts';
import { same } from '../validation/equality.ts';
import { checkName } from '../validation/check-name.ts';
import { internalForm } from '../validation/internal-form.ts';
import { immutable, validateObjectMetaUpdate, wholeAndChange } from '../validation/object-meta.ts';
import { nodeLabelDeprecation } from '../validation/pod-warnings.ts';
import { validateRequirements } from '../validation/resources.ts';
import { validateTolerations } from '../validation/scheduling.ts';

type RuntimeClass = Published & KubeObject;

const rules = { name: nameIsDnsSubdomain, namespaced: false, kubeFinalizers: false };

function validateClass(errors: FieldError[], object: RuntimeClass): void {
  if (!object.handler) errors.push(required('handler'));
  else checkName(errors, 'handler', object.handler, dns1123Label);
  if (object.overhead) validateRequirements(errors, { limits: object.overhead.podFixed }, 'overhead');
  if (!object.scheduling) return;
  errors.push(...validateLabels(object.scheduling.nodeSelector, 'scheduling.nodeSelector'));
  const tolerations = object.scheduling.tolerations ?? [];
  validateTolerations(errors, tolerations, 'scheduling.tolerations');
  tolerations.forEach((toleration, i) => {
    const key = { ...toleration, tolerationSeconds: undefined };
    if (tolerations.findIndex((other) => same({ ...other, tolerationSeconds: undefined }, key)) < i) {
      errors.push(duplicate(`scheduling.tolerations[${i}]`, internalForm('core/v1.Toleration', toleration)));
    }
  });
}

const strategy: Strategy<RuntimeClass> = {
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  defaults: (object) => roundAmounts(object.overhead?.podFixed),
  ...wholeAndChange<RuntimeClass>(rules, {
    whole: validateClass,
    change(errors, object, old) {
      validateObjectMetaUpdate(errors, object.metadata, old.metadata, rules);
      immutable(errors, object.handler, old.handler, 'handler');
    },
  }),
  warnings: (object) => Object.keys(object.scheduling?.nodeSelector ?? {}).flatMap((key) => (nodeLabelDeprecation(key) ? [`scheduling.nodeSelector: ${nodeLabelDeprecation(key)}`] : [])),
};

export const runtimeClasses = defineResource<any>(type, { strategy });
